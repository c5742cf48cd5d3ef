"""Who is best in each group of a table."""

import pyarrow as pa
import pytest

from grid.outputs.tables.comparing.winners import contests
from grid.outputs.tables.scores import Results
from grid.results.ledger import Ledger
from grid.specs.table import Variant
from tests.grid.small_ledger import finish_clips, finish_training, small_plan, table_spec

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


def test_an_oracle_competes_with_nobody(tmp_path):
    plan = small_plan(table_spec(variants=Variant().selected_by(("source", "target")), paper=""))
    for n, unit in enumerate(plan.trainings):
        finish(Ledger(tmp_path), plan, unit, float(n))
    found = contests(plan.tables[0], "NSS", Results(plan, Ledger(tmp_path)))
    assert [len(one.lines) for one in found] == [3, 3]
    assert not any("oracle" in label for one in found for label in one.labels)


def test_values_that_print_alike_are_tied(plan, tmp_path):
    for approach, mean in (("generalization", 1.0), ("adaptation", 1.5), ("transfer", 1.5004)):
        finish(Ledger(tmp_path), plan, f"{approach}-DHF1K-UCFSports-0", mean)
    (found,) = contests(plan.tables[0], "NSS", Results(plan, Ledger(tmp_path)))
    assert found.significant
    assert [found.tied(digits) for digits in (2, 3, 4)] == [True, True, False]


def test_a_lead_that_clips_contradict_is_not_significant(tmp_path):
    """Of frames, one long clip outweighs twenty short ones."""
    plan = small_plan(table_spec(approaches=("generalization", "adaptation"), paper=""))
    clips = {"long": 400} | {f"short {n:02}": 1 for n in range(20)}
    for approach, long, short in (("generalization", 1.0, 1.0), ("adaptation", 1.2, 0.9)):
        unit = f"{approach}-DHF1K-UCFSports-0"
        finish_training(Ledger(tmp_path), plan.trainings[unit])
        places = [(clip, frame) for clip, frames in clips.items() for frame in range(frames)]
        columns = {
            "clip": pa.array([clip for clip, _ in places]),
            "frame": pa.array([frame for _, frame in places], pa.int32()),
            "n_fixations": pa.array([3] * len(places), pa.int32()),
            "NSS": pa.array([long if clip == "long" else short for clip, _ in places]),
        }
        tested = plan.evaluations[f"on-{unit}"]
        Ledger(tmp_path).write_evaluation(tested, pa.table(columns), {}, expected=clips)
    (found,) = contests(plan.tables[0], "NSS", Results(plan, Ledger(tmp_path)))
    assert found.labels[0] == "Domain Adaptation"
    assert found.lead.apart and found.lead.difference < 0
    assert not found.significant


def test_nobody_has_won_while_one_is_missing(plan, tmp_path):
    for approach in ("generalization", "transfer"):
        finish(Ledger(tmp_path), plan, f"{approach}-DHF1K-UCFSports-0", 1.0)
    assert contests(plan.tables[0], "NSS", Results(plan, Ledger(tmp_path))) == []
