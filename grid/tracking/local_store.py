"""The store of runs without a server: an SQLite file that is whole or not there."""

from __future__ import annotations

from pathlib import Path

from grid.results.files import write_atomically

_SCHEME = "sqlite:///"


def make_ready(uri: str) -> None:
    """Make a store's file, if it is one that is not there yet; any other store is left alone.

    MLflow gives a new file its schema in dozens of steps, and refuses for ever one that a kill or a full disk
    has left between two of them. So they are taken under another name.
    """
    file = Path(uri.removeprefix(_SCHEME))
    if not uri.startswith(_SCHEME) or file.exists():
        return
    from mlflow import MlflowClient  # noqa: PLC0415 - it takes more than a second

    # A name that was never tried before: MLflow keeps what it has opened, even if it is removed.
    write_atomically(file, lambda part: MlflowClient(f"{_SCHEME}{part}").search_experiments(max_results=1))
