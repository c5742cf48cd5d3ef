"""A file of ours is whole or not there."""

import pytest

from hd2s.files import atomic_write


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
