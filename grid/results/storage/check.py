"""Whether a storage can be written to and read, asked before anything is started."""

from __future__ import annotations

import os
import threading
import uuid
from pathlib import Path

from datasets.remote import connect
from grid.results.files import upload_atomically
from manifests.problem import Problem, ProblemError

# Some clients try for a quarter of an hour before they say that a server does not answer.
_ANSWER_WITHIN_S = 45.0


def check_storage(url: str, *, look_only: bool = False) -> None:
    """Make sure that a storage can be written to and read; an empty url is none.

    Args:
        url: the storage's.
        look_only: make no folder on this machine to find out.

    Raises:
        ProblemError: it cannot, and why.
    """
    if not url:
        return
    # Ended with this process, whatever the client of the storage still waits for.
    outcome: list[object] = []
    asking = threading.Thread(target=lambda: outcome.append(_trouble(url, look_only)), daemon=True)
    asking.start()
    asking.join(_ANSWER_WITHIN_S)
    trouble = outcome[0] if outcome else f"no answer within {_ANSWER_WITHIN_S:g} s"
    if trouble:
        remedy = (
            "Correct it: file:///folder, or s3://bucket/folder with a bucket that exists, and credentials in"
            " the environment or the machine's role that may read, write and delete there."
        )
        found = " ".join(str(trouble).split())
        raise ProblemError(Problem("storage.url", f"a storage to write to at {url}", found, remedy))


def _trouble(url: str, look_only: bool) -> object:
    try:
        system, root = connect(url)
        if not root.strip("/"):
            return "no folder in it"
        if look_only and system.type_name == "local":
            return _not_to_be_made(Path(root))
        name = f"{root}/.written-{uuid.uuid4().hex}"
        upload_atomically(system, Path(os.devnull), name)
        system.delete_file(name)
    except ProblemError as error:
        return error.problems[0].found
    except OSError as error:
        return error
    return None


def _not_to_be_made(folder: Path) -> str:
    """Say why a folder that may not exist yet could not be written to; "" where it could."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not there.is_dir():
        return f"{there} is no folder"
    return "" if os.access(there, os.W_OK | os.X_OK) else f"{there} may not be written to"
