"""The store of runs without a server: an SQLite file that is whole or not there."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from grid.results import output_folder
from grid.results.files import write_atomically
from manifests.escaping import shell
from manifests.problem import Problem, ProblemError

_SCHEME = "sqlite:///"
# What has a meaning of its own in an address.
_QUOTED = frozenset("?%")
# Where MLflow keeps places of artifacts.
_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
)


def address_of(file: Path) -> str:
    """Return the address by which MLflow finds a store's file, whatever its path is made of.

    Raises:
        ProblemError: the SQLAlchemy that MLflow uses here has no way to write it.
    """
    plain = f"{_SCHEME}{file}"
    if not _QUOTED.intersection(str(file)):
        return plain
    from sqlalchemy.engine import URL, make_url  # noqa: PLC0415 - it takes a while, and is hardly ever needed

    address = URL.create("sqlite", database=str(file)).render_as_string()
    if make_url(address).database != str(file):
        expected, found = "an output folder without ? and % in its path", str(file.parent)
        raise ProblemError(Problem("--out", expected, found, "Rename it, or update SQLAlchemy to 2.1."))
    return address


def file_of(uri: str) -> Path | None:
    """Return the file of a store's address; None of a server's."""
    if not uri.startswith(_SCHEME):
        return None
    if not _QUOTED.intersection(uri):
        return Path(uri.removeprefix(_SCHEME))
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - see address_of

    return Path(make_url(uri).database or "")


def make_ready(uri: str) -> None:
    """Make a store's file, if it is one that is not there yet; any other store is left alone.

    MLflow gives a new file its schema in dozens of steps, and refuses for ever one that a kill or a full disk
    has left between two of them. So they are taken under another name. The file is its owner's alone.

    Raises:
        ProblemError: it is another user's, or damaged.
    """
    file = file_of(uri)
    if file is None:
        return
    # What a failing machine has left empty is made as what is not there.
    if file.exists() and file.stat().st_size:
        require_usable(file)
        return
    from mlflow import MlflowClient  # noqa: PLC0415 - it takes more than a second

    def fill(part: Path) -> None:
        # A name that was never tried before: MLflow keeps what it has opened, even if it is removed.
        part.touch(mode=0o600)
        MlflowClient(address_of(part)).search_experiments(max_results=1)

    write_atomically(file, fill)


def require_usable(file: Path) -> None:
    """Require a store's file that this user may read and write, and that is one.

    Raises:
        ProblemError: it is another user's, as in an output folder that a group shares, or damaged.
    """
    if not os.access(file, os.R_OK | os.W_OK):
        expected, found = "a store of runs that you may read and write", f"one of user {file.stat().st_uid}"
        remedy = (
            f"Its owner may share it, `{shell(['chmod', 'g+rw', str(file)])}`; or give --tracking-uri URI."
        )
        raise ProblemError(Problem(str(file), expected, found, remedy))
    if damage := _damage(file):
        remedy = "Move it away: a new one is made of the results by `python -m grid sync`, or the next run."
        raise ProblemError(Problem(str(file), "a store of runs", damage, remedy))


def _damage(file: Path) -> str:
    """Say why a file is no sound store; "" if it is one, or if another keeps it from being looked at."""
    try:
        with closing(sqlite3.connect(file, timeout=1.0)) as store:
            (found,) = store.execute("PRAGMA quick_check(1)").fetchone()
            tables = store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except sqlite3.OperationalError:
        return ""
    except sqlite3.DatabaseError as error:
        return str(error)
    if found != "ok":
        return " ".join(found.split())
    return "" if ("experiments",) in tables else "a database without experiments"


def follow_the_folder(uri: str, artifacts: Path) -> None:
    """Have a store that was moved or copied with its output folder look for artifacts where they lie now.

    MLflow keeps their absolute places, and would make the old folder again.

    Args:
        uri: of the store; one that does not lie beside the artifacts is left alone.
        artifacts: their folder now.
    """
    file = file_of(uri)
    if file is None or file.parent != artifacts.parent or not file.exists():
        return
    now = artifacts.as_uri()
    with closing(sqlite3.connect(file)) as store, store:
        known = {name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        places = store.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall()
        ours = [
            place for (place,) in places if place and place.endswith(f"/{output_folder.MLFLOW_ARTIFACTS}")
        ]
        for before in (place for place in ours if place != now):
            for table, column in _PLACES:
                if table in known:
                    store.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?)"
                        f" WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                        (now, len(before) + 1, before, len(before) + 1, f"{before}/"),
                    )
