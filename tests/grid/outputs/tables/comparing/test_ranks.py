"""Ranks over the pairs of a table in which all approaches have a value."""

import pytest

from grid.outputs.tables.comparing.ranks import build
from grid.outputs.tables.scores import Results
from grid.results.ledger import Ledger
from tests.grid.small_ledger import finish, finish_clips, small_plan, table_spec
from tests.grid.small_tables import STYLE, rows_of

WORDS = ("generalization", "adaptation", "transfer")


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def test_approaches_are_ranked_over_pairs(ledger):
    small = small_plan(table_spec(metrics=("NSS", "KLD"), paper=""))
    for pair, nss in (("DHF1K-UCFSports", (1.0, 2.0, 3.0)), ("UCFSports-DHF1K", (2.0, 1.0, 3.0))):
        for word, value in zip(WORDS, nss, strict=True):
            finish(ledger, small, f"{word}-{pair}-0", NSS=value, KLD=value)
    table = build(small.tables[0], Results(small, ledger), STYLE)
    rows = {row: entries for (_, _, row), entries in rows_of(table).items()}
    assert rows == {
        "Domain Generalization": ["2.50", "1.50"],
        "Domain Adaptation": ["2.50", "1.50"],
        "Transfer Learning": ["1.00", "3.00"],
    }
    assert [entry.mark for entry in table.blocks[0].groups[0].rows[2].entries] == ["best", ""]
    # 2.343 · √(3 · 4 / (6 · 2))
    assert "Critical difference: 2.34;" in " ".join(table.notes)
    assert table.records[0]["p"] == pytest.approx(0.2231, abs=1e-4)


def test_a_pair_that_lacks_one_counts_for_none_and_is_told(ledger):
    small = small_plan(table_spec(metrics=("NSS",), paper=""))
    for word in WORDS:
        finish(ledger, small, f"{word}-DHF1K-UCFSports-0", NSS=1.0)
    table = build(small.tables[0], Results(small, ledger), STYLE)
    assert [record["n_places"] for record in table.records] == [1, 1, 1]
    assert [record["mean_rank"] for record in table.records] == [2.0, 2.0, 2.0]
    assert table.missing.reasons == (("not trained yet", ("UCF Sports to DHF1K",)),)
    assert "Critical" not in " ".join(table.notes)


def test_a_pair_with_values_over_unlike_clips_counts_for_none_and_is_told(ledger):
    small = small_plan(table_spec(metrics=("NSS",), paper=""))
    for n, unit in enumerate(small.trainings):
        finish_clips(ledger, small, unit, NSS={"a": float(n), "b": float(n)})
    lacking = "transfer-DHF1K-UCFSports-0"
    finish_clips(ledger, small, lacking, {"unread": {"b": "gone"}}, NSS={"a": 5.0})
    told = "not ranked, since values are over unlike test clips or frames in NSS"
    table = build(small.tables[0], Results(small, ledger), STYLE)
    assert [record["n_places"] for record in table.records] == [1, 1, 1]
    assert table.missing.reasons == ((told, ("DHF1K to UCF Sports",)),)
    assert "over the 1 pair in which" in table.notes[0]
    for unit in small.trainings:
        finish_clips(ledger, small, unit, {"unread": {"b": "gone"}}, NSS={"a": 5.0})
    table = build(small.tables[0], Results(small, ledger), STYLE)
    assert table.records[0]["n_places"] == 2, "on equal terms"


def test_nothing_is_ranked_below_three_approaches_or_two_pairs(ledger):
    for changes in ({"approaches": WORDS[:2]}, {"sources": ("DHF1K",)}):
        small = small_plan(table_spec(**changes))
        assert build(small.tables[0], Results(small, ledger), STYLE) is None
