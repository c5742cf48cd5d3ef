"""Questions of tables of all shapes."""

import pytest

from grid.outputs.report.asked import asked
from grid.outputs.tables.scores import Results
from grid.results.ledger import Ledger
from tests.grid.plans import plan_of


@pytest.mark.parametrize(
    ("grid", "question"),
    [
        (
            "table5",
            "How well does HD2S predict saliency, trained on DHF1K, UCF Sports or Hollywood2 and tested"
            " on each of the others, by Domain Generalization, Domain Adaptation and Transfer Learning? 18"
            " cells, seed 0, measured by NSS, CC, SIM, AUC-J and s-AUC.",
        ),
        (
            "table6",
            "How well does HD2S predict saliency, trained on DHF1K (with LEDOV as the other domain) and"
            " tested on UCF Sports and Hollywood2, by Domain Generalization and Domain Adaptation? 4 cells,"
            " seed 0, measured by NSS, CC, SIM and AUC-J.",
        ),
        (
            "table7",
            "How well does HD2S predict saliency, trained on DHF1K, UCF Sports or Hollywood2 and tested on"
            " each of these, by Single-source, Multi-source and Domain-specific",
        ),
    ],
)
def test_what_was_asked(grid, question, tmp_path):
    plan = plan_of(grid)
    assert asked(plan.tables[0], Results(plan, Ledger(tmp_path))).startswith(question)


def test_seeds_and_variants_are_told(tmp_path):
    plan = plan_of("table3", "seeds=[0,1]")
    told = asked(plan.tables[0], Results(plan, Ledger(tmp_path)))
    assert "seeds 0 and 1" in told
    assert "variants (" in told
    plan = plan_of("table5", "select=[source,target]")
    told = asked(plan.tables[0], Results(plan, Ledger(tmp_path)))
    assert "Transfer Learning, with own selection and target selection (oracle)? 36 cells" in told
    assert "variant" not in told
    plan = plan_of("table3", "select=[target]")
    assert "), with target selection (oracle)? " in asked(plan.tables[0], Results(plan, Ledger(tmp_path)))
