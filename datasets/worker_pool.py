"""One function over many items in worker processes, of which none can stop the whole by dying.

A damaged file may crash the library that reads it, and the system kills a process that takes too much memory.
An item during which a worker died is put aside and tried once more when all others are done, alone: if the
worker dies again, the item failed; if not, it was a victim of its neighbours.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar

Item = TypeVar("Item")
Value = TypeVar("Value")

_FALSE_STARTS = 3
_READY = "ready"


@dataclass(frozen=True, slots=True)
class Done(Generic[Item, Value]):
    """An item and what the function made of it."""

    item: Item
    value: Value | None
    """What the function returned; None when it failed."""
    failure: str = ""
    """Why there is no value: what the function raised, or how its process ended. Empty when there is one."""
    died: bool = False
    """Whether the item's process ended instead of the function."""


def run(
    function: Callable[[Item], Value], items: Iterable[Item], *, workers: int = 1
) -> Iterator[Done[Item, Value]]:
    """Apply a function to every item; yield each result as soon as it is there, in no certain order.

    No more items are taken than there are workers to work on them, so that memory does not grow with their
    number. Closing the generator kills the workers.

    Args:
        function: picklable; sent to each worker once.
        items: picklable.
        workers: processes, started afresh (spawn). With 1 everything runs in this process, which then shares
            the fate of its function.

    Raises:
        RuntimeError: the worker processes end before they can take an item.
    """
    if workers == 1:
        for item in items:
            yield Done(item, *_attempt(function, item))
        return
    suspects = []
    with _Crew(function, workers) as crew:
        for done in crew.over(items):
            if done.died:
                suspects.append(done.item)
            else:
                yield done
    with _Crew(function, 1) as crew:
        yield from crew.over(suspects)


@dataclass(slots=True)
class _Worker(Generic[Item]):
    process: BaseProcess
    connection: Connection
    item: Item
    ready: bool = False


class _Crew(Generic[Item, Value]):
    """Workers that have one item each, started as they are needed and replaced when they die."""

    def __init__(self, function: Callable[[Item], Value], size: int) -> None:
        self._function, self._size = function, size
        self._busy: dict[Connection, _Worker[Item]] = {}
        self._idle: list[_Worker[Item]] = []
        self._returned: list[Item] = []
        self._false_starts = 0

    def __enter__(self) -> _Crew[Item, Value]:
        return self

    def __exit__(self, *_: object) -> None:
        workers = [*self._busy.values(), *self._idle]
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.process.join()
            worker.connection.close()

    def over(self, items: Iterable[Item]) -> Iterator[Done[Item, Value]]:
        """Yield the results of these items as they come; an item whose worker died has one too."""
        items = iter(items)
        self._hand_out(items)
        while self._busy:
            ready = wait(list(self._busy))
            for connection in [each for each in self._busy if each in ready]:
                done = self._hear(connection)
                self._hand_out(items)
                if done is not None:
                    yield done

    def _hand_out(self, items: Iterator[Item]) -> None:
        """Give every worker an item while there are any."""
        while len(self._busy) < self._size:
            try:
                item = self._returned.pop() if self._returned else next(items)
            except StopIteration:
                return
            worker = self._idle.pop() if self._idle else self._start(item)
            worker.item = item
            self._busy[worker.connection] = worker
            # A worker that died while idle or starting is heard of by the end of its connection.
            with suppress(OSError):
                worker.connection.send(item)

    def _hear(self, connection: Connection) -> Done[Item, Value] | None:
        """Take one message, or the end of its worker."""
        worker = self._busy[connection]
        try:
            message = connection.recv()
        except (EOFError, OSError):
            return self._bury(worker)
        if message == _READY:
            worker.ready, self._false_starts = True, 0
            return None
        del self._busy[connection]
        self._idle.append(worker)
        return Done(worker.item, *message)

    def _bury(self, worker: _Worker[Item]) -> Done[Item, Value] | None:
        """Blame the item for its worker's end, unless the worker never came to it."""
        del self._busy[worker.connection]
        worker.connection.close()
        worker.process.join()
        how = _how_it_ended(worker.process.exitcode)
        if worker.ready:
            return Done(worker.item, None, f"its process {how}", died=True)
        self._returned.append(worker.item)
        self._false_starts += 1
        if self._false_starts > _FALSE_STARTS:
            raise RuntimeError(
                f"worker processes cannot start: each {how}. If this was called by a script, the call must"
                ' stand under `if __name__ == "__main__":`; or work with workers=1.'
            )
        return None

    def _start(self, item: Item) -> _Worker[Item]:
        """Start a process, not by forking: libraries with threads of their own do not survive a fork."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self._function), daemon=True)
        with interrupts_held():
            process.start()
        theirs.close()
        return _Worker(process, ours, item)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Block SIGINT; what is started meanwhile never receives it, so that Ctrl-C is left to this process."""
    # The first process of all would start this one too, and unblock interruptions for it.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(connection: Connection, function: Callable[[Item], Value]) -> None:
    """Be a worker until the other side closes its end, be it by dying."""
    try:
        connection.send(_READY)
        while True:
            message = _attempt(function, connection.recv())
            try:
                connection.send(message)
            except OSError:
                raise
            except Exception as error:  # noqa: BLE001 - pickling raises whatever the value's class chose
                connection.send((None, f"its result cannot be sent: {error}"))
    except (EOFError, OSError):
        pass


def _attempt(function: Callable[[Item], Value], item: Item) -> tuple[Value | None, str]:
    try:
        return function(item), ""
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this item's failure and no other's
        return None, f"{type(error).__name__}: {error}"


def _how_it_ended(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f"ended with exit code {exit_code}"
    number = signal.Signals(-exit_code)
    return f"was killed by {number.name} ({signal.strsignal(number)})"
