"""What is fit to be recorded once and repeated, says so itself."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, ClassVar


class Capturable:
    """A model or a learner whose passes may be recorded as a CUDA graph (`hd2s.training.captured`).

    A graph repeats its kernels on the same memory. So it may be of what does the same for all micro-batches
    of one size and domain, whatever is in them, and reads nothing that changes from one to the next but their
    tensors, parameters and buffers, and `Progress.number`.

    Attributes:
        capturable: whether it is so. A subclass that does not say it anew is not, since it may do otherwise.
    """

    capturable: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.capturable = vars(cls).get("capturable", False)

    def recorded_as(self) -> Hashable:
        """Return by what, besides, it does one thing or another now: for each there is a recording."""
        return None
