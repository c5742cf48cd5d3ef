"""What every command line of the project begins and ends with; it needs nothing but Python itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from manifests.problem import Problem, ProblemError

_WRONG = 2
_OURS = {"datasets", "grid", "hd2s", "manifests"}


@contextmanager
def environment() -> Iterator[None]:
    """Import in the block what a command line needs, with all standard streams there.

    Raises:
        SystemExit: a package is not there; what to do was told.
    """
    _open_streams()
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _OURS:
            raise
        remedy = "this is not the project's environment. After make demo: source .venv/bin/activate"
        sys.stderr.write(f"{error}: {remedy}\n")
        raise SystemExit(_WRONG) from None


@contextmanager
def printing() -> Iterator[None]:
    """Print in the block, and bring all of it to where it is printed to.

    Raises:
        ProblemError: the standard output takes no more, as a full disk or a program that has ended.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        # What has found no place would be tried once more, and told of, at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        remedy = "Have it printed elsewhere: no result is lost."
        raise ProblemError(Problem("standard output", "a place to print to", str(error), remedy)) from error


def ended(main: Callable[[], int]) -> int:
    """Run a command line; return its exit status, or that of an output which could not be printed."""
    status = main()
    try:
        with printing():
            return status
    except ProblemError as error:
        sys.stderr.write(f"{error}\n")
        return _WRONG


def _open_streams() -> None:
    """Open what a process was started without (`>&-`): of what is printed there nothing is kept.

    The next file that is opened would have that number, and get what libraries and other processes print.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(opened, True)
            setattr(sys, name, os.fdopen(opened, mode, encoding="utf-8"))
