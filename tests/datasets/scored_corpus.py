"""A small corpus of PNG frames with maps and fixations, in a manifest as indexing leaves it, to score on."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from manifests import write
from tests.datasets.small_corpora import a_clip

CORPUS, SIZE, LENGTHS = "DHF1K", (36, 64), {"0601": 5, "0602": 3}
N_POINTS = 4
"""Fixated pixels of every frame but each clip's last, which has none."""


def fixations_of(name: str, n: int) -> np.ndarray:
    """Return a clip's rows of frame, y and x."""
    rng, count = np.random.default_rng(int(name)), N_POINTS * (n - 1)
    frames = np.repeat(np.arange(n - 1), N_POINTS)
    return np.stack([frames, *(rng.integers(0, side, count) for side in SIZE)], axis=1)


def points_of(name: str, i: int, n: int) -> np.ndarray:
    """Return a frame's fixated pixels (n, 2)."""
    rows = fixations_of(name, n)
    return rows[rows[:, 0] == i, 1:]


def map_of(name: str, i: int, n: int) -> np.ndarray:
    """Return a frame's map, uint8 (H, W)."""
    hits = np.zeros(SIZE)
    hits[tuple(points_of(name, i, n).T)] = 1
    return np.rint(gaussian_filter(hits, 3) * 3000).clip(0, 255).astype(np.uint8)


def write_scored(
    folder: Path,
    lengths: Mapping[str, int] = LENGTHS,
    *,
    split: str = "val",
    maps: bool = True,
    corpus: str = CORPUS,
) -> Path:
    """Write the corpus to `folder`/corpus; return its manifest's folder. Without maps they are to be made."""
    root, clips = folder / "corpus", []
    for name, n in lengths.items():
        for kind in ("frames", "maps"):
            (root / kind / name).mkdir(parents=True)
        for i in range(n):
            file = f"{name}/{i + 1:04d}.png"
            pixels = np.random.default_rng([int(name), i]).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / "frames" / file)
            Image.fromarray(map_of(name, i, n)).save(root / "maps" / file)
        patterns = {"frame_pattern": f"frames/{name}/{{:04d}}.png"}
        patterns |= {"map_pattern": f"maps/{name}/{{:04d}}.png" if maps else ""}
        kept = {"media": "frames", "codec": "png", "path": f"frames/{name}", "source_video": name}
        sizes = {"height": SIZE[0], "width": SIZE[1], "n_frames": n, "n_fixated_frames": n - 1}
        clips.append(a_clip(corpus=corpus, split=split, clip=name, **patterns, **kept, **sizes))
    fixations = {name: fixations_of(name, n) for name, n in lengths.items()}
    write(folder / "manifest", corpus, root, clips, fixations)
    return folder / "manifest"
