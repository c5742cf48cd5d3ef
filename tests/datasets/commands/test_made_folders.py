"""A folder that a command made is made anew; one that somebody else has a hand in is told."""

import pytest

from datasets.commands.made_folders import made_anew, not_made
from datasets.listing.file_names import is_usable_name


def make(folder, *names):
    with made_anew(folder) as new:
        for name in names:
            (new / name).write_text(name)


def told(folder):
    return [str(problem) for problem in not_made(folder.parent, [folder.name])]


@pytest.fixture
def folder(tmp_path):
    make(tmp_path / "maps/a", "1.png", "2.png")
    return tmp_path / "maps/a"


def test_what_was_made_is_made_anew(folder):
    assert told(folder) == []
    make(folder, "1.png")
    assert [path.name for path in folder.iterdir() if is_usable_name(path.name)] == ["1.png"]
    assert [path.name for path in folder.parent.iterdir()] == ["a"]
    assert told(folder) == []


@pytest.mark.parametrize(
    ("name", "content"), [("1.png", "5.png"), ("notes.txt", ""), ("2.png", None), ("by hand/1.png", "1")]
)
def test_what_was_changed_since_is_told(folder, name, content):
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    assert "found 1 with other content: a. Move them away, or give --replace" in told(folder)[0]


def test_what_systems_leave_is_no_change(folder):
    for name in (".DS_Store", "Thumbs.db"):
        (folder / name).write_text("")
    assert told(folder) == []


def test_no_folder_and_an_empty_one_lose_nothing_and_a_file_does(tmp_path):
    assert told(tmp_path / "none") == []
    (tmp_path / "empty").mkdir()
    assert told(tmp_path / "empty") == []
    make(tmp_path / "empty", "1.png")
    (tmp_path / "file").write_text("")
    assert len(told(tmp_path / "file")) == 1


def test_an_interruption_keeps_what_there_was(folder):
    with pytest.raises(KeyboardInterrupt), made_anew(folder) as new:
        (new / "1.png").write_text("half")
        raise KeyboardInterrupt
    assert (folder / "1.png").read_text() == "1.png"
    assert told(folder) == []
    make(folder, "3.png")
    assert not (folder / "1.png").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["a"]


def test_a_link_to_a_folder_elsewhere_stays(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "a").symlink_to(tmp_path / "disk")
    make(tmp_path / "a", "1.png")
    assert (tmp_path / "a").is_symlink()
    assert (tmp_path / "disk/1.png").is_file()
    assert told(tmp_path / "a") == []


def test_a_file_in_a_folder_s_place_is_replaced_too(tmp_path):
    (tmp_path / "a").write_text("notes")
    make(tmp_path / "a", "1.png")
    assert (tmp_path / "a/1.png").is_file()
    assert told(tmp_path / "a") == []
