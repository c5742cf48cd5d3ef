"""The digest of a manifest: what its clips are and where they were looked at, split by split."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from manifests.schema import IDENTITY, SCHEMA_VERSION, SPLITS, Clip


class Digests:
    """The digests of the splits, taken clip by clip in manifest order.

    Args:
        corpus: name of the corpus.
    """

    def __init__(self, corpus: str) -> None:
        self._hashes = {split: hashlib.sha256(f"{corpus} {SCHEMA_VERSION}".encode()) for split in SPLITS}

    def add(self, clip: Clip, rows: np.ndarray) -> None:
        """Take in a clip and its rows (N, 3), unique and sorted by frame, y, x."""
        digest = self._hashes[clip.split]
        digest.update(json.dumps([getattr(clip, name) for name in IDENTITY]).encode())
        if clip.left_out:
            digest.update(f"{clip.left_out} left out".encode())
        digest.update(np.ascontiguousarray(rows, dtype="<i4").data)

    def of_splits(self) -> dict[str, str]:
        """Return the digest (hex) of each split."""
        return {split: digest.hexdigest() for split, digest in self._hashes.items()}

    def together(self) -> str:
        """Return the digest of the manifest, made of those of its splits."""
        return hashlib.sha256("".join(self.of_splits()[split] for split in SPLITS).encode()).hexdigest()
