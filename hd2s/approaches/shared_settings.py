"""Settings that several approaches have, and what is checked of settings alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hd2s.models.config import Fault, PlainConfig


@dataclass(frozen=True)
class WeightSettings(PlainConfig):
    """How much a distance weighs.

    Attributes:
        weight: of the distance, times λ of Eq. 4.
    """

    weight: float = 1.0

    def faults(self) -> Iterable[Fault]:
        """List what cannot work."""
        yield from not_negative(self, "weight")


def not_negative(settings: PlainConfig, *names: str) -> Iterator[Fault]:
    """List those fields that are not 0 or more, and finite."""
    yield from ((name, "0 or more") for name in names if not 0 <= getattr(settings, name) < math.inf)
