"""Lists of clips as lines, tables and JSON."""

import pytest

from datasets.listing.list_formats import LIST_SUFFIXES, listed_names
from manifests import ProblemError

CLIPS = {"a", "b", "c, d", "7"}


def names(path, text):
    path.write_text(text, encoding="utf-8")
    return listed_names(path, CLIPS.__contains__)


@pytest.mark.parametrize("suffix", LIST_SUFFIXES)
def test_lines_are_read_whatever_the_suffix(tmp_path, suffix):
    assert names(tmp_path / f"train{suffix}", "\ufeffa\r\n# no clip\n\n b \n") == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,30\nb,25\n", ["a", "b"]),
        ("frames;Video\n30;a\n25;b\n", ["a", "b"]),
        ("name\tfps\na\t30\n", ["a"]),
        ('id,split\n"a",test\n7,test\n', ["a", "7"]),
        ("c, d\na\n", ["c, d", "a"]),
        ("gone,1\n", ["gone"]),
        ("", []),
    ],
)
def test_of_a_table_the_column_of_the_names(tmp_path, text, expected):
    assert names(tmp_path / "val.csv", text) == expected


def test_a_clip_called_as_a_header_is_a_clip(tmp_path):
    (tmp_path / "val.csv").write_text("name\nb\n")
    assert listed_names(tmp_path / "val.csv", {"name", "b"}.__contains__) == ["name", "b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('["a", "b", 7]', ["a", "b", "7"]),
        ('{"test": ["a"], "version": 2}', ["a"]),
        ('[{"Video": "a", "fps": 30}, {"Video": "b"}]', ["a", "b"]),
        ("[]", []),
    ],
)
def test_json(tmp_path, text, expected):
    assert names(tmp_path / "test.json", text) == expected


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', "an object with 0 arrays"),
        ('{"x": ["a"], "y": ["b"]}', "an object with 2 arrays"),
        ('[["a"]]', "which is no name"),
        ("[true]", "which is no name"),
        ('["a"', "JSONDecodeError"),
        ("[" * 100_000, "RecursionError"),
    ],
)
def test_json_that_lists_nothing_is_refused(tmp_path, text, found):
    with pytest.raises(ProblemError, match=rf"test\.json: expected a list of clips, found .*{found}"):
        names(tmp_path / "test.json", text)


def test_no_text_is_refused(tmp_path):
    (tmp_path / "train").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProblemError, match="found UnicodeDecodeError"):
        listed_names(tmp_path / "train", CLIPS.__contains__)
