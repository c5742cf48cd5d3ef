"""Files of tensors as `torch.save` writes them, read with their checksums verified."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from hd2s.weights.origin import damage_of

_ZIP = b"PK\x03\x04"
_DEEPEST = 50  # containers within each other; trainers leave about ten


class TensorFileError(ValueError):
    """A file that is damaged, or holds something else than tensors; the text says how that shows."""


def read_tensors(path: Path) -> Any:
    """Return what a file holds, in main memory. Only tensors and plain containers are unpickled.

    PyTorch writes a checksum for each tensor and does not look at it. Files of before PyTorch 1.6 have none.

    Raises:
        TensorFileError: the file is not there, is damaged, or holds something else, whatever it is that its
            readers raise then.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(_ZIP)) == _ZIP and (damage := damage_of(path)):
                raise ValueError(damage)
        content = torch.load(path, map_location="cpu", weights_only=True)
        _require_end(content)
        return content
    except (pickle.UnpicklingError, KeyError) as error:
        # What PyTorch says of it advises to run the code that the file may hold, or is the number of a byte.
        raise TensorFileError("it holds something else") from error
    except Exception as error:
        raise TensorFileError(str(error).partition("\n")[0] or type(error).__name__) from error


def _require_end(content: Any, around: tuple[int, ...] = ()) -> None:
    """Refuse containers that hold themselves, in which no reader would come to an end."""
    if not isinstance(content, Mapping | list | tuple):
        return
    if id(content) in around or len(around) == _DEEPEST:
        raise ValueError("it holds itself, or containers in containers without end")
    for each in content.values() if isinstance(content, Mapping) else content:
        _require_end(each, (*around, id(content)))


def tensor_digest(content: Any) -> str:
    """Return a SHA-256 (hex) of all tensors in nested mappings and lists, with places, types and shapes."""
    digest = hashlib.sha256()
    _digest_into(digest, "", content)
    return digest.hexdigest()


def _digest_into(digest: Any, place: str, content: Any) -> None:
    if isinstance(content, torch.Tensor):
        plain = content.detach().cpu().contiguous()
        digest.update(f"{place} {plain.dtype} {tuple(plain.shape)}\n".encode())
        digest.update(plain.reshape(-1).view(torch.uint8).numpy())
    elif isinstance(content, Mapping):
        for name in sorted(content, key=str):
            _digest_into(digest, f"{place}/{name}", content[name])
    elif isinstance(content, list | tuple):
        for number, item in enumerate(content):
            _digest_into(digest, f"{place}/{number}", item)
