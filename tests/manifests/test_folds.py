"""Folds of a corpus: every clip is tested on once, and nothing but names and a seed decides when."""

import pickle
from collections import Counter
from dataclasses import replace

import pytest

from manifests import open_manifest, write
from manifests.folds import Fold, fold_digest, folded
from tests.manifests.small_manifest import CLIPS, POINTS, broken, clip

STILLS = [
    clip(f"p{i}", "test", media="image", n_frames=1, keyframes=(), keyframe_frames=()) for i in range(23)
]


@pytest.fixture
def manifest(tmp_path):
    bare = clip("bare", "unannotated")
    points = {"p4": [[0, 1, 2]], "p5": [[0, 3, 4]]}
    return write(tmp_path / "m", "DHF1K", tmp_path, [*STILLS, bare], points)


def parts(manifest, of, seed=0):
    return [[c.clip for c in folded(manifest, Fold(k, of, seed)).clips("test")] for k in range(1, of + 1)]


@pytest.mark.parametrize("of", [3, 5, 10])
def test_each_clip_is_tested_on_once_validated_on_once_and_trained_on_else(manifest, of):
    seen = Counter()
    for number in range(1, of + 1):
        found = folded(manifest, Fold(number, of))
        sets = {split: [c.clip for c in found.clips(split)] for split in ("train", "val", "test")}
        assert sorted(name for names in sets.values() for name in names) == sorted(c.clip for c in STILLS)
        assert {c.split for c in found.clips("val")} == {"val"}
        assert [c.clip for c in found.clips("unannotated")] == ["bare"]
        assert found.counts == {**{k: len(v) for k, v in sets.items()}, "unannotated": 1, "unlisted": 0}
        assert found.frames["test"] == len(sets["test"])
        assert found.lengths("test").tolist() == [1] * len(sets["test"])
        assert found.filling("train", 16).all()
        seen.update((name, split) for split, names in sets.items() for name in names)
        following = folded(manifest, Fold(number % of + 1, of))
        assert sets["val"] == [c.clip for c in following.clips("test")]
    assert {n for (_, split), n in seen.items() if split != "train"} == {1}
    sizes = [len(part) for part in parts(manifest, of)]
    assert max(sizes) - min(sizes) <= 1


def test_names_and_seed_alone_decide(manifest, tmp_path):
    turned = write(tmp_path / "n", "DHF1K", tmp_path, STILLS[::-1], {})
    assert parts(turned, 10) == parts(manifest, 10)
    assert parts(manifest, 10, seed=1) != parts(manifest, 10)
    other = write(tmp_path / "o", "LEDOV", tmp_path, [replace(c, corpus="LEDOV") for c in STILLS], {})
    assert parts(other, 10) != parts(manifest, 10)
    # For ever: results are compared across machines.
    assert parts(manifest, 10)[0] == PINNED


PINNED = ["p0", "p3", "p19"]


def test_clips_of_one_source_video_stay_together(tmp_path):
    shots = [clip(f"s{i}", "train", source_video=f"v{i // 3}") for i in range(30)]
    manifest = write(tmp_path, "DHF1K", tmp_path, shots, {})
    for part in parts(manifest, 5):
        assert set(Counter(int(name[1:]) // 3 for name in part).values()) == {3}
        assert len(part) == 6


def test_a_quarantined_clip_is_in_no_fold_and_moves_no_other(tmp_path):
    whole = write(tmp_path / "whole", "DHF1K", tmp_path, STILLS, {})
    hurt = [broken("p3", "test") if c.clip == "p3" else c for c in STILLS]
    manifest = write(tmp_path / "hurt", "DHF1K", tmp_path, hurt, {})
    assert parts(manifest, 10) == [[name for name in part if name != "p3"] for part in parts(whole, 10)]
    lost = [len(folded(manifest, Fold(k, 10)).clips("test", "quarantined")) for k in range(1, 11)]
    assert sum(lost) == 1


def test_all_splits_that_are_annotated_are_dealt_out_with_their_fixations(tmp_path):
    manifest = write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS)
    found = folded(manifest, Fold(1, 3))
    names = {c.clip for split in ("train", "val", "test") for c in found.clips(split)}
    assert names == {"10", "2", "0100", "7"}
    for each in found.clips():
        assert (
            found.fixations(each.split).of(each.clip)[1].tolist()
            == manifest.fixations().of(each.clip)[1].tolist()
        )


def test_digests_tell_folds_and_what_is_in_the_corpus(manifest, tmp_path):
    assert folded(manifest, None) is manifest
    digests = [
        folded(manifest, fold).digests for fold in (Fold(1, 10), Fold(2, 10), Fold(1, 5), Fold(1, 10, 7))
    ]
    assert len({found[split] for found in digests for split in ("train", "val", "test")}) == 12
    assert {found["unannotated"] for found in digests} == {manifest.digests["unannotated"]}
    assert fold_digest(manifest.digests, "val", Fold(2, 10)) == digests[1]["val"]
    assert fold_digest(manifest.digests, "val", None) == manifest.digests["val"]
    fewer = write(tmp_path / "fewer", "DHF1K", tmp_path, STILLS[1:], {})
    assert folded(fewer, Fold(1, 10)).digests["train"] != digests[0]["train"]


def test_a_fold_travels_to_other_processes(manifest):
    found = folded(open_manifest(manifest.folder), Fold(4, 10))
    again = pickle.loads(pickle.dumps(found))
    assert [c.clip for c in again.clips("test")] == [c.clip for c in found.clips("test")] != []
