"""The digest is what the clips are and where they were looked at, and nothing else."""

import hashlib
import json
from dataclasses import replace

import numpy as np

from manifests import SCHEMA_VERSION, SPLITS, open_manifest, write
from manifests.digests import Digests
from manifests.schema import IDENTITY
from tests.manifests.small_manifest import CLIPS, POINTS, clip


def test_digest_is_what_the_clips_are(tmp_path):
    def digest(clips, points=POINTS, root="corpus"):
        return write(tmp_path / "m", "DHF1K", tmp_path / root, clips, points).digest

    reference = digest(CLIPS)
    shuffled = {k: v[::-1] for k, v in reversed(POINTS.items())}
    elsewhere = [replace(c, mtime_ns=1, size_bytes=1) for c in reversed(CLIPS)]
    assert digest(elsewhere, shuffled, root="moved") == reference
    for change in (
        {"split": "val"},
        {"n_frames": 21},
        {"fps": 25.0},
        {"keyframes": (0, 6)},
        {"codec": "h264"},
    ):
        assert digest([*CLIPS[:3], replace(CLIPS[3], **change), CLIPS[4]]) != reference, change
    assert digest([*CLIPS[:4], replace(CLIPS[4], content="another")]) != reference
    assert digest(CLIPS, POINTS | {"10": np.array([[19, 3, 5]])}) != reference
    assert digest(CLIPS[1:]) != reference


def test_a_split_has_a_digest_that_other_splits_do_not_change(tmp_path):
    before = write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS).digests
    after = write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS | {"10": np.array([[19, 3, 5]])}).digests
    assert {split for split in before if before[split] != after[split]} == {"test"}


def test_digest_is_pinned(tmp_path):
    # Trainings are addressed by it: after a change no result is found again, so raise SCHEMA_VERSION.
    digest = write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS).digest
    assert digest == "a56ded884e07349ffda3f366466bec188d6875a190f3fe30b5a136162b37358d"


def test_how_maps_are_made_is_told_and_changes_no_digest(tmp_path):
    rule = {"sigma": 0.1 + 0.2, "reach": 50, "even": False}
    for told in (None, {}, rule):
        manifest = write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS, map_rule=told)
        assert manifest.map_rule == open_manifest(tmp_path).map_rule == told
        assert manifest.digest == "a56ded884e07349ffda3f366466bec188d6875a190f3fe30b5a136162b37358d"
        manifest.verify()


def test_a_digest_is_of_the_corpus_the_version_the_columns_and_the_rows():
    rows = np.array([[0, 1, 2], [5, 0, 0]])
    digests = Digests("DHF1K")
    digests.add(clip("2"), rows)
    columns = json.dumps([getattr(clip("2"), name) for name in IDENTITY])
    text = f"DHF1K {SCHEMA_VERSION}{columns}".encode() + rows.astype("<i4").tobytes()
    expected = {split: hashlib.sha256(f"DHF1K {SCHEMA_VERSION}".encode()).hexdigest() for split in SPLITS}
    expected["train"] = hashlib.sha256(text).hexdigest()
    assert digests.of_splits() == expected
    together = hashlib.sha256("".join(expected[split] for split in SPLITS).encode()).hexdigest()
    assert digests.together() == together
