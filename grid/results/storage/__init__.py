"""Where results, checkpoints and states are, if that is elsewhere, and whether it answers."""

from grid.results.storage.storage import Storage, answering

__all__ = ["Storage", "answering"]
