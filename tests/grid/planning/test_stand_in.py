"""What is published of a corpus answers like a manifest, as far as plans ask."""

from datasets.frame_store.store import FrameStore
from datasets.loading.windows import eligible
from grid.planning.stand_in import stand_in
from manifests.folds import Fold, folded


def test_it_counts_like_a_manifest():
    found = stand_in("UCFSports")
    assert found.counts == {"train": 93, "val": 10, "test": 47, "unannotated": 0, "unlisted": 0}
    assert found.frames["test"] == found.lengths("test").sum() == 2_929
    clips = found.clips("train")
    assert len(clips) == 93
    assert {clip.split for clip in clips} == {"train"}
    assert len(found.clips()) == 150
    assert found.clips("test", status="quarantined") == []
    assert found.column("test", "n_fixated_frames").all()


def test_room_for_its_frames_is_reckoned(tmp_path):
    found = stand_in("UCFSports")
    store = FrameStore(tmp_path, found, (128, 192))
    clips, _ = eligible(found.clips("train"), 16)
    bare = sum(clip.n_frames for clip in clips) * 128 * 192 * 4
    assert bare <= store.estimate(clips).size <= 1.01 * bare


def test_its_ids_are_no_corpus_s_own():
    assert set(stand_in("LEDOV").digests.values()) == {"not indexed: LEDOV"}


def test_of_an_unknown_corpus_there_is_none():
    assert stand_in("Mine") is None


def test_it_is_dealt_out_in_folds():
    found = folded(stand_in("MIT1003"), Fold(1, 10))
    assert {split: found.counts[split] for split in ("train", "val", "test")} == {
        "train": 801,
        "val": 101,
        "test": 101,
    }
    assert len(found.clips("train")) == found.frames["train"] == 801
