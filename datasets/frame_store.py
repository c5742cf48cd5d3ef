"""Clips decoded once, at training size, and mapped into memory from then on."""

from __future__ import annotations

import functools
import hashlib
import urllib.parse
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.ground_truth import read_map
from datasets.video import RESIZE_RULE, Size, iter_frames
from manifests import Clip, Fixations, Manifest

STORE_VERSION = 1
"""Raised by hand when the same clip would be stored as other bytes; part of the address."""


@dataclass(frozen=True)
class FrameStore:
    """Frames and maps of one corpus as uint8 arrays on disk, each made when it is first asked for.

    An array is a .npy file at an address that says all its content depends on: the manifest's digest, the
    size, the resize rule, the clip. It is written under another name and renamed when whole, so a file that
    exists is complete, and two processes that make the same one end with the same.

    Args:
        folder: the store; shared by all corpora and sizes.
        manifest: the corpus.
        size: (height, width).
    """

    folder: Path
    manifest: Manifest
    size: Size

    @functools.cached_property
    def address(self) -> Path:
        """Folder of this manifest's arrays at this size."""
        height, width = self.size
        identity = f"{self.manifest.digest} {height}x{width} {RESIZE_RULE} {STORE_VERSION}"
        key = hashlib.sha256(identity.encode()).hexdigest()[:16]
        return Path(self.folder) / f"{self.manifest.corpus}-{height}x{width}-{key}"

    def frames(self, clip: Clip) -> np.ndarray:
        """Return all frames of a clip: read-only uint8 (N, H, W, 3), RGB, mapped.

        Raises:
            ProblemError: the clip's file is no longer what was indexed.
        """
        return self._array(clip, "frames", (clip.n_frames, *self.size, 3))

    def maps(self, clip: Clip) -> np.ndarray:
        """Return all saliency maps of a clip: read-only uint8 (N, H, W), mapped.

        Raises:
            OSError: a map cannot be read.
        """
        return self._array(clip, "maps", (clip.n_frames, *self.size))

    def _array(self, clip: Clip, kind: str, shape: tuple[int, ...]) -> np.ndarray:
        path = self.address / urllib.parse.quote(clip.clip, safe="") / f"{kind}.npy"
        if not path.exists():
            images = (
                iter_frames(self.manifest.root, clip, self.size)
                if kind == "frames"
                else self._read_maps(clip)
            )
            _write(path, images, shape)
        return np.load(path, mmap_mode="r")

    def _read_maps(self, clip: Clip) -> Iterator[np.ndarray]:
        for i in range(clip.n_frames):
            points = None if clip.map_pattern else self._fixations.frame(clip.clip, i)
            yield read_map(self.manifest.root, clip, i, self.size, points)

    @functools.cached_property
    def _fixations(self) -> Fixations:
        """All fixations, read once per process, and only for a corpus that ships no maps."""
        return self.manifest.fixations()


def _write(path: Path, images: Iterable[np.ndarray], shape: tuple[int, ...]) -> None:
    """Write images as one .npy array, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name is drawn, not made of the process id: hosts that share the folder may share those.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        # Written, not mapped: on a full disk writing says so, and a mapping kills the process.
        with temporary.open("wb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for image in images:
                file.write(image.tobytes())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
