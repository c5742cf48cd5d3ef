"""Sentences that follow from numbers."""

import pytest

from grid.outputs.report.answers import answers
from grid.outputs.tables.comparing import recovered, significance
from grid.outputs.tables.scores import Results
from grid.outputs.tables.table import Style
from grid.results.ledger import Ledger
from grid.specs.table import Variant
from grid.specs.tables.shown import Tables
from tests.grid.outputs.report.reported import score
from tests.grid.small_ledger import finish, finish_clips, small_plan, sweep_plan, table_spec

UNPRINTED = Tables(paper="none")


def told(plan, out, asked=UNPRINTED):
    spec, results, style = plan.tables[0], Results(plan, Ledger(out)), Style(Tables(), "")
    tables = (build(spec, results, style) for build in (significance.build, recovered.build))
    return answers(spec, results, *tables, asked)


@pytest.fixture
def plan():
    return small_plan(table_spec())


@pytest.mark.slow
def test_who_wins_where_by_how_much_and_whether_that_is_significant(plan, tmp_path):
    score(Ledger(tmp_path), plan, generalization=1.0, adaptation=1.2, transfer=2.0)
    first, others, compared, gap, ranks = told(plan, tmp_path)
    assert first == (
        "In NSS, Transfer Learning is best in 2 of 2 places. The best lie 0.800 before the second on average"
        " (0.800); clip by clip that is significant in all of them."
    )
    assert others == "In the other metrics, Transfer Learning is best in 2 of 2 places (CC)."
    assert compared == (
        "Domain Adaptation against Domain Generalization: NSS differs by +0.200 on average over 2 pairs"
        " (+0.200); significantly better in 2."
    )
    assert gap == (
        "Domain Adaptation recovers 20 % of the gap in NSS between training on the source alone and"
        " fine-tuning on the target, over 2 pairs that have one, and 20 % in the worst."
    )
    assert ranks.startswith(
        "Mean ranks in NSS over 2 pairs (1 is best): Transfer Learning 1.00, Domain Adaptation 2.00 and"
        " Domain Generalization 3.00."
    )


@pytest.mark.slow
def test_nobody_is_called_best_of_what_prints_alike(plan, tmp_path):
    score(Ledger(tmp_path), plan, generalization=1.0, adaptation=1.0, transfer=1.0)
    first, *others = told(plan, tmp_path)
    assert first.startswith("In NSS, in 2 places the best and the second print alike. The best lie 0.000 ")
    assert "place" not in " ".join(others)


@pytest.mark.slow
def test_what_prints_alike_hangs_on_the_digits_that_are_asked_for(plan, tmp_path):
    """A table of four digits had a best in bold, and the page said that it printed as the second did."""
    score(Ledger(tmp_path), plan, generalization=1.0, adaptation=1.0001, transfer=1.0004)
    first, *_ = told(plan, tmp_path, Tables(paper="none", digits=4))
    assert first.startswith(
        "In NSS, Transfer Learning is best in 2 of 2 places. The best lie 0.0003 before the second"
    )


@pytest.mark.slow
def test_a_gap_of_nothing_has_no_sign(plan, tmp_path):
    score(Ledger(tmp_path), plan, generalization=1.0, adaptation=0.998, transfer=2.0)
    assert "Domain Adaptation recovers 0 % of the gap in NSS" in " ".join(told(plan, tmp_path))


def test_a_gap_that_may_be_none_is_told(plan, tmp_path):
    for cell in plan.cells:
        gains = {"generalization": 0.0, "adaptation": 0.5, "transfer": 1.0}
        clips = [gains[cell.approach] * gain for gain in (4.0, -1.0, 1.0, -1.0)]
        if cell.target == "DHF1K":
            clips = [gains[cell.approach] + n for n in range(4)]
        finish_clips(Ledger(tmp_path), plan, cell.training, NSS=dict(zip("abcd", clips, strict=True)))
    (text,) = [text for text in told(plan, tmp_path) if "recovers" in text]
    assert text.startswith("Domain Adaptation recovers 50 % of the gap in NSS")
    assert text.endswith("and 50 % in the worst; in 1 of 2 the gap is not clear of zero.")


@pytest.mark.slow
def test_a_worse_approach_is_called_worse(plan, tmp_path):
    score(Ledger(tmp_path), plan, generalization=1.2, adaptation=1.0, transfer=0.5)
    text = " ".join(told(plan, tmp_path))
    assert "Domain Generalization is best in 2 of 2 places" in text
    assert "significantly worse in 2" in text
    assert "recovers" not in text, "there is no gap"


def test_ours_are_held_against_the_printed_ones_if_asked(plan, tmp_path):
    score(Ledger(tmp_path), plan, generalization=1.0, adaptation=1.2, transfer=2.0)
    assert "printed" not in " ".join(told(plan, tmp_path))
    (text,) = [text for text in told(plan, tmp_path, Tables()) if "printed" in text]
    assert text.startswith("From the paper's printed NSS ours differ by ")
    assert "over 6 rows" in text


def test_without_values_only_that_is_told(plan, tmp_path):
    assert told(plan, tmp_path) == ["6 of 6 cells have no value yet; the table says why."]


def test_rows_that_are_compared_are_called_by_their_labels(tmp_path):
    rows = (Variant("full"), Variant("w/o priors", ("model.priors=false",)))
    plan = small_plan(
        table_spec(variants=rows, approaches=("generalization",), compare=(("full", "w/o priors"),))
    )
    score(Ledger(tmp_path), plan, generalization=1.0)
    assert any(
        sentence.startswith("full against w/o priors: NSS differs by 0.000 on average over 2 pairs")
        for sentence in told(plan, tmp_path)
    )


def test_a_point_that_failed_beside_the_one_that_is_shown_is_no_cell_of_the_table(tmp_path):
    """The table, which was to say why it has no value, has none without one."""
    plan, ledger = sweep_plan(), Ledger(tmp_path)
    shown, failed = plan.trainings
    finish(ledger, plan, shown, NSS=1.0, CC=0.5)
    ledger.write_failure(failed, "the loss is NaN")
    assert not any("no value yet" in text for text in told(plan, tmp_path))
