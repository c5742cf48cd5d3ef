"""Who is best in each group of a table."""

import pytest

from grid.outputs.tables.comparing.winners import contests
from grid.outputs.tables.scores import Results
from grid.results.ledger import Ledger
from tests.grid.small_ledger import finish_clips, small_plan, table_spec

CLIPS = [f"clip {n}" for n in range(10)]


def finish(ledger, plan, unit, mean, **metrics):
    finish_clips(ledger, plan, unit, NSS={clip: mean + n / 100 for n, clip in enumerate(CLIPS)}, **metrics)


@pytest.fixture
def plan():
    return small_plan(table_spec())


def test_the_best_comes_first_with_its_lead_over_the_second(plan, tmp_path):
    ledger = Ledger(tmp_path)
    for approach, mean in (("generalization", 1.0), ("adaptation", 1.5), ("transfer", 1.2)):
        finish(ledger, plan, f"{approach}-DHF1K-UCFSports-0", mean)
    (found,) = contests(plan.tables[0], "NSS", Results(plan, ledger))
    assert found.where == "DHF1K to UCF Sports"
    assert found.labels == ("Domain Adaptation", "Transfer Learning", "Domain Generalization")
    assert found.lead.difference == pytest.approx(0.3)
    assert found.lead.apart
    assert found.lead.p_holm == found.lead.p


def test_where_less_is_better_the_lowest_wins(tmp_path):
    plan = small_plan(table_spec(metrics=("KLD",), paper=""))
    ledger = Ledger(tmp_path)
    for approach, mean in (("generalization", 2.0), ("adaptation", 3.0), ("transfer", 1.0)):
        unit = f"{approach}-DHF1K-UCFSports-0"
        finish_clips(ledger, plan, unit, KLD={clip: mean + n / 100 for n, clip in enumerate(CLIPS)})
    (found,) = contests(plan.tables[0], "KLD", Results(plan, ledger))
    assert found.labels[0] == "Transfer Learning"
    assert found.lead.difference == pytest.approx(-1)


def test_nobody_has_won_while_one_is_missing(plan, tmp_path):
    for approach in ("generalization", "transfer"):
        finish(Ledger(tmp_path), plan, f"{approach}-DHF1K-UCFSports-0", 1.0)
    assert contests(plan.tables[0], "NSS", Results(plan, Ledger(tmp_path))) == []
