"""Processes of a command's own that leave Ctrl-C to it, and end when it does."""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from datasets.worker_pool import interrupts_held
from manifests import Problem, ProblemError


def whole_number(text: str) -> int:
    """Read an option that says how many, of which there is one at least."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {text}")
    return int(text)


@contextmanager
def fresh_processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """Yield so many processes that know nothing yet; whatever ends the block otherwise than well ends them.

    Spawned, not forked: libraries that hold threads do not survive a fork.

    Raises:
        ProblemError: one was ended from outside.
    """
    others = multiprocessing.active_children()
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"))
    try:
        # Each is started by what there is for it to do, and inherits what is held back.
        with interrupts_held():
            for _ in range(count):
                pool.submit(int)
        yield pool
    except BaseException as error:
        for process in multiprocessing.active_children():
            if process not in others:
                process.kill()
        if isinstance(error, BrokenProcessPool):
            found, remedy = "killed, as systems do where memory is full", "Give it more, or fewer --workers."
            raise ProblemError(Problem("a process of this command", "its own end", found, remedy)) from error
        raise
    finally:
        pool.shutdown(cancel_futures=True)
