"""Recovered gaps: their values, their mean and worst, and where there is no gap."""

import pytest

from grid.outputs.tables.below.footnotes import SEEDS
from grid.outputs.tables.comparing.recovered import build
from grid.outputs.tables.scores import Results
from grid.results.ledger import Ledger
from tests.grid.small_ledger import finish_clips, small_plan, table_spec
from tests.grid.small_tables import STYLE, rows_of

BOUNDS = ("generalization", "adaptation", "transfer")


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def score(ledger, small, pair, metric="NSS", **values):
    """Score the approaches of a pair on two clips that lie 0.2 apart."""
    for approach, value in values.items():
        clips = {"a": value - 0.1, "b": value + 0.1}
        finish_clips(ledger, small, f"{approach}-{pair}-0", **{metric: clips})


def table_of(ledger, small):
    return build(small.tables[0], Results(small, ledger), STYLE)


def test_a_gap_is_between_generalization_and_transfer(ledger):
    small = small_plan(table_spec(metrics=("NSS",), paper=""))
    score(ledger, small, "DHF1K-UCFSports", generalization=1.0, adaptation=1.5, transfer=3.0)
    score(ledger, small, "UCFSports-DHF1K", generalization=2.0, adaptation=1.0, transfer=4.0)
    table = table_of(ledger, small)
    assert [record["recovered"] for record in table.records] == pytest.approx([0.25, -0.5])
    rows = rows_of(table)
    assert rows["", "DHF1K to UCF Sports", "Domain Adaptation"] == ["25 % [25, 25]"]
    assert rows["All pairs", "Domain Adaptation", "mean"] == ["−12 %"]
    assert rows["All pairs", "Domain Adaptation", "worst"] == ["−50 %"]
    assert "Worst of Domain Adaptation: UCF Sports to DHF1K (NSS)." in table.notes
    assert table.missing.count == "2 of 2 recovered gaps have all their values."


def test_of_a_metric_that_is_better_small_too(ledger):
    small = small_plan(table_spec(metrics=("KLD",), paper="", sources=("DHF1K",)))
    score(ledger, small, "DHF1K-UCFSports", "KLD", generalization=3.0, adaptation=1.5, transfer=1.0)
    assert [record["recovered"] for record in table_of(ledger, small).records] == [pytest.approx(0.75)]


def test_where_transfer_is_no_better_there_is_none(ledger):
    small = small_plan(table_spec(metrics=("NSS",), paper=""))
    score(ledger, small, "DHF1K-UCFSports", generalization=2.0, adaptation=1.5, transfer=2.0)
    score(ledger, small, "UCFSports-DHF1K", generalization=1.0, adaptation=1.5, transfer=2.0)
    table = table_of(ledger, small)
    assert [record["recovered"] for record in table.records] == [None, pytest.approx(0.5)]
    assert rows_of(table)["", "DHF1K to UCF Sports", "Domain Adaptation"] == [""]
    assert rows_of(table)["All pairs", "Domain Adaptation", "mean"] == ["50 % (1/2)"]


def test_the_worst_pairs_are_named_below_the_table_for_each_metric(ledger):
    small = small_plan(table_spec(metrics=("NSS", "CC", "KLD"), paper=""))
    for pair, shares in (("DHF1K-UCFSports", (0.25, 0.5, 0.1)), ("UCFSports-DHF1K", (0.75, 0.2, 0.3))):
        scored = {"generalization": (0.0, 0.0, 2.0), "transfer": (1.0, 1.0, 1.0)}
        scored["adaptation"] = (*shares[:2], 2.0 - shares[2])
        for approach, values in scored.items():
            of = dict(zip(("NSS", "CC", "KLD"), values, strict=True))
            clips = {metric: {"a": value, "b": value} for metric, value in of.items()}
            finish_clips(ledger, small, f"{approach}-{pair}-0", **clips)
    told = "Worst of Domain Adaptation: DHF1K to UCF Sports (NSS, KLD); UCF Sports to DHF1K (CC)."
    assert told in table_of(ledger, small).notes


@pytest.mark.parametrize(("gain", "clear"), [((2.0, 1.0, 3.0, 2.0), True), ((4.0, -1.0, 1.0, -1.0), False)])
def test_no_interval_where_the_gap_itself_may_be_none(ledger, gain, clear):
    small = small_plan(table_spec(metrics=("NSS",), paper="", sources=("DHF1K",)))
    shares = {"generalization": 0.0, "adaptation": 0.5, "transfer": 1.0}
    for approach, share in shares.items():
        clips = {str(n): 1.0 + share * value for n, value in enumerate(gain)}
        finish_clips(ledger, small, f"{approach}-DHF1K-UCFSports-0", NSS=clips)
    table = table_of(ledger, small)
    (record,) = table.records
    assert record["recovered"] == pytest.approx(0.5)
    assert (record["low"] is not None) is clear
    told = "50 % [50, 50]" if clear else "50 %"
    assert rows_of(table)["", "DHF1K to UCF Sports", "Domain Adaptation"] == [told]
    assert any("includes zero" in note for note in table.notes) is not clear


def test_a_gap_over_fewer_seeds_or_clips_says_so(ledger):
    small = small_plan(table_spec(metrics=("NSS",), paper="", sources=("DHF1K",), seeds=(0, 1)))
    score(ledger, small, "DHF1K-UCFSports", generalization=1.0, adaptation=1.5, transfer=3.0)
    table = table_of(ledger, small)
    assert rows_of(table)["", "DHF1K to UCF Sports", "Domain Adaptation"] == ["25 % [25, 25] (1/2)"]
    assert [(record["n_seeds"], record["of_seeds"]) for record in table.records] == [(1, 2)]
    assert SEEDS in table.notes
    unread = {"unread": {"c": "expected 3 frames, found 1"}}
    for approach in BOUNDS:
        clips = {"a": 1.0 + (approach != "generalization"), "b": 3.0}
        unit = f"{approach}-DHF1K-UCFSports-1"
        finish_clips(ledger, small, unit, summary=unread if approach == "transfer" else {}, NSS=clips)
    table = table_of(ledger, small)
    ((entry,),) = (row.entries for block in table.blocks for group in block.groups for row in group.rows)
    assert (entry.sign, "(1/2)" in entry.after) == ("†", False)
    assert any("†" in note for note in table.notes)


def test_constant_predictions_are_signed_and_explained(ledger):
    small = small_plan(table_spec(metrics=("NSS",), paper="", sources=("DHF1K",)))
    for approach, value in zip(BOUNDS, (1.0, 1.5, 3.0), strict=True):
        summary = {"constant": 1} if approach == "transfer" else {}
        unit = f"{approach}-DHF1K-UCFSports-0"
        finish_clips(ledger, small, unit, summary, NSS={"a": value, "b": value})
    table = table_of(ledger, small)
    ((entry,),) = (row.entries for block in table.blocks for group in block.groups for row in group.rows)
    assert entry.sign == "‡"
    assert any(note.startswith("‡ 1 of 2 frames of UCF Sports is predicted constant") for note in table.notes)


def test_what_lacks_a_bound_is_told(ledger):
    small = small_plan(table_spec(metrics=("NSS",), paper="", sources=("DHF1K",)))
    score(ledger, small, "DHF1K-UCFSports", generalization=2.0, adaptation=1.5)
    table = table_of(ledger, small)
    assert table.missing.reasons == (("not trained yet", ("DHF1K to UCF Sports",)),)


def test_without_both_bounds_and_another_there_is_no_table(ledger):
    for word in BOUNDS:
        small = small_plan(table_spec(approaches=tuple(other for other in BOUNDS if other != word)))
        assert table_of(ledger, small) is None
