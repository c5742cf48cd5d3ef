"""Processes of a command's own that leave Ctrl-C to it, and end when it does."""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from datasets.worker_pool import interrupts_held


def whole_number(text: str) -> int:
    """Read an option that says how many, of which there is one at least."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {text}")
    return int(text)


@contextmanager
def fresh_processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """Yield so many processes that know nothing yet; whatever ends the block otherwise than well ends them.

    Spawned, not forked: libraries that hold threads do not survive a fork.
    """
    others = multiprocessing.active_children()
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"))
    try:
        # Each is started by what there is for it to do, and inherits what is held back.
        with interrupts_held():
            for _ in range(count):
                pool.submit(int)
        yield pool
    except BaseException:
        for process in multiprocessing.active_children():
            if process not in others:
                process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
