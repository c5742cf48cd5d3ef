"""Numbers and words of YAML, as they are written."""

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from grid.specs.plain_yaml import dotted, parse, read_file, with_list
from grid.specs.settings_reader import read
from tests.places import REPOSITORY


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10", 10),
        ("-3", -3),
        ("+3", 3),
        ("0", 0),
        ("0.5", 0.5),
        ("1e-3", 0.001),
        ("1.5E+2", 150.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.inf", -float("inf")),
        ("true", True),
        ("null", None),
        ("", None),
        ("[0, 1]", [0, 1]),
    ],
)
def test_plain_values(text, value):
    assert parse(text) == value
    assert type(parse(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "010",
        "08",
        "0x1F",
        "0b11",
        "0o17",
        "1_000",
        "1:40",
        ".e5",
        "yes",
        "no",
        "on",
        "off",
        "inf",
        "2024-01-02",
    ],
)
def test_what_is_no_plain_number_is_a_text(text):
    assert parse(text) == text


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("train.iterations=0100", 100),
        ("train.iterations=1_000", 1000),
        ("train.iterations=1:40", None),
        ("train.iterations=0x10", None),
        ("train.iterations=1e3", None),
        ("train.iterations=yes", None),
        ("train.lr=010", 10.0),
        ("train.lr=1e-3", 0.001),
        ("train.lr=inf", None),
        ("train.lr=1:40", None),
        ("train.mixed_precision=no", False),
        ("train.mixed_precision=on", True),
        ("seeds=[010,08]", (10, 8)),
        ("seeds=[1:40]", None),
    ],
)
def test_settings_read_numbers_as_decimal_ones_or_refuse_them(override, expected):
    found = read([override], demo=True)
    value = found.config
    for name in override.partition("=")[0].split("."):
        value = getattr(value, name)
    assert (None if found.problems else value) == expected


def test_a_folder_named_by_a_number_keeps_its_name():
    found = read(["corpora.Mine.manifest=010"], demo=True)
    assert found.config.corpora["Mine"].manifest == "010"


NOT_PLAIN = ["!!binary aGk=", "!!set {a}", "!!timestamp 2024-01-02", "!!omap [a: 1]", "!!float x", "!!bool x"]


@pytest.mark.parametrize(
    "text", ["{a: 1, a: 2}", "[1", "9" * 5000, "&a [*a]", "&a {b: *a}", "[" * 3000 + "]" * 3000, *NOT_PLAIN]
)
def test_what_cannot_be_read_is_an_error_of_yaml(text):
    with pytest.raises(YAMLError):
        parse(text)


def test_a_comma_in_brackets_ends_no_value_inside_braces():
    both = parse("{a: uniform(0, 1), b: uniform(0, 1), c: [2], d: 'f(', e: (3}")
    assert both == {"a": "uniform(0, 1)", "b": "uniform(0, 1)", "c": [2], "d": "f(", "e": "(3"}
    with pytest.raises(YAMLError, match="a is given twice"):
        parse("{a: uniform(0, 1), a: 2}")


def test_an_override_lies_in_its_sections():
    assert dotted("a.b=[01,2]") == {"a": {"b": ["01", 2]}}


def test_a_file_may_refer_to_itself(tmp_path):
    (tmp_path / "a.yaml").write_text("one: 1\nother: ${one}\n")
    assert read_file(tmp_path / "a.yaml") == {"one": 1, "other": 1}


SHIPPED = sorted((REPOSITORY / "grid/specs").rglob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_files_without_references_are_what_omegaconf_makes_of_them(path):
    content = parse(path.read_text(encoding="utf-8"))
    assert str(read_file(path)) == str(OmegaConf.to_container(OmegaConf.create(content), resolve=True))


def test_a_file_without_references_does_not_pass_through_omegaconf(tmp_path, monkeypatch):
    path = tmp_path / "mine.yaml"
    path.write_text("a: &all [1, {b: 2}]\nc: *all\n")
    monkeypatch.setattr(OmegaConf, "create", None)
    found = read_file(path)
    assert found == {"a": [1, {"b": 2}], "c": [1, {"b": 2}]}
    found["a"][1]["b"] = 3
    assert found["c"] == [1, {"b": 2}], "each place has its own"


def test_a_key_that_settings_cannot_have_is_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("~: 1\n")
    with pytest.raises(OmegaConfBaseException):
        read_file(path)


@pytest.mark.parametrize(
    "written",
    [
        *(
            "[ours, 'an other']  # é\n",
            "\n  - ours # é\n  - /ö\n# more\n",
            "\n- ours\n",
            "[ours,\n  other]\n",
        ),
        "\n  - >-\n    ours\n",
    ],
)
def test_a_list_in_a_file_gets_other_words_and_all_else_stays(written):
    text = f"# ü\nname: ä\nplugins: {written}title: [ours]\n"
    found = with_list(text, "plugins", ["../a b", "ø"])
    assert parse(found) == {"name": "ä", "plugins": ["../a b", "ø"], "title": ["ours"]}
    assert found.startswith("# ü\nname: ä\nplugins:")
    assert found.endswith("title: [ours]\n")
    assert ("# more" in found) == ("# more" in text)


def test_a_list_in_a_file_that_begins_with_a_mark_gets_other_words():
    """As editors on Windows write it: an export's own file could not be read."""
    assert with_list("\ufeffname: a\nplugins: [ours]\n", "plugins", ["b"]) == 'name: a\nplugins: ["b"]\n'
