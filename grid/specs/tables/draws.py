"""Random search: points of a sweep drawn from distributions, each by its number, setting and seed alone.

More points are further trainings: those that were drawn before stay as they are.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

KINDS = ("uniform", "loguniform", "randint")
EXPECTED = "uniform(LOW, HIGH), loguniform(LOW, HIGH) or randint(LOW, HIGH), as Ray Tune has them"
# Of what is drawn: enough for a setting, and the same on every machine.
_DIGITS = 3
_CALL = re.compile(r"(\w+)\(\s*([^,()\s]+)\s*,\s*([^,()\s]+)\s*\)")


class Distribution(NamedTuple):
    """What a setting is drawn from: `randint` from low to below high, the others from low to high."""

    kind: str
    low: float
    high: float

    def value(self, u: float) -> float | int:
        """Return the value at a share u of the distribution, 0 ≤ u < 1."""
        if self.kind == "randint":
            return math.floor(self.low + u * (self.high - self.low))
        if self.kind == "uniform":
            return self._rounded(self.low + u * (self.high - self.low))
        return self._rounded(math.exp(math.log(self.low) + u * (math.log(self.high) - math.log(self.low))))

    def _rounded(self, value: float) -> float:
        return min(max(float(f"{value:.{_DIGITS}g}"), self.low), self.high)


def parse(text: Any) -> Distribution | None:
    """Return the distribution that a text writes; None where it writes none."""
    found = _CALL.fullmatch(text) if isinstance(text, str) else None
    if found is None or found[1] not in KINDS:
        return None
    try:
        low, high = float(found[2]), float(found[3])
    except ValueError:
        return None
    whole = found[1] != "randint" or (low.is_integer() and high.is_integer())
    sound = -math.inf < low < high < math.inf and (found[1] != "loguniform" or low > 0)
    return Distribution(found[1], low, high) if whole and sound else None


def draw(axes: Sequence[tuple[str, tuple[str, ...]]], points: int, seed: int) -> list[tuple[str, ...]]:
    """Return so many points as overrides, fewer where some are the same.

    Args:
        axes: (setting, a distribution alone, or values that are equally likely).
        points: how many.
        seed: another one draws others.
    """
    found = (tuple(f"{key}={_drawn(key, values, i, seed)}" for key, values in axes) for i in range(points))
    return list(dict.fromkeys(found))


def _drawn(key: str, values: tuple[str, ...], number: int, seed: int) -> str:
    u = random.Random(f"{seed}/{key}/{number}").random()
    distribution = parse(values[0])
    return json.dumps(distribution.value(u)) if distribution else values[int(u * len(values))]
