"""What answers are written on: a terminal as wide as it is, or a file, which has room for every line."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from shutil import get_terminal_size

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult
from rich.table import Table

from manifests.command_line import printing

ROOM_FOR_ALL = 80
"""Columns of a terminal; with fewer, names would be folded to a few letters."""
# Wider than any table: a file is searched line by line, and has no edge.
_OF_A_FILE = 10_000


def answer(content: object) -> None:
    """Print what was asked for: what has a layout as it fits, and anything else as it is.

    Raises:
        ProblemError: the standard output takes no more, as a full disk or a program that has ended.
    """
    console, text = answer_console(), f"{content}\n"
    with printing():
        if isinstance(content, ConsoleRenderable):
            # Printed by itself it would end this process where a pipe is broken.
            with console.capture() as laid_out:
                console.print(content, crop=False)
            text = laid_out.get()
        sys.stdout.write(text)


def answer_console() -> Console:
    """Return where an answer is printed; what is no terminal has no width unless COLUMNS gives it one.

    Brackets and colons are a user's own, as in titles, and no colours and pictures. What an old terminal has
    no letter for is a question mark there, and ends no run.
    """
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")
    columns = os.environ.get("COLUMNS", "")
    width = None
    if not (columns.isdecimal() and int(columns)):
        # Rich takes 0 at its word, and prints nothing.
        width = get_terminal_size().columns if sys.stdout.isatty() else _OF_A_FILE
    return Console(highlight=False, markup=False, emoji=False, width=width)


class Fitting:
    """A table that has, where the terminal is narrow, no more columns than leave room for names.

    Args:
        make: columns of the terminal → the table.
    """

    def __init__(self, make: Callable[[int], Table]) -> None:
        self.make = make

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.make(options.max_width)
