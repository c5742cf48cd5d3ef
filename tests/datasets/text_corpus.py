"""A corpus whose clips are small text files, quick to write, and slow or deadly to read if they say so."""

import json
import os
import signal
import time
from pathlib import Path
from types import MappingProxyType

import numpy as np

from datasets.corpus import ClipError, Corpus, Entry, Listing, MapRule, Reading
from datasets.damaged import describe

READS = "reads.log"
"""Beside the root: the name of each clip, once for each time that it was read."""


class TextCorpus(Corpus):
    """``<split>_<number>.json`` with frames, points, and what to do to whoever reads it."""

    name, word = "Text", "text"
    published = MappingProxyType({"train": 6, "test": 2})
    layouts = ()
    map_rule = MapRule(sigma=2.0, reach=6, even=False, replicate=False)

    def list(self, root, layout=None):
        names = sorted(path.name for path in root.glob("*.json"))
        return Listing([self._entry(name) for name in names], "text files", [])

    def _entry(self, name):
        stem = name.removesuffix(".json")
        split, _, number = stem.partition("_")
        return Entry(stem, split, f"source {int(number) // 2}", "video", name)

    def read(self, root, entry):
        text = (root / entry.path).read_text()
        with (root.parent / READS).open("a") as log:
            log.write(f"{entry.clip}\n")
        said = json.loads(text)
        time.sleep(said.get("seconds", 0))
        if said.get("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if said.get("damaged"):
            raise ClipError("count-mismatch", "20 maps", "19")
        n_frames, n_points = said.get("frames", 20), said.get("points", 30)
        rng = np.random.default_rng(said.get("seed", 0))
        pixels = np.unique(rng.integers(0, n_frames * 48 * 64, n_points))
        rows = np.stack(np.unravel_index(pixels, (n_frames, 48, 64)), axis=1).astype(np.int32)
        clip = describe(
            self.name,
            entry,
            n_frames=n_frames,
            width=64,
            height=48,
            fps=25.0,
            codec="text",
            keyframes=(0, 512),
            keyframe_frames=(0, 10),
        )
        return Reading(clip, rows)


def write_clip(root: Path, name: str, **said) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / f"{name}.json").write_text(json.dumps(said))


def write_corpus(root: Path, **said) -> list[str]:
    """Write as many clips as were published, each with points of its own; return their names."""
    names = [f"train_{n}" for n in range(6)] + [f"test_{n}" for n in range(2)]
    for seed, name in enumerate(names):
        write_clip(root, name, seed=seed, **said)
    return names


def reads(root: Path) -> list[str]:
    """Return the clips that were read since last asked, in order."""
    log = root.parent / READS
    names = log.read_text().split() if log.exists() else []
    log.unlink(missing_ok=True)
    return names
