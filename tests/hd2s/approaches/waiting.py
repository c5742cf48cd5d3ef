"""Copies for which a GPU would be waited for, counted without one: on the device "meta"."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class WaitingCopies(TorchDispatchMode):
    """Counts the copies to another device, made in its context, that were not said to be non-blocking."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.ops.aten._to_copy.default and not kwargs.get("non_blocking"):
            self.count += kwargs.get("device", args[0].device) != args[0].device
        return func(*args, **kwargs)
