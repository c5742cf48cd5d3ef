"""Numbers and words of YAML, as they are written."""

import pytest
from yaml import YAMLError

from grid.specs.plain_yaml import dotted, parse, read_file
from grid.specs.settings_reader import read


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
    ["010", "08", "0x1F", "0b11", "0o17", "1_000", "1:40", "yes", "no", "on", "off", "inf", "2024-01-02"],
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


@pytest.mark.parametrize("text", ["{a: 1, a: 2}", "[1", "9" * 5000])
def test_what_cannot_be_read_is_an_error_of_yaml(text):
    with pytest.raises(YAMLError):
        parse(text)


def test_an_override_lies_in_its_sections():
    assert dotted("a.b=[01,2]") == {"a": {"b": ["01", 2]}}


def test_a_file_may_refer_to_itself(tmp_path):
    (tmp_path / "a.yaml").write_text("one: 1\nother: ${one}\n")
    assert read_file(tmp_path / "a.yaml") == {"one": 1, "other": 1}
