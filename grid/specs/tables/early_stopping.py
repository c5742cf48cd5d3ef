"""Whether hopeless points of a sweep are stopped early: as a table says it, and as a command line does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

ASHA, NONE = "asha", "none"
WORDS = (ASHA, NONE)


@dataclass(frozen=True)
class SweepSettings:
    """What a command line puts in the place of a table's own; null leaves it as the table says."""

    # asha: a point that is worse than the best of its row after as much of its training is stopped there
    # (Li et al., 2018, asynchronous successive halving); none: every point is trained to its end.
    stop: str | None = None
    # The share of a training's iterations before which none is stopped.
    grace: float | None = None
    # Looks come at `grace` times 1, `reduction`, `reduction`², …; one in so many points goes on from each.
    reduction: float | None = None


KEYS = tuple(each.name for each in fields(SweepSettings))


class Asha(NamedTuple):
    """How points are stopped: see `SweepSettings`. The reduction is the paper's and Ray Tune's."""

    grace: float = 0.1
    reduction: float = 4.0


def asha_of(own: Mapping[str, Any], instead: SweepSettings) -> Asha | None:
    """Return how a table's points are stopped; None where they are not.

    Args:
        own: what the table says, which is sound.
        instead: what goes before it.
    """
    said = {**own, **{key: value for key, value in asdict(instead).items() if value is not None}}
    numbers = {key: float(said[key]) for key in Asha._fields if said.get(key) is not None}
    return Asha(**numbers) if said.get("stop") == ASHA else None


def faults(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is out of its range: the key, and what is expected; null and what is not there are sound."""
    if said.get("stop") not in (None, *WORDS):
        yield "stop", " or ".join(WORDS)
    if not _is_between(said.get("grace"), 0, 1):
        yield "grace", "a share of a training's iterations, more than 0 and less than 1"
    if not _is_between(said.get("reduction"), 1, float("inf")):
        yield "reduction", "more than 1"


def _is_between(value: Any, low: float, high: float) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return value is None or (number and low < value < high)
