"""Figures as files: of each the picture twice and its numbers; what is missing is said."""

import csv

import pytest
from PIL import Image

from grid.outputs.figures.drawn import check_words, draw_figures
from grid.outputs.figures.registry import figures
from grid.results.ledger import Ledger
from manifests.problem import ProblemError
from tests.grid.outputs.figures.scored import score, small
from tests.grid.small_ledger import finish_clips


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


@pytest.mark.slow
def test_every_figure_is_drawn_with_the_numbers_behind_it(ledger):
    plan = small()
    score(ledger, plan)
    drawn = draw_figures(plan, ledger, ledger.out / "figures", from_results_alone=True)
    others = [word for word, figure in figures().items() if figure.needs != "results"]
    assert drawn.missing == [
        f"table5-{word}: it takes a while: --report draws it, and --figures {word}" for word in others
    ]
    words = [word for word in figures() if word not in others]
    expected = [f"table5-{word}.{kind}" for word in words for kind in ("pdf", "png", "csv")]
    assert [path.name for path in drawn.files] == expected
    for path in drawn.files:
        if path.suffix == ".png":
            assert Image.open(path).width >= 600
        if path.suffix == ".csv":
            assert len(list(csv.DictReader(path.open(encoding="utf-8")))) >= 2, path.name


def test_dollars_in_names_are_dollars(ledger):
    """They were formulas, and one that is none ended all figures."""
    plan = small(metrics=("NSS",), sources=("DHF1K",), title="$\\x{$")
    for unit in plan.trainings:
        finish_clips(ledger, plan, unit, NSS={"a$x_{$": float(len(unit)), "b": 2.0})
    drawn = draw_figures(plan, ledger, ledger.out / "figures", ["clips"])
    assert (drawn.missing, len(drawn.files)) == ([], 3)


def test_one_is_drawn_alike_each_time_with_its_fonts_in_it(ledger):
    plan = small(sources=("DHF1K",))
    score(ledger, plan)
    files = draw_figures(plan, ledger, ledger.out / "one", ["curves"]).files
    again = draw_figures(plan, ledger, ledger.out / "two", ["curves"]).files
    assert [path.read_bytes() for path in files] == [path.read_bytes() for path in again]
    assert b"/FontFile2" in files[0].read_bytes(), "TrueType, as publishers ask"


@pytest.mark.slow
def test_pictures_and_their_maps_are_equal_files_each_time(shift, tmp_path):
    plan, ledger = shift.results.plan, shift.results.ledger
    words = ["conspicuity", "features", "frames"]
    files, again = (
        draw_figures(plan, ledger, tmp_path / where, words, shift.material).files for where in ("one", "two")
    )
    assert len(files) == 9
    assert [path.read_bytes() for path in files] == [path.read_bytes() for path in again]


def test_weights_that_cannot_be_read_are_told_and_stop_no_other_figure(ledger):
    plan = small(sources=("DHF1K",))
    score(ledger, plan)
    drawn = draw_figures(plan, ledger, ledger.out / "figures", ["fusion", "curves"])
    assert len(drawn.files) == 3
    (told,) = drawn.missing
    assert told.startswith("table5-fusion: ")
    assert "best.pt" in told


def test_what_cannot_be_drawn_says_what_is_missing(ledger):
    drawn = draw_figures(small(), ledger, ledger.out / "figures")
    assert drawn.files == []
    assert len(drawn.missing) == len(figures())
    assert "table5-curves: no training is done yet" in drawn.missing


def test_words_of_no_figure_are_told():
    check_words(["curves", "ranks"])
    with pytest.raises(ProblemError, match=r"'curvs'.*Did you mean curves\?"):
        check_words(["curvs"])
