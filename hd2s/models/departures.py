"""What a model does by default otherwise than its paper says, or where the paper is silent, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Departure:
    """One such thing.

    Attributes:
        told: what it is and why, and how to have it otherwise, in sentences.
        when: it holds of what was made with these values: settings `train.*`, `test.*` and `model.*`,
            `approach`, and `printed`, whether a table has the paper's numbers beside it. A frozenset holds of
            each value in it. Empty: of all.
    """

    told: str
    when: Mapping[str, Any] = field(default_factory=dict)

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it is one of what was made with these values."""
        return all(key in values and _is(values[key], value) for key, value in self.when.items())


def _is(value: Any, expected: Any) -> bool:
    return value in expected if isinstance(expected, frozenset) else bool(value == expected)


PRECISION = Departure(
    "Trainings run their forward passes in bfloat16, for which GPUs are built, with weights and maps in"
    " float32; the paper names no precision. train.mixed_precision=false computes in float32.",
    when={"train.mixed_precision": True},
)
"""Of every model that trains."""

MIRRORED = Departure(
    "Half of the windows are mirrored, as in the released code; the paper speaks of no augmentation."
    " train.mirrored=false mirrors none.",
    when={"train.mirrored": True},
)
"""Of models whose released code mirrors."""
