"""A file of ours is whole or not there."""

import pytest

from hd2s.files import atomic_write, sha256_of


def test_what_was_written_is_in_place_and_nothing_beside_it(tmp_path):
    path = tmp_path / "new" / "file"
    with atomic_write(path) as part:
        assert not part.exists()
        part.write_text("content")
        assert not path.exists()
    assert path.read_text() == "content"
    assert list(path.parent.iterdir()) == [path]


def test_what_was_there_stays_when_writing_fails(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_write(path) as part:
        part.write_text("half of the n")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_s_digest_is_that_of_its_content(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    assert sha256_of(tmp_path / "file").startswith("ba7816bf8f01cfea414140de5dae2223b00361a396177a9c")
