"""Outputs that cannot be written are told before anything is done for them."""

import pytest

from hd2s.__main__ import main
from hd2s.commands import writable
from hd2s.commands.writable import require_file, require_folder
from manifests import ProblemError

COMMANDS = [
    (["predict", "none.mp4", "--weights", "none.pt", "--device", "cpu", "--out"], "file"),
    (["cost", "--device", "cpu", "--out"], "file"),
    (["score", "--predictions", "none", "--corpus", "dhf1k", "--split", "test", "--per-video"], "."),
]


@pytest.fixture
def there(tmp_path):
    (tmp_path / "file").write_text("mine")
    return tmp_path


@pytest.mark.parametrize(("command", "place"), COMMANDS)
def test_every_command_says_so_first(there, capsys, command, place):
    assert main([*command, str(there / place)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"{command[-1]} {there / place}: expected a")
    assert (there / "file").read_text() == "mine"


def test_new_places_are_free_and_none_is_made(there):
    require_folder("--out", there / "new/deep")
    require_file("--per-video", there / "new/deep.csv")
    require_file("--per-video", there / "file")
    assert [path.name for path in there.iterdir()] == ["file"]


def test_a_file_on_the_way_and_a_folder_that_is_read_only_are_told(there, monkeypatch):
    with pytest.raises(ProblemError, match=r"found .*/file, which is a file\. Give another --out"):
        require_folder("--out", there / "file/deep")
    monkeypatch.setattr(writable.os, "access", lambda *_: False)
    with pytest.raises(ProblemError, match="which is read-only"):
        require_file("--per-video", there / "scores.csv")
