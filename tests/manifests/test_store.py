"""Manifests written, opened and read: what goes in comes out, and the digest is what the clips are."""

import json
import pickle
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests import Clip, Finding, ManifestError, ProblemError, open_manifest, write
from tests.places import REPOSITORY


def clip(name: str, split: str = "train", **changes) -> Clip:
    """Return a sound clip of 20 frames, 40x30."""
    base = Clip(
        corpus="DHF1K",
        split=split,
        clip=name,
        source_video=name,
        media="video",
        path=f"video/{name}.AVI",
        frame_pattern="",
        map_pattern=f"annotation/{name}/maps/{{:04d}}.png",
        fixation_pattern=f"annotation/{name}/fixation/{{:04d}}.png",
        first_frame=1,
        first_annotation=1,
        n_frames=20,
        fps=30.0,
        width=40,
        height=30,
        codec="mpeg4",
        keyframes=(0, 12),
        keyframe_frames=(0, 12),
        n_fixated_frames=2,
        status="ok",
        reason="",
        content=f"content of {name}",
        size_bytes=100,
        mtime_ns=7,
    )
    return replace(base, **changes)


def broken(name: str, split: str = "train") -> Clip:
    return clip(name, split, status="quarantined", reason="20 frames, 19 maps", n_frames=0, width=0, height=0)


CLIPS = [
    clip("10", "test"),
    clip("2"),
    broken("3"),
    clip("0100"),
    clip("7", "val", media="frames", keyframes=(), keyframe_frames=()),
]
POINTS = {
    "2": np.array([[5, 29, 39], [0, 1, 2], [5, 0, 0]]),
    "10": np.array([[19, 3, 4]]),
    "7": np.array([[1, 3, 4], [1, 3, 4], [1, 3, 5]]),
}


def test_what_is_written_comes_back_in_manifest_order(tmp_path):
    write(tmp_path / "m", "DHF1K", tmp_path, CLIPS, POINTS)
    manifest = open_manifest(tmp_path / "m")
    assert [c.clip for c in manifest.clips(status=None)] == ["2", "3", "0100", "7", "10"]
    assert manifest.clips("train") == [CLIPS[1], CLIPS[3]]
    assert manifest.clips("train", status="quarantined") == [CLIPS[2]]
    assert manifest.counts == {"train": 2, "val": 1, "test": 1, "unannotated": 0, "unlisted": 0}
    assert manifest.frames == {"train": 40, "val": 20, "test": 20, "unannotated": 0, "unlisted": 0}
    assert manifest.lengths("train").tolist() == [20, 20]
    assert (manifest.corpus, manifest.quarantined, manifest.root) == ("DHF1K", 1, str(tmp_path.resolve()))
    assert pickle.loads(pickle.dumps(manifest)) == manifest


def test_fixations_are_sorted_unique_and_filtered_by_split(tmp_path):
    manifest = write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS)
    everything = manifest.fixations()
    frame, yx = everything.of("2")
    assert (frame.dtype, yx.dtype) == (np.int32, np.int16)
    assert frame.tolist() == [0, 5, 5]
    assert yx.tolist() == [[1, 2], [0, 0], [29, 39]]
    assert everything.frame("7", 1).tolist() == [[3, 4], [3, 5]]
    assert everything.frame("7", 0).shape == (0, 2)
    assert everything.of("0100")[1].shape == everything.of("3")[1].shape == (0, 2)
    test = manifest.fixations("test")
    assert len(test) == 1
    assert test.of("10")[1].tolist() == [[3, 4]]
    with pytest.raises(KeyError, match="'2'"):
        test.of("2")


def test_fixations_of_a_split_read_from_several_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr("manifests.writing._ROW_GROUP", 50)
    rng = np.random.default_rng(0)
    clips = [clip(str(i), ("train", "val", "test")[i % 3]) for i in range(30)]
    points = {c.clip: np.unique(rng.integers([20, 30, 40], size=(40, 3)), axis=0) for c in clips}
    manifest = write(tmp_path, "DHF1K", tmp_path, clips, points)
    assert pq.ParquetFile(tmp_path / "fixations.parquet").num_row_groups > 5
    for split in ("train", "val", "test", None):
        fixations = manifest.fixations(split)
        for c in manifest.clips(split):
            frame, yx = fixations.of(c.clip)
            assert np.array_equal(np.column_stack([frame, yx]), points[c.clip])


def test_fixation_table_names_its_clips(tmp_path):
    write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS)
    rows = pq.read_table(tmp_path / "fixations.parquet").to_pylist()
    assert [r["clip"] for r in rows] == ["2", "2", "2", "7", "7", "10"]
    assert rows[2] == {"clip": "2", "frame": 5, "y": 29, "x": 39}


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


def test_what_was_noticed_is_kept_with_the_manifest(tmp_path):
    note = Finding("note", "all-zero-map", "2", "annotation/2/maps", "a map with mass", "3 without", "")
    error = Finding("error", "count-mismatch", "3", "", "20 maps", "19", "Restore it.")
    manifest = write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS, findings=[note, error], layout="shipped")
    assert (open_manifest(tmp_path).problems(), manifest.layout) == ([error, note], "shipped")
    assert str(error) == "3: expected 20 maps, found 19. Restore it."
    assert str(note).startswith("2 (annotation/2/maps): expected a map with mass")
    assert write(tmp_path / "other", "DHF1K", tmp_path, CLIPS, POINTS).digest == manifest.digest
    assert write(tmp_path / "none", "DHF1K", tmp_path, CLIPS, {}).problems() == []
    shutil.copy(tmp_path / "none" / "problems.parquet", tmp_path)
    with pytest.raises(ManifestError, match=r"expected the digest \w{12} of the manifest beside it"):
        manifest.problems()


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


def test_root_can_be_overridden(tmp_path):
    written = write(tmp_path, "DHF1K", tmp_path / "here", CLIPS, POINTS)
    moved = open_manifest(tmp_path, root=tmp_path / "there")
    assert moved.root == str((tmp_path / "there").resolve())
    assert moved.digest == written.digest


def test_manifest_without_fixations_or_clips(tmp_path):
    assert (
        len(write(tmp_path / "a", "LEDOV", tmp_path, [clip("x", corpus="LEDOV")], {}).fixations("train")) == 0
    )
    empty = write(tmp_path / "b", "LEDOV", tmp_path, [], {})
    assert empty.clips() == []
    assert len(empty.fixations()) == 0


def test_all_problems_are_raised_together(tmp_path):
    clips = [
        clip("a"),
        clip("a", path="other.AVI"),
        clip("b", path="../outside.AVI"),
        clip("c", split="validation"),
        clip("d", n_frames=0),
        clip("e", status="quarantined"),
        clip("f", corpus="LEDOV"),
    ]
    with pytest.raises(ManifestError) as error:
        write(tmp_path, "DHF1K", tmp_path, clips, {})
    text = str(error.value)
    assert len(error.value.problems) == 6
    for piece in (
        "twice, at video/a.AVI and other.AVI",
        "../outside.AVI",
        "'validation'",
        "0 frames",
        "LEDOV",
        "6. ",
    ):
        assert piece in text
    assert isinstance(error.value, ProblemError)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("point", [(20, 0, 0), (0, 30, 0), (0, 0, 40), (0, -1, 0)])
def test_fixations_outside_the_clip_are_refused(tmp_path, point):
    with pytest.raises(
        ManifestError, match=f"DHF1K/2: .*1 outside, the first in frame {point[0]} at y={point[1]}"
    ):
        write(tmp_path, "DHF1K", tmp_path, CLIPS, {"2": np.array([point])})
    assert list(tmp_path.iterdir()) == []


def test_errors_of_opening_say_what_to_do(tmp_path):
    with pytest.raises(ManifestError, match=r"clips\.parquet: expected .* found nothing\. Index the corpus"):
        open_manifest(tmp_path)
    write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS)
    clips = tmp_path / "clips.parquet"
    whole = clips.read_bytes()
    clips.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ManifestError, match="expected a Parquet file"):
        open_manifest(tmp_path)
    pq.write_table(pa.table({"x": [1]}), clips)
    with pytest.raises(ManifestError, match="another Parquet file"):
        open_manifest(tmp_path)
    pq.write_table(
        pa.table({"x": [1]}).replace_schema_metadata({"manifest": json.dumps({"schema_version": 99})}), clips
    )
    with pytest.raises(ManifestError, match="expected schema version 3, found version 99"):
        open_manifest(tmp_path)


def test_unknown_split_is_an_error(tmp_path):
    with pytest.raises(ManifestError, match=r"one of train, val, .*, unlisted, found 'training'"):
        write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS).clips("training")


def test_files_of_two_manifests_do_not_pass_for_one(tmp_path):
    write(tmp_path / "a", "DHF1K", tmp_path, CLIPS, POINTS)
    write(tmp_path / "b", "DHF1K", tmp_path, CLIPS, {})
    (tmp_path / "b" / "fixations.parquet").replace(tmp_path / "a" / "fixations.parquet")
    with pytest.raises(
        ManifestError, match=r"the digest \w{12} of clips\.parquet, found fixations\.parquet with"
    ):
        open_manifest(tmp_path / "a")


_WRITER = """
import sys
import numpy as np
from manifests import open_manifest, write
folder, clips = sys.argv[1], open_manifest(sys.argv[2]).clips(status=None)
print("ready", flush=True)
n = 0
while True:
    n += 1
    write(folder, "DHF1K", folder, clips, {"2": np.array([[n % 20, y, n % 40] for y in range(n % 30 + 1)])})
"""


def test_a_killed_writer_leaves_one_whole_manifest(tmp_path):
    write(tmp_path / "template", "DHF1K", tmp_path, CLIPS, POINTS)
    write(tmp_path / "m", "DHF1K", tmp_path, CLIPS, {"2": POINTS["2"]})
    for attempt in range(6):
        command = [sys.executable, "-c", _WRITER, str(tmp_path / "m"), str(tmp_path / "template")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
            process.stdout.readline()
            time.sleep(0.05 + 0.013 * attempt)
            process.send_signal(signal.SIGKILL)
        manifest = open_manifest(tmp_path / "m")
        rows = np.column_stack(manifest.fixations().of("2"))
        again = write(tmp_path / "again", "DHF1K", tmp_path, manifest.clips(status=None), {"2": rows})
        assert again.digest == manifest.digest


def test_fixations_kept_aside_serve_until_the_new_clips_stand(tmp_path):
    # The state between the two renames: the new fixations stand, the clips are the old ones.
    folder = tmp_path / "m"
    old = write(folder, "DHF1K", tmp_path, CLIPS, POINTS)
    new = write(tmp_path / "new", "DHF1K", tmp_path, CLIPS, {"2": POINTS["2"]})
    (folder / "fixations.parquet").replace(folder / "fixations.previous.parquet")
    (tmp_path / "new" / "fixations.parquet").replace(folder / "fixations.parquet")
    assert open_manifest(folder).digest == old.digest
    assert len(open_manifest(folder).fixations("test")) == 1
    rewritten = write(folder, "DHF1K", tmp_path, CLIPS, {"2": POINTS["2"]})
    assert rewritten.digest == new.digest
    assert sorted(p.name for p in folder.iterdir()) == [
        "clips.parquet",
        "fixations.parquet",
        "problems.parquet",
    ]


def flip(path, position):
    data = bytearray(path.read_bytes())
    data[position] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["clips.parquet", "fixations.parquet", "problems.parquet"])
def test_a_flipped_bit_is_never_another_value(tmp_path, name):
    rng = np.random.default_rng(0)
    points = {"2": np.unique(rng.integers([20, 30, 40], size=(400, 3)), axis=0)}
    findings = [Finding("note", "k", str(i), "p", "this", "that", "do") for i in range(20)]
    sound = write(tmp_path / "sound", "DHF1K", tmp_path, CLIPS, points, findings=findings)
    sound.verify()
    refused = 0
    with pq.ParquetFile(tmp_path / "sound" / name) as file:
        group = file.metadata.row_group(0)
        columns = [group.column(c) for c in range(group.num_columns)]
        ends = [c.data_page_offset + c.total_compressed_size for c in columns]
    for position in rng.integers(4, min(max(ends), (tmp_path / "sound" / name).stat().st_size - 8), 30):
        shutil.rmtree(tmp_path / "m", ignore_errors=True)
        shutil.copytree(tmp_path / "sound", tmp_path / "m")
        flip(tmp_path / "m" / name, position)
        try:
            manifest = open_manifest(tmp_path / "m")
            manifest.verify()
        except ManifestError as error:
            refused += 1
            assert str(tmp_path / "m") in str(error)
            assert "Index the corpus" in str(error)
        else:
            assert manifest.clips(status=None) == sound.clips(status=None)
            assert manifest.problems() == sound.problems()
    assert refused >= 15


def test_the_digest_is_worked_out_anew_from_what_is_there(tmp_path):
    manifest = write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS)
    manifest.verify()
    path = tmp_path / "fixations.parquet"
    table = pq.read_table(path)
    moved = table.set_column(3, "x", pa.array([n + 1 for n in table["x"].to_pylist()], pa.int16()))
    stored = pq.read_metadata(path).metadata
    pq.write_table(moved.cast(table.schema).replace_schema_metadata(stored), path)
    with pytest.raises(ManifestError, match="of what it holds"):
        open_manifest(tmp_path).verify()
