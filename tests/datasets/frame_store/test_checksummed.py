"""Arrays in files with a checksum for each row: what is read is what was written, or the damage is told."""

import os
import zlib

import numpy as np
import pytest

from datasets.frame_store.checksummed import Checksummed, DamageError, OpenFiles, file_size, write

ROWS = np.random.default_rng(0).integers(0, 256, (6, 4, 5), dtype=np.uint8)


def written(path, rows=ROWS):
    with path.open("wb") as file:
        write(file, rows, rows.shape)
    return path


def read(path, start, count, step=1, shape=ROWS.shape):
    out = np.zeros((count, *shape[1:]), np.uint8)
    Checksummed(path, shape).read_into(out, start, step)
    return out


def test_a_file_is_its_rows_their_checksums_and_one_of_these(tmp_path):
    content = written(tmp_path / "a").read_bytes()
    assert len(content) == file_size(ROWS.shape) == 6 * 20 + 6 * 4 + 4
    assert content[:120] == ROWS.tobytes()
    table = b"".join(zlib.crc32(row.tobytes()).to_bytes(4, "little") for row in ROWS)
    assert content[120:144] == table
    assert int.from_bytes(content[144:], "little") == zlib.crc32(table, zlib.crc32(b"(6, 4, 5)"))


def test_a_file_that_was_copied_to_anothers_place_does_not_open(tmp_path):
    with (tmp_path / "a").open("wb") as file:
        write(file, ROWS, ROWS.shape, "corpus/a.frames")
    Checksummed(tmp_path / "a", ROWS.shape, "corpus/a.frames")
    with pytest.raises(DamageError, match="or is another's"):
        Checksummed(tmp_path / "a", ROWS.shape, "corpus/b.frames")
    Checksummed(written(tmp_path / "old"), ROWS.shape, "corpus/b.frames")  # of before they had names


@pytest.mark.parametrize(
    ("start", "count", "step"), [(0, 6, 1), (2, 3, 1), (5, 1, 1), (1, 3, 2), (0, 2, 5), (3, 0, 1)]
)
def test_rows_come_back_in_a_run_or_some_apart(tmp_path, start, count, step):
    found = read(written(tmp_path / "a"), start, count, step)
    assert np.array_equal(found, ROWS[start : start + count * step : step][:count])


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda data: data[:-1], "147 bytes instead of 148"),
        (lambda data: b"", "0 bytes instead of 148"),
        (
            lambda data: data[:130] + bytes([data[130] ^ 1]) + data[131:],
            "its table of checksums differs from",
        ),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "its table of checksums differs from"),
    ],
)
def test_a_file_that_is_not_whole_does_not_open(tmp_path, damage, text):
    path = written(tmp_path / "a")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamageError, match=text):
        Checksummed(path, ROWS.shape)


def test_an_array_of_another_shape_and_the_same_size_does_not_open(tmp_path):
    with pytest.raises(DamageError, match="differs from its own checksum"):
        Checksummed(written(tmp_path / "a"), (6, 5, 4))


def test_only_what_is_read_is_verified(tmp_path):
    path = written(tmp_path / "a")
    data = bytearray(path.read_bytes())
    data[3 * 20 + 7] ^= 1
    path.write_bytes(data)
    assert np.array_equal(read(path, 0, 3), ROWS[:3])
    assert np.array_equal(read(path, 0, 3, step=2), ROWS[::2])
    for start, count, step in ((0, 4, 1), (3, 1, 1), (1, 2, 2)):
        with pytest.raises(DamageError, match="frame 3 differs from its checksum"):
            read(path, start, count, step)


def test_rows_go_into_one_piece_of_memory_alone(tmp_path):
    file = Checksummed(written(tmp_path / "a"), ROWS.shape)
    with pytest.raises(ValueError, match="one contiguous array"):
        file.read_into(np.zeros((4, 5, 6), np.uint8).transpose(2, 0, 1), 0)


def test_a_file_knows_whether_it_is_still_at_its_path(tmp_path):
    path = written(tmp_path / "a")
    file = Checksummed(path, ROWS.shape)
    assert file.is_at(path)
    written(tmp_path / "b").replace(path)
    assert not file.is_at(path)
    path.unlink()
    assert not file.is_at(path)


def test_the_least_used_file_is_closed_first(tmp_path):
    paths = [written(tmp_path / name) for name in "abc"]
    files = OpenFiles(2)
    first, second = (files.get(path, ROWS.shape) for path in paths[:2])
    assert files.get(paths[0], ROWS.shape) is first
    files.get(paths[2], ROWS.shape)
    assert files.get(paths[0], ROWS.shape) is first
    assert files.get(paths[1], ROWS.shape) is not second


def test_that_a_file_is_used_is_recorded_once(tmp_path):
    path, files = written(tmp_path / "a"), OpenFiles(1)
    os.utime(path, (1, 1))
    files.get(path, ROWS.shape)
    assert path.stat().st_mtime > 1e9
    os.utime(path, (1, 1))
    files.get(written(tmp_path / "b"), ROWS.shape)
    files.get(path, ROWS.shape)
    assert path.stat().st_mtime == 1


def test_a_discarded_file_is_removed_unless_another_took_its_place(tmp_path):
    path, files = written(tmp_path / "a"), OpenFiles(2)
    files.get(path, ROWS.shape)
    written(tmp_path / "b").replace(path)
    files.discard(path)
    assert path.exists()
    files.get(path, ROWS.shape)
    files.discard(path)
    assert not path.exists()
    files.discard(path)
