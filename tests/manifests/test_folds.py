"""Folds of a corpus, in which every clip is tested on once, and lists that make other splits of it."""

import pickle
from collections import Counter
from dataclasses import replace

import pytest

from grid.planning.stand_in import stand_in
from manifests import open_manifest, write
from manifests.folds import Fold, HeldOut, fold_digest, folded
from manifests.schema import SPLITS
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


SHOTS = [
    *(clip(f"v{k}_1", split, source_video=f"v{k}") for k, split in ((1, "train"), (2, "val"), (3, "train"))),
    *(clip(f"v{k}_2", split, source_video=f"v{k}") for k, split in ((1, "unlisted"), (2, "unlisted"))),
    *(clip(f"v{k}_2", split, source_video=f"v{k}") for k, split in ((3, "val"), (4, "test"))),
    clip("v9_1", "unannotated", source_video="v9"),
    broken("v8_1"),
]
LISTS = HeldOut(("v3", "v7"), "v5")


def test_lists_deal_out_all_but_what_is_tested_on(tmp_path):
    """Source videos hold together, clips of no own list too, and what comes after the last is aside."""
    found = folded(write(tmp_path, "DHF1K", tmp_path, SHOTS, {}), LISTS)
    sets = {split: {c.clip for c in found.clips(split, status=None)} for split in SPLITS}
    assert sets == {
        "train": {"v1_1", "v1_2", "v2_1", "v2_2"},
        "val": {"v3_1", "v3_2"},
        "test": {"v4_2"},
        "unannotated": {"v9_1"},
        "unlisted": {"v8_1"},
    }
    assert found.counts == {"train": 4, "val": 2, "test": 1, "unannotated": 1, "unlisted": 0}
    assert found.frames["val"] == found.lengths("val").sum() == 40
    assert [c.clip for c in pickle.loads(pickle.dumps(found)).clips("val")] == ["v3_1", "v3_2"]


def test_digests_tell_lists_and_what_is_in_the_corpus(tmp_path):
    whole = write(tmp_path / "whole", "DHF1K", tmp_path, SHOTS, {})
    fewer = write(tmp_path / "fewer", "DHF1K", tmp_path, [c for c in SHOTS if c.clip != "v1_2"], {})
    others = (
        HeldOut(("v3",), "v5"),
        HeldOut(("v3", "v7")),
        HeldOut(("v3", "v7", "v5")),
        HeldOut(("v7", "v3")),
    )
    found = [whole.digests, *(folded(m, LISTS).digests for m in (whole, fewer))]
    found += [folded(whole, lists).digests for lists in others]
    assert len({digests[split] for digests in found for split in ("train", "val")}) == 2 * len(found)
    assert {digests["test"] for digests in found} == {whole.digests["test"]}
    assert [fold_digest(whole.digests, split, LISTS) for split in SPLITS] == [*found[1].values()]


def test_what_stands_for_a_corpus_without_names_keeps_its_splits():
    published, whole = stand_in("Hollywood2"), HeldOut(("actioncliptrain00002",), "actioncliptrain00700")
    found = folded(published, whole)
    assert (found.counts, found.frames) == (published.counts, published.frames)
    assert len(found.clips("val")) == 190
