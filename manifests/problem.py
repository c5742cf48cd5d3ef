"""Problems as data: all of them are found before anything stops, and each says what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from manifests.secrets import masked


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it must be.

    Args:
        where: the clip, file or setting concerned.
        expected: what should have been there.
        found: what was there.
        remedy: what to do about it.
    """

    where: str
    expected: str
    found: str
    remedy: str

    def __str__(self) -> str:
        # What others say of an error often ends in a point of its own.
        found = self.found.rstrip().removesuffix(".")
        return masked(f"{self.where}: expected {self.expected}, found {found}. {self.remedy}")


class ProblemError(Exception):
    """One or more problems, raised together so that all can be mended at once."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: list[Problem] = [problems] if isinstance(problems, Problem) else list(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return str(self.problems[0])
        lines = [f"{n}. {problem}" for n, problem in enumerate(self.problems, start=1)]
        return "\n".join([f"{len(lines)} problems:", *lines])


class ExchangedError(ProblemError):
    """What lies in a place is another's than its name says, or was exchanged meanwhile.

    It is no failure of the work that has found it, which is done when the right thing is there again.
    """


class LostError(ProblemError):
    """What a run stood on was lost under it: no mistake of its user's, whose same command goes on."""


@contextmanager
def gathered(problems: list[Problem]) -> Iterator[None]:
    """Add what the block raises to `problems` and go on, so that all is told together afterwards."""
    try:
        yield
    except ProblemError as error:
        problems += error.problems


@contextmanager
def locking(folder: Path | str, otherwise: str) -> Iterator[None]:
    """Tell of a disk that locks no files, for a block that asks it for one (`fcntl.flock`).

    Args:
        folder: on that disk.
        otherwise: how to give a folder of another one.

    Raises:
        ProblemError: there are no locks.
        BlockingIOError, FileNotFoundError: as the block.
    """
    try:
        yield
    except (BlockingIOError, FileNotFoundError):
        raise
    except OSError as error:
        # As of Lustre that is mounted without it, or an NFS server that does not run it.
        remedy = f"Have it mounted with locks (flock), or give a folder of another disk: {otherwise}."
        raise ProblemError(Problem(str(folder), "a disk that can lock files", str(error), remedy)) from error


def suggest(word: str, available: Iterable[str]) -> str:
    """Say what an unknown word may have meant and what there is; upper and lower case are no difference."""
    names = {name.lower(): name for name in sorted(available)}
    near = difflib.get_close_matches(word.lower(), names, n=1)
    guess = f"Did you mean {names[near[0]]}? " if near else ""
    return f"{guess}Available: {', '.join(names.values())}."


def counted(n: int, unit: str, plural: str = "") -> str:
    """Count things: "1 training", "2,000 trainings"."""
    return f"{n:,} {unit if n == 1 else plural or f'{unit}s'}"


def agreed(n: int, one: str = "is", more: str = "are") -> str:
    """Return the form of a verb that agrees with so many."""
    return one if n == 1 else more
