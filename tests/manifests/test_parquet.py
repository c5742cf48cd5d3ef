"""A manifest's files from below: damage is an error that names the file, never another value."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests import Finding, ManifestError, open_manifest, write
from manifests.parquet import fixation_table, read_rows, read_table, seal, unseal
from manifests.schema import FIXATION_SCHEMA
from tests.manifests.small_manifest import CLIPS, POINTS, clip


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


def test_sealed_metadata_are_what_they_were_or_an_error():
    stored = seal(b"key", {"a": 1})
    assert unseal(b"key", stored) == {"a": 1}
    assert unseal(b"key", {b"key": b'{"a": 2}'}) == {"a": 2}, "of before there was a checksum"
    with pytest.raises(ValueError, match="key metadata that differ from their checksum"):
        unseal(b"key", stored | {b"key": b'{"a": 2}'})
    with pytest.raises(KeyError):
        unseal(b"other", stored)


def test_rows_are_read_from_the_groups_that_hold_them_alone(tmp_path):
    blocks = [np.array([[clip, y, 0] for y in range(clip + 1)], np.int32) for clip in range(6)]
    names = pa.array([str(n) for n in range(6)], pa.string())
    with pq.ParquetWriter(tmp_path / "f", FIXATION_SCHEMA, write_page_checksum=True) as writer:
        for first in (0, 2, 4):
            writer.write_table(fixation_table(names, first, blocks[first : first + 2]))
    whole = np.concatenate(blocks)
    for start, stop in ((0, 0), (0, 21), (3, 4), (2, 9), (9, 21), (20, 21)):
        frame, yx = read_rows(tmp_path / "f", start, stop)
        assert np.array_equal(np.column_stack([frame, yx]), whole[start:stop])
    with pytest.raises(ManifestError, match="expected at least 22 rows, found 21"):
        read_rows(tmp_path / "f", 0, 22)


def test_a_column_of_another_type_is_refused(tmp_path):
    table = pa.table({"frame": pa.array([1], pa.int64())})
    pq.write_table(table, tmp_path / "f", write_page_checksum=True)
    with pytest.raises(ManifestError, match="an undamaged file, found frame as int64 instead of int32"):
        read_table(tmp_path / "f", FIXATION_SCHEMA, ["frame"])
