"""A corpus as people have it, generated: H.264 clips with maps and fixations, in splits, indexed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from datasets.corpora.own_folder import FolderCorpus
from datasets.indexing.index import index
from manifests import Manifest
from tests.datasets.small_corpora import write_png, write_video

NATIVE, TINY = (360, 640), (64, 96)
FIXATIONS = 200
CORES = os.cpu_count() or 1


def write_corpus(folder: Path, *, tiny: bool) -> Manifest:
    """Write and index a training, a validation and some test clips; return the manifest.

    Of DHF1K's size, 640×360 with about 200 fixations a frame; of thumbnails in the tiny form.
    """
    root, frames = folder / "corpus", 20 if tiny else 120
    splits = {"train": 2 if tiny else 8, "val": 1, "test": 1 if tiny else 4}
    names = []
    for split, count in splits.items():
        named = [f"{split}{i}" for i in range(count)]
        names += named
        root.mkdir(exist_ok=True)
        (root / f"{split}.txt").write_text("\n".join(named) + "\n")
    with ThreadPoolExecutor(CORES) as pool:
        for _ in pool.map(
            lambda i: _write_clip(root, names[i], i, frames, TINY if tiny else NATIVE), range(len(names))
        ):
            pass
    return index(FolderCorpus("Generated"), root, folder / "manifest", workers=1 if tiny else CORES)


def _write_clip(root: Path, name: str, seed: int, n_frames: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    write_video(root / "videos" / f"{name}.mp4", _panned(rng, n_frames, size), "libx264", g="30", threads="1")
    for i, centre in enumerate(_wandering(rng, n_frames, size), start=1):
        points = (rng.normal(0, 0.08, (FIXATIONS, 2)) * size + centre).astype(int)
        fixated = np.zeros(size, np.uint8)
        fixated[points[:, 0].clip(0, size[0] - 1), points[:, 1].clip(0, size[1] - 1)] = 255
        rows, columns = (
            np.exp(-(((np.arange(side) - at) / (0.1 * side)) ** 2) / 2)
            for side, at in zip(size, centre, strict=True)
        )
        write_png(root / "maps" / name / f"{i:04d}.png", (255 * np.outer(rows, columns)).astype(np.uint8))
        write_png(root / "fixations" / name / f"{i:04d}.png", fixated)


def _panned(rng: np.random.Generator, n_frames: int, size: tuple[int, int]) -> np.ndarray:
    """Return a texture that moves by, uint8 (N, H, W, 3): as hard to decode as film."""
    height, width = size
    coarse = rng.integers(0, 256, (height // 8 + 1, (width + 4 * n_frames) // 8 + 1, 3), np.uint8)
    ground = coarse.repeat(8, axis=0).repeat(8, axis=1)
    noise = rng.integers(0, 12, ground.shape, np.uint8)
    ground = (ground // 2 + noise).astype(np.uint8)
    return np.stack([ground[:height, 4 * i : 4 * i + width] for i in range(n_frames)])


def _wandering(rng: np.random.Generator, n_frames: int, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Yield where people look in each frame: row and column."""
    phase = rng.random(2) * 6
    for i in range(n_frames):
        yield (0.5 + 0.25 * np.sin(phase + i / np.array([17, 25]))) * size
