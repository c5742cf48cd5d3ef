"""Names that are looked at, and names that lead astray."""

import pytest

from datasets.listing.file_names import escapes, first_few, is_image, is_usable_name, is_writable_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a", False),
        ("a/b", False),
        ("a..b", False),
        ("..a", False),
        ("..", True),
        ("a/../b", True),
        ("a\\..\\b", True),
        ("/a", True),
        ("\\a", True),
        ("c:a", True),
        ("\\\\server\\share", True),
    ],
)
def test_names_that_lead_out_of_the_root(name, expected):
    assert escapes(name) is expected


@pytest.mark.parametrize(
    ("name", "usable"),
    [
        ("0001.png", True),
        ("ünder 2.mp4", True),
        ("thumbs", True),
        (".hidden", False),
        ("._0001.png", False),
        ("Thumbs.DB", False),
        ("desktop.ini", False),
        ("__MACOSX", False),
        ("@eaDir", False),
        ("$RECYCLE.BIN", False),
        ("lost+found", False),
        ("\udcff.png", False),
    ],
)
def test_names_that_systems_leave_or_hide_are_not_looked_at(name, usable):
    assert is_usable_name(name) is usable


def test_a_name_that_is_no_text_cannot_be_written_down():
    assert is_writable_name("é") is True
    assert is_writable_name("\udcff") is False


@pytest.mark.parametrize("name", ["a.png", "a.JPG", "a.b.jpeg", "1.bmp", "x.WebP"])
def test_images_are_known_by_their_suffix(name):
    assert is_image(name)


@pytest.mark.parametrize("name", ["png", ".png", "a.png.txt", "a.gif", "a", ""])
def test_other_files_are_no_images(name):
    assert not is_image(name)


def test_the_first_few_names_and_that_there_are_more():
    assert first_few(["a", "b"]) == "a, b"
    assert first_few([str(n) for n in range(5)]) == "0, 1, 2, 3, 4"
    assert first_few([str(n) for n in range(6)]) == "0, 1, 2, 3, 4 …"
    assert first_few(["a", "b", "c"], 2) == "a, b …"
    assert first_few([]) == ""
