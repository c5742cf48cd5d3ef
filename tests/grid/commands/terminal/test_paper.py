"""What is printed into a file has whole lines; on a terminal it fits."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table

import run_grid
from grid.commands.terminal.paper import Fitting, answer_console
from tests.places import REPOSITORY


def settings(capsys, width, monkeypatch, *words):
    """The lines of `--settings`, on a terminal of so many columns or, for None, in a file."""
    monkeypatch.delenv("COLUMNS", raising=False)
    if width:
        monkeypatch.setenv("COLUMNS", str(width))
    assert run_grid.main(["--settings", "run", *words]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("words", [(), ("train.protocol=released", "test.protocol=released")])
@pytest.mark.parametrize("width", [None, 80, 200])
def test_settings_are_found_by_their_names(capsys, monkeypatch, width, words):
    lines = settings(capsys, width, monkeypatch, *words)
    found = [line.split() for line in lines]
    assert ["train.validation_windows", "null"] in [line[:2] for line in found]
    assert ["approach.adaptation-control.levels", "[]"] in [line[:2] for line in found]
    assert not width or max(map(len, lines)) <= width


def test_in_a_file_every_row_is_one_line_with_all_that_is_known(capsys, monkeypatch):
    lines = settings(capsys, None, monkeypatch, "train.protocol=released")
    (line,) = [line.strip() for line in lines if line.startswith(" train.validation_windows ")]
    assert line.split() == ["train.validation_windows", "null", "null", "windows", "a", "clip", "default"]
    assert lines[1].split() == ["setting", "value", "default", "unit", "from"]


def test_a_narrow_terminal_shows_values(capsys, monkeypatch):
    lines = settings(capsys, 40, monkeypatch)
    assert lines[1].split() == ["setting", "value"]
    assert ["model.height", "128"] in [line.split() for line in lines]


def test_brackets_and_colons_of_a_title_are_no_markup(capsys):
    """They were taken out, became pictures, or ended a run's last table in a traceback."""
    title = "Loss [a] of x:100:y [/w]"
    table = Table(title=title)
    table.add_column("metric [b] of :x:, as long as the title")
    answer_console().print(table)
    out = capsys.readouterr().out
    assert title in out and "metric [b] of :x:, as long as the title" in out


@pytest.mark.parametrize("columns", ["0", "", "wide"])
def test_no_columns_are_no_width(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    answer_console().print("x" * 300)
    assert capsys.readouterr().out == "x" * 300 + "\n"


def test_what_a_terminal_has_no_letter_for_ends_nothing(monkeypatch):
    """As with LC_ALL=en_US, where a plan ended in a traceback at its first arrow."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "latin-1"))
    answer_console().print("DHF1K → UCF Sports, 1.5† ± 0.1")
    sys.stdout.flush()
    assert written.getvalue().decode("latin-1") == "DHF1K ? UCF Sports, 1.5? ± 0.1\n"


def test_lists_of_grids_keep_names_and_align_numbers(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert run_grid.main(["--list"]) == 0
    narrow = capsys.readouterr().out.splitlines()
    monkeypatch.delenv("COLUMNS")
    assert run_grid.main(["--list"]) == 0
    wide = capsys.readouterr().out.splitlines()
    assert [line for line in narrow if line.startswith(" domain_shift ")]
    (line,) = [line for line in wide if line.startswith(" sota ")]
    assert "tased_table5, table8" in line
    ends = {re.match(r" +\w+ +\d+ +\d+ +\d+  (?=\S)", line).end() for line in wide[2:]}
    assert len(ends) == 1, "what is of any length stands last"


def test_a_file_has_no_edge_and_a_terminal_its_own(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert answer_console().width > 1000
    monkeypatch.setenv("COLUMNS", "77")
    assert answer_console().width == 77
    monkeypatch.delenv("COLUMNS")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert answer_console().width < 1000


def test_a_table_is_made_for_the_width(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "33")
    answer_console().print(Fitting(lambda width: Table(f"w{width}")))
    assert "w33" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--settings"], ["--settings", "--json"]])
def test_an_answer_that_nothing_takes_is_told_in_a_line(words):
    """It was a traceback, and another message of Python's own at its end."""
    script = [sys.executable, str(REPOSITORY / "run_grid.py"), *words]
    with Path("/dev/full").open("w") as full:
        called = subprocess.run(script, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    told = "standard output: expected a place to print to, found [Errno 28] No space left on device. Have it"
    assert (called.returncode, called.stderr.count("\n")) == (2, 1)
    assert called.stderr.startswith(told)
