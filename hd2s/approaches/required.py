"""Whether a learner, perhaps somebody's own, does what a training and a test rely on: told before either."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor

from hd2s.approaches.contract import Approach, Learner
from hd2s.checks import require_known, told
from hd2s.models.contract import SaliencyModel

_TESTED_AS_INSIDE = ("normalise", "answer", "sized")
"""What a model that is put around another one must do as that does in a test, or otherwise on purpose."""
_TRAINED_AS_INSIDE = ("losses", "parameter_groups", "lr_share")
"""The same in a training."""


def require_learner(learner: object, inside: SaliencyModel, tested: Callable[[], SaliencyModel]) -> Learner:
    """Return a learner whose models can be tested.

    Args:
        learner: what the approach makes of a model.
        inside: that model.
        tested: makes a model of the same kind as a test does, to be filled with the weights.

    Raises:
        TypeError: it is none, or has none.
        ValueError: a test could not load what it ends with, or would predict otherwise, or a method of theirs
            is called by nobody.
    """
    if not isinstance(learner, Learner):
        raise TypeError(f"`learner` is to return a Learner, found a {type(learner).__name__}")
    require_known(type(learner), Learner)
    _require_as_inside("model", learner.model, inside, _TRAINED_AS_INSIDE)
    for name, found in {"result()": learner.result(), **learner.further()}.items():
        if not isinstance(found, SaliencyModel):
            raise TypeError(f"`{name}` is to be a SaliencyModel, found a {type(found).__name__}")
        require_known(type(found), SaliencyModel)
        _require_loadable(name, found, tested())
        _require_trained(name, found, learner)
        _require_as_inside(name, found, inside, _TESTED_AS_INSIDE)
    return learner


def require_something_trained(learner: Learner, approach: Approach) -> None:
    """Make sure that a training moves some weights: else it ends as it began, under another name.

    Raises:
        ValueError: all of them are frozen, and the approach does not say that it learns by no gradient.
    """
    takes_gradients = approach.trains and approach.iterations is None
    if takes_gradients and not any(each.requires_grad for each in learner.parameters()):
        remedy = "leave the model out, or say its `iterations` if it learns by no gradient"
        raise ValueError(
            f"`learner` is to have weights to train in {learner.model.declaration.title}, found all of them"
            f" frozen: {remedy}"
        )


def require_losses(yielded: object) -> Tensor:
    """Return the loss of what a learner yields, a pair of it and its terms.

    Raises:
        TypeError: it is no such pair, or one of them is no scalar.
    """
    if not isinstance(yielded, tuple) or len(yielded) != 2 or not isinstance(yielded[1], Mapping):
        raise TypeError(f"`losses` is to yield pairs, a loss and its terms by name, found {_shown(yielded)}")
    loss, terms = yielded
    for name, value in {"the loss": loss, **terms}.items():
        if not isinstance(value, Tensor) or value.ndim:
            raise TypeError(
                f"{name} that `losses` yields is to be a tensor of one number, found {_shown(value)}"
            )
    return loss


def _require_loadable(name: str, model: SaliencyModel, tested: SaliencyModel) -> None:
    if not hasattr(model, "declaration"):
        raise ValueError(f"`{name}` is to have the model's `declaration`: extend Surrounded, which has it")
    found, expected = _shapes(model), _shapes(tested)
    wrong = [f"{key} missing" for key in expected if key not in found]
    wrong += [f"{key} unexpected" for key in found if key not in expected]
    wrong += [f"{key} of another shape" for key in found if expected.get(key, found[key]) != found[key]]
    if wrong:
        remedy = "what it puts around the model, `Approach.around` puts around it in tests"
        raise ValueError(
            f"`{name}` is to have the entries of a tested model, found {', '.join(wrong)}: {remedy}"
        )


def _require_trained(name: str, model: SaliencyModel, learner: Learner) -> None:
    own = dict(learner.named_parameters(remove_duplicate=False))
    known = set(map(id, own.values()))
    others = [key for key, each in model.named_parameters() if each.requires_grad and id(each) not in known]
    # A copy, as of an average, is of weights that the learner has under the same name.
    if strange := [key for key in others if not any(name.endswith(f".{key}") for name in own)]:
        remedy = "make it in `__init__`, as an attribute"
        found = f"others in {', '.join(strange[:3])}"
        raise ValueError(f"`{name}` is to have weights of the learner's, found {found}: {remedy}")


def _require_as_inside(
    name: str, model: SaliencyModel, inside: SaliencyModel, methods: Iterable[str]
) -> None:
    own, plain = type(inside), SaliencyModel
    left = [
        each
        for each in methods
        if getattr(type(model), each) is getattr(plain, each)
        and getattr(own, each) is not getattr(plain, each)
    ]
    if left:
        remedy = "extend Surrounded (hd2s.approaches.surrounded), which does as the model inside"
        raise ValueError(
            f"`{name}` is to have the model's own {', '.join(left)}, found those of any model: {remedy}"
        )


def _shapes(model: SaliencyModel) -> dict[str, Any]:
    return {name: tuple(getattr(value, "shape", ())) for name, value in model.state_dict().items()}


def _shown(value: object) -> str:
    return f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else told(value)
