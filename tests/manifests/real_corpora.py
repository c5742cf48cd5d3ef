"""Manifests of corpora by the names and lengths that their training clips really have, without any file."""

import csv
from functools import cache
from pathlib import Path

from datasets.listing.published_lists import published_list
from manifests import Manifest, write
from tests.manifests.small_manifest import clip
from tests.places import REPOSITORY

LENGTHS = REPOSITORY / "tests/benchmarks/video_lengths.csv"
_LISTS = {"Hollywood2": "Hollywood2", "UCFSports": "UCF"}


@cache
def training_clips(corpus: str) -> dict[str, int]:
    """Return the clips that a corpus ships for training, and their frames."""
    with LENGTHS.open() as file:
        rows = [row for row in csv.DictReader(file) if (row["dataset"], row["split"]) == (corpus, "train")]
    return {row["video"]: int(row["n_frames"]) for row in rows}


def source_video(corpus: str, name: str) -> str:
    """Return the video that a clip was cut from."""
    return name.rpartition("_")[0] if corpus == "Hollywood2" else name


def real(folder: Path, corpus: str, without: tuple[str, ...] = ()) -> Manifest:
    """Write the manifest of Hollywood2 or UCFSports, with one test clip.

    Args:
        folder: where.
        corpus: its name.
        without: source videos that are not there.
    """
    entries = {
        name: n for name, n in training_clips(corpus).items() if source_video(corpus, name) not in without
    }
    held = {split: published_list(f"{_LISTS[corpus]}.{split}") for split in ("train", "val")}
    splits = {n: next((s for s, names in held.items() if n in names), "unlisted") for n in entries}
    clips = [
        clip(
            name,
            splits.get(name, "test"),
            corpus=corpus,
            source_video=source_video(corpus, name),
            media="frames",
            keyframes=(),
            keyframe_frames=(),
            n_frames=n,
        )
        for name, n in {**entries, "a-test-001": 20}.items()
    ]
    return write(folder, corpus, folder, clips, {each.clip: [[0, 1, 2]] for each in clips})
