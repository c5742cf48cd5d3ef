"""State dicts in the forms that trainers leave them in: inside other things, with more before each name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from torch import Tensor

# An average of the weights is what its trainer means to be used: it goes before the weights themselves.
_AVERAGES = ("state_dict_ema", "ema_state_dict", "model_ema", "ema_model", "ema")
_KEYS = (*_AVERAGES, "state_dict", "model_state_dict", "model_state", "model", "net", "weights", "params")
_PREFIXES = ("module.", "_orig_mod.", "ema_model.", "model.", "net.")
# What `torch.optim.swa_utils.AveragedModel` and other averages keep beside the weights.
_COUNTERS = ("n_averaged", "num_updates", "decay", "initted", "step")


def unwrapped(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the state dict inside what a trainer has saved, however deep; anything else as it is."""
    for key in _KEYS:
        inner = content.get(key)
        if isinstance(inner, Mapping) and (_holds_tensors(inner) or any(name in inner for name in _KEYS)):
            return unwrapped(inner)
    return content


def bare(state: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a state dict as it is, then without each of the prefixes that all of its names have.

    Last, without the prefix of PyTorch's parallel modules where some names alone have it.
    """
    yield {str(name): value for name, value in state.items()}
    found = {str(name): value for name, value in state.items() if str(name) not in _COUNTERS}
    while found and (prefix := next((each for each in _PREFIXES if _all_begin(found, each)), None)):
        found = {name.removeprefix(prefix): value for name, value in found.items()}
        yield found
    if any(name.startswith(_PREFIXES[0]) for name in found):
        yield {name.removeprefix(_PREFIXES[0]): value for name, value in found.items()}


def _all_begin(state: Mapping[str, Any], prefix: str) -> bool:
    return all(name.startswith(prefix) for name in state)


def named_as(state: Mapping[str, Any], names: Collection[str]) -> dict[str, Any] | None:
    """Return a state dict under most of these names, if any of its forms has them."""
    for form in bare(state):
        if 2 * len(form.keys() & set(names)) > max(len(form), len(names)):
            return form
    return None


def _holds_tensors(content: Mapping[str, Any]) -> bool:
    return any(isinstance(value, Tensor) for value in content.values())
