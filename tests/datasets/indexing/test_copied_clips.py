"""A clip that lies twice in a corpus is told: one is tested on what was trained on, or both count."""

import shutil

import numpy as np
import pytest

from datasets.corpora.own_folder import FolderCorpus
from datasets.indexing.copied_clips import copied_clips
from datasets.indexing.index import index
from tests.datasets.small_corpora import a_clip, four_digits, write_fixations, write_png


def told(*clips):
    return [(f.clip, f.found) for f in copied_clips([a_clip(**clip) for clip in clips])]


def test_each_copy_is_named_once():
    found = told(
        {"clip": "c", "split": "test", "content": "1"},
        {"clip": "a", "split": "train", "content": "1"},
        {"clip": "b", "split": "train", "content": "1"},
        {"clip": "d", "split": "val", "content": "1"},
        {"clip": "e", "split": "test", "content": "2"},
    )
    assert found == [
        ("b", "the files of a of train under another name in train"),
        ("d", "the files of a of train under another name in val"),
        ("c", "the files of a of train under another name in test"),
    ]


@pytest.mark.parametrize(
    ("splits", "content"),
    [(("unannotated", "train"), "1"), (("train", "unlisted"), "1"), (("train", "test"), "")],
)
def test_what_no_result_counts_is_left_alone(splits, content):
    assert told(*({"clip": split, "split": split, "content": content} for split in splits)) == []


def test_a_corpus_with_a_copy_is_warned_of(tmp_path):
    root, rng = tmp_path / "c", np.random.default_rng(0)
    for clip in "ab":
        write_fixations(root / "fixations" / clip, four_digits(2))
        for kind in ("frames", "maps"):
            for name in four_digits(2):
                noise = rng.integers(0, 256, (48, 64, 3) if kind == "frames" else (48, 64), np.uint8)
                write_png(root / kind / clip / f"{name}.png", noise)
    for kind in ("frames", "maps", "fixations"):
        shutil.copytree(root / kind / "a", root / kind / "same")
    for split, clip in (("train", "a"), ("val", "b"), ("test", "same")):
        (root / f"{split}.txt").write_text(clip)
    problems = index(FolderCorpus("Mine"), root, tmp_path / "m").problems()
    assert [(f.level, f.kind, f.clip) for f in problems] == [("warning", "copied-clip", "same")]
