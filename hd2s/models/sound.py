"""Whether a model, perhaps somebody's own, computes what a training and a test rely on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from hd2s.models.contract import SaliencyModel

_TORCHS = frozenset(vars(nn.Module()))


def require_parameters(module: nn.Module) -> None:
    """Make sure that all weights that a module holds are its own: those in a list are not trained or saved.

    Weights that are not to be trained may be kept so. Lists and dictionaries are looked through to the end.

    Raises:
        ValueError: naming the attribute.
    """
    known = set(map(id, module.parameters()))
    for name, part in module.named_modules():
        for attribute, value in vars(part).items():
            hidden = () if attribute in _TORCHS else _within(value, set())
            if any(weights.requires_grad and id(weights) not in known for weights in hidden):
                where = f"{name}.{attribute}".lstrip(".")
                found = f"a {type(value).__name__}, whose weights are neither trained nor saved"
                raise ValueError(f"{where} is to be a ModuleList, ModuleDict or ParameterList, found {found}")


def require_groups(model: SaliencyModel) -> None:
    """Make sure that `parameter_groups` has all parameters that are trained, each once.

    Raises:
        ValueError: naming them.
    """
    times = Counter(id(each) for group in model.parameter_groups() for each in group.parameters)
    wrong = {
        "left out": [name for name, p in model.named_parameters() if p.requires_grad and not times[id(p)]],
        "repeated": [name for name, p in model.named_parameters() if times[id(p)] > 1],
    }
    if found := [f"{', '.join(names[:3])} {what}" for what, names in wrong.items() if names]:
        remedy = "what stays as it is says requires_grad_(False)"
        raise ValueError(
            f"`parameter_groups` is to have each parameter once, found {'; '.join(found)}: {remedy}"
        )


def require_values(build: Callable[[], SaliencyModel], shape: tuple[int, ...], domain: str | None) -> None:
    """Make sure that a model is the same each time, and answers with maps.

    Args:
        build: makes it from one seed, on the CPU.
        shape: of the clips that it is shown, (B, T, H, W, 3).
        domain: the corpus that they are from.

    Raises:
        ValueError: it is another one each time, changes its clips or what is saved of it, or its maps are
            negative or no numbers.
    """
    model, again = build().eval(), build().state_dict()
    state = model.state_dict()
    if others := [name for name in state if not _equal(state[name], again[name])]:
        expected = "the same first weights of one seed, which PyTorch's generator gives"
        raise ValueError(
            f"the model is to have {expected}, found others each time in {', '.join(others[:3])}"
        )
    shown = torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    # As in a test: its clips alone, and not its weights, are made without gradients.
    with torch.inference_mode():
        clips = model.normalise(shown)
        _require_maps(model, clips, clips.clone(), domain)
    require_entries("the model", model, state)


def _require_maps(model: SaliencyModel, clips: Tensor, same: Tensor, domain: str | None) -> None:
    found = model(clips, domain=domain)
    if not torch.equal(clips, same):
        raise ValueError("`forward` is to leave its clips as they are, found them changed in place")
    for name, maps in {"saliency": found.saliency, **found.auxiliary}.items():
        least = maps.min().item()
        if not least >= 0:
            raise ValueError(
                f"{name} is to be 0 or more everywhere, found {least:g}: end in sigmoid or softmax"
            )
    again, rounding = model(same, domain=domain).saliency, 1e-4 * found.saliency.max().item()
    if not torch.allclose(found.saliency, again, rtol=1e-3, atol=rounding):
        raise ValueError("the model is to answer a clip alike each time in evaluation, found other maps")


def require_entries(what: str, module: nn.Module, before: Mapping[str, object]) -> None:
    """Make sure that a module has made all that is saved of it by itself, and nothing when it was used.

    Args:
        what: what it is called.
        module: that has been used since.
        before: its `state_dict()` from before.

    Raises:
        ValueError: naming what it has more, or less: who loads its weights has not used it yet.
    """
    if found := sorted(module.state_dict().keys() ^ before.keys()):
        remedy = "make it in `__init__`, or as a buffer with persistent=False"
        told = f"to have all that is saved of it before it is used, found {', '.join(found[:3])} since"
        raise ValueError(f"{what} is {told}: {remedy}")


def _within(value: object, seen: set[int]) -> Iterator[Tensor]:
    """Yield the weights in containers that are not `seen` yet, which may hold each other."""
    held = list(value.values()) if isinstance(value, Mapping) else value
    if not isinstance(held, list | tuple | set) or id(value) in seen:
        return
    seen.add(id(value))
    for each in held:
        if isinstance(each, nn.Module):
            yield from each.parameters()
        elif isinstance(each, nn.Parameter):
            yield each
        else:
            yield from _within(each, seen)


def _equal(one: object, other: object) -> bool:
    return torch.equal(one, other) if isinstance(one, Tensor) and isinstance(other, Tensor) else True
