"""Where approaches stand side by side, and the scores that they have in common there."""

import math

import pytest

from grid.outputs.tables.comparing.places import ranked, standings
from grid.outputs.tables.scores import Results
from grid.results.ledger import Ledger
from grid.specs.table import Variant
from tests.grid.small_ledger import finish_clips, small_plan, table_spec


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def unit(approach, seed):
    return f"{approach}-DHF1K-UCFSports-{seed}"


def test_clips_and_seeds_count_that_every_approach_has_a_score_for(ledger):
    small = small_plan(
        table_spec(sources=("DHF1K",), seeds=(0, 1, 2), approaches=("generalization", "transfer"))
    )
    for seed in (0, 1):
        finish_clips(ledger, small, unit("generalization", seed), NSS={"a": seed, "b": 2.0, "c": 3.0})
        finish_clips(ledger, small, unit("transfer", seed), NSS={"a": 4.0, "b": 5.0, "c": math.nan})
    finish_clips(ledger, small, unit("transfer", 2), NSS={"a": 4.0})
    results = Results(small, ledger)
    (standing,) = standings(small.tables[0], results)
    assert standing.title(several_models=False) == "DHF1K to UCF Sports"
    assert standing.title(several_models=True) == "DHF1K to UCF Sports, HD2S"
    clips, seeds, scores = standing.by_clip(("transfer", "generalization"), "NSS", results)
    assert (clips, seeds) == (["a", "b"], [0, 1])
    assert scores.tolist() == [[[4, 4], [5, 5]], [[0, 1], [2, 2]]]
    assert standing.mean("generalization", "NSS", results) is None, "a seed lacks it"
    assert standing.lacking(("transfer", "generalization"), ("NSS",), results) == "not trained yet"


def test_nothing_in_common_is_nothing(ledger):
    small = small_plan(table_spec(sources=("DHF1K",)))
    results = Results(small, ledger)
    (standing,) = standings(small.tables[0], results)
    assert standing.by_clip(("transfer", "generalization"), "NSS", results).scores.shape == (2, 0, 0)


def test_what_the_oracle_chooses_is_not_compared(ledger):
    both = Variant().selected_by(("source", "target"))
    small = small_plan(table_spec(sources=("DHF1K",), variants=both))
    results = Results(small, ledger)
    assert [place.first.variant for place in standings(small.tables[0], results)] == [
        each.label for each in both
    ]
    assert [place.first.variant for place in ranked(small.tables[0], results)] == [""]
    alone = small_plan(table_spec(sources=("DHF1K",), variants=both[1:]))
    assert len(ranked(alone.tables[0], Results(alone, ledger))) == 1, "it stands beside no other"
