"""The same command begun again in this process's place, when Ray has ended under it, or left to its user."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from grid.commands.arguments import INTERRUPTED, REDONE, interrupted_note
from grid.results import output_folder
from grid.results.storage.storage import Mark, Storage, answering
from manifests.problem import LostError, ProblemError

_STARTS = "HD2S_RAY_STARTS"
# Without anything finished or saved in between: what dies once a day does not end a run of weeks.
_MOST_STARTS = 4
# What the first start has done already, and whether a word follows.
_REDO = "--redo"
_ONCE = {"--retry-failed": False, _REDO: True}
_SHOW_CURSOR = "\x1b[?25h"


def begin_again(
    why: str, asked_to_stop: bool, *, restore: Callable[[], object], worked: Callable[[], bool]
) -> None:
    """Go on as a fresh process of the same number, or end as interrupted after some such starts in vain.

    Threads that wait for a Ray which is gone cannot be ended otherwise; what is finished is in the ledger,
    and trainings go on from their last state. It returns to nobody, and may be called on any thread.

    Args:
        why: what has ended.
        asked_to_stop: the user has ended it, and the run with it.
        restore: gives this process its own output back.
        worked: says whether this start was of use, after which those before do not count.
    """
    if any(word.partition("=")[0] == _REDO for word in sys.orig_argv):
        os.environ[REDONE] = "yes"
    note = interrupted_note(redo=False)
    starts = 1 if worked() else int(os.environ.get(_STARTS, "1"))
    restore()
    if os.isatty(2):
        _say(_SHOW_CURSOR)
    if asked_to_stop:
        _say(f"{note}\n")
        os._exit(INTERRUPTED)
    if starts >= _MOST_STARTS:
        _say(f"{why}, for the {starts}th time in vain. {note}\n")
        os._exit(INTERRUPTED)
    _say(f"{why}: the command begins anew, and goes on from what is saved.\n")
    os.environ[_STARTS] = str(starts + 1)
    try:
        os.execv(sys.executable, [sys.executable, *words_again(sys.orig_argv[1:])])
    except OSError as error:
        # The thread that waits for Ray would do so for ever.
        _say(f"{error}. {note}\n")
        os._exit(INTERRUPTED)


def interrupts(error: Exception) -> bool:
    """Whether an error interrupts a run, instead of saying that its settings, data or machine are wrong.

    What a command finds wrong that was begun again was not so before: a Ray that does not start any more, a
    storage or a server that has gone with it.
    """
    return isinstance(error, LostError) or (isinstance(error, ProblemError) and _STARTS in os.environ)


def working(storage: Storage) -> Callable[[], bool]:
    """Return what says whether a result or a state of a training has been written since this call.

    Raises:
        ProblemError: the storage does not answer.
    """
    with answering(storage.url):
        before = _written(storage)

    def worked() -> bool:
        try:
            return any(before.get(name) != mark for name, mark in _written(storage).items())
        except OSError:
            return False  # nothing can have been written where it does not answer either

    return worked


def words_again(words: Sequence[str]) -> list[str]:
    """Return a command's words without those that would do again what was done at its beginning."""
    left, found = list(words), []
    while left:
        word = left.pop(0)
        option, equals, _ = word.partition("=")
        if option not in _ONCE:
            found.append(word)
        elif _ONCE[option] and not equals and left:
            left.pop(0)
    return found


def _written(storage: Storage) -> dict[str, Mark]:
    # Where machines share no folder, a training's states are at the url alone.
    results, states = map(storage.files, (output_folder.RESULTS, output_folder.STATES))
    return {
        name: mark
        for found, end in ((results, output_folder.RESULT_SUFFIX), (states, f"/{output_folder.STATE_FILE}"))
        for name, mark in found.items()
        if name.endswith(end)
    }


def _say(text: str) -> None:
    # Not through Python's streams, which the thread that waits may hold.
    try:
        os.write(2, text.encode())
    except OSError:
        return  # a terminal that was closed
