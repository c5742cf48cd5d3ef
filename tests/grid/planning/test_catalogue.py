"""The grids that come with the project, and how much each asks for, counted by hand."""

import json
from dataclasses import asdict, astuple

import pytest

from datasets.remote import LOCAL
from grid.planning.catalogue import catalogue
from grid.specs import grid_reader
from manifests.problem import ProblemError
from tests.grid.plans import plan_of
from tests.plugged import OURS

# Cells, evaluations and trainings; Table 1 and TASED-Net's Table 2 have cells that others evaluate.
COUNTS = {
    "table3": (5, 5, 5),
    "table4": (5, 5, 5),
    "table5": (18, 18, 15),
    "table6": (4, 4, 2),
    "table7": (9, 9, 5),
    "domain_shift": (18, 18, 15),
    "generalization": (4, 4, 2),
    "multi_source": (9, 9, 5),
    "paper": (31, 29, 18),
    # Five tables of three tests by two approaches; three models without gradient reversal, tested on three
    # corpora each, and five with.
    # The last is an ablation of six models, of which DHF1K's own is there already and is tested on it.
    "salgradnet": (30 + 6, 9 + 15 + 5, 3 + 5 + 5),
    # The ablations add seven trainings with an evaluation each: the full model of both is there already, and
    # `only conspicuity 4` is Table 3's baseline. The first version adds no training and nine evaluations:
    # adaptation to LEDOV on its source, and four pairs on the source and the third corpus.
    # Of the first version's ablation T = 8 alone is new. The other systems' papers add what is theirs, and
    # Table 2 the same of TASED-Net as released: trained on DHF1K, and fine-tuned on two corpora.
    "everything": (71 + 6 + 28, 29 + 7 + 9 + 1 + 12 + 2, 18 + 7 + 1 + 12 + 3),
    "table1": (4, 0, 4),
    "table2": (8, 8, 3 + 2 + 2 + 1 + 1),
    "table8": (0, 0, 0),
    "tased_table1": (6, 6, 6),
    "tased_table2": (1, 0, 1),
    "tased_table3": (2, 2, 3),
    "tased_table4": (3, 3, 3),
    "tased_table5": (4, 4, 4),
    # TASED-Net's network of T = 32 with late two-step aggregation is in all five of its tables, that of
    # T = 16 in two, and two are fine-tuned: twelve trainings. The models as released: HD2S's and TASED-Net's
    # own of DHF1K and its two fine-tuned each, and HD2S's three adapted ones and its domain-specific one.
    "sota": (4 + 8 + 16, 8 + 12, 12 + 3 + 3 + 4),
    # UNISAL's paper: six settings on three corpora, beside them the centre prior, fitted to each setting's
    # corpora. Of Table 5, whose last row two others have as well, the row without domain adaptation is
    # Table 3's. MIT1003's ten folds are fine-tuned once, for its own tests and for MIT300's.
    "unisal_table2": (36, 36, 12),
    "unisal_table3": (2, 2, 2),
    "unisal_table4": (10, 0, 11),
    "unisal_table5": (14, 14, 7),
    "unisal_table6": (0, 0, 0),
    "unisal_mit1003": (30, 30, 1 + 10 + 1),
    "unisal": (36 + 2 + 10 + 30 + 14, 36 + 2 + 30 + 11, 12 + 1 + 10 + 5),
    # Six pairs by six approaches and two models without weights, one training of these for each source; with
    # the target as source, generalization is what target-only trains, and once evaluated for both sources.
    "controls": (6 * 8, 6 * 8 - 3, 3 + 4 * 6 + 2 * 3),
    # Likewise; three approaches train on the source alone and eleven see the target.
    "alignment": (6 * 17, 6 * 17 - 3, 3 * 3 + 11 * 6 + 2 * 3),
    # The same of three models on nine pairs; four targets are trained on alone, three of them as sources too.
    "landscape": (9 * (3 * 15 + 2), 9 * (3 * 15 + 2) - 3 * 5, 3 * (3 * 3 + 11 * 9 + 1) + 2 * 3),
}


@pytest.fixture(scope="module")
def offers():
    return {offer.name: offer for offer in catalogue([], demo=False)}


def test_every_grid_is_there_with_its_counts(offers):
    counts = {name: astuple(offer)[3:] for name, offer in offers.items() if not offer.within}
    assert counts == COUNTS
    assert COUNTS.keys() == grid_reader.available().keys()


def test_a_table_without_a_file_stands_below_the_one_grid_that_has_it(offers):
    within = {name: offer.within for name, offer in offers.items() if offer.within}
    assert within == {f"salgradnet_table{n}": "salgradnet" for n in range(3, 9)}
    assert astuple(offers["salgradnet_table3"])[3:] == (6, 6, 2)
    assert offers["paper"].title == "table5, table6, table7"


@pytest.mark.slow
def test_counts_are_those_of_the_plan(offers):
    plan = plan_of("everything")
    cells = plan.all_cells
    assert (len(cells), len(plan.evaluations), len(plan.trainings)) == COUNTS["everything"]
    assert len({cell.id for cell in cells}) == len(cells)
    by_table = {
        name: [c for c in cells if c.model == "hd2s" and c.table == name] for name in ("table1", "table2")
    }
    others = [cell for cell in cells if cell.table not in by_table]
    assert [len(found) for found in by_table.values()] == [3, 6]
    assert {c.training for found in by_table.values() for c in found} <= {c.training for c in others}
    assert {c.evaluation for c in by_table["table2"]} <= {c.evaluation for c in others}, "nothing is added"


def test_no_grid_of_the_papers_has_a_calibration():
    words = {word for table in grid_reader.load("everything").tables for word in table.approaches}
    assert "calibration" not in words


@pytest.mark.long
@pytest.mark.slow
def test_a_catalogue_of_other_models_and_seeds():
    asked = ["model=[hd2s,centre_prior]", "seeds=[0,1]"]
    found = {offer.name: astuple(offer)[3:] for offer in catalogue(asked, demo=False)}
    assert found["table5"] == (2 * (18 + 6), 2 * 18 + 6, 2 * 15 + 3)


@pytest.mark.slow
def test_a_catalogue_of_other_selections():
    """Table 1's annotations are withheld: nothing but its own validation can choose."""
    found = {offer.name: astuple(offer)[3:] for offer in catalogue(["select=[source,target]"], demo=False)}
    assert found["table5"] == (2 * 18, 18 + 12, 15), "transfer is validated on its target already"
    assert "table1" not in found and "table2" in found


@pytest.mark.slow
def test_a_grid_that_the_models_cannot_take_is_left_out():
    """Tiny has no conspicuity maps to leave out, and no layers of a domain's own."""
    offers = catalogue([f"plugins=[{OURS}]", "model=tiny"], demo=False)
    found = {offer.name: astuple(offer)[3:] for offer in offers if not offer.within}
    without = {"table3", "table4", "table7", "multi_source", "paper", "salgradnet", "everything"}
    without |= {"sota", "alignment", "landscape", *(f"tased_table{n}" for n in range(1, 6))}
    without |= {"unisal", "unisal_mit1003", *(f"unisal_table{n}" for n in range(2, 6))}
    # Rows of models that are named, and of two without weights, go.
    fewer = {"table1": (1, 0, 1), "table2": (2, 2, 3), "controls": (36, 33, 27)}
    assert found == {name: counts for name, counts in COUNTS.items() if name not in without} | fewer


def test_what_was_planned_is_kept_for_as_long_as_the_code_stays(monkeypatch, tmp_path):
    monkeypatch.setenv(LOCAL, str(tmp_path))
    kept = tmp_path / "grids" / "paper.json"
    planned = catalogue([], demo=False)
    found = json.loads(kept.read_text())
    assert catalogue([], demo=False) == planned
    found["offers"][0]["cells"] = 12345
    kept.write_text(json.dumps(found))
    assert catalogue([], demo=False)[0].cells == 12345
    assert catalogue(["seeds=[0]"], demo=False) == planned


@pytest.mark.parametrize("before", ["{", '{"code": "other", "offers": []}'], ids=["damaged", "other"])
def test_what_is_damaged_or_of_other_code_is_planned_again_and_kept(before, monkeypatch, tmp_path):
    monkeypatch.setenv(LOCAL, str(tmp_path))
    kept = tmp_path / "grids" / "paper.json"
    kept.parent.mkdir()
    kept.write_text(before)
    planned = catalogue([], demo=False)
    assert {offer.name for offer in planned} > COUNTS.keys()
    assert [*map(asdict, planned)] == json.loads(kept.read_text())["offers"]
    assert catalogue([], demo=False) == planned


def test_a_home_that_cannot_be_written_to_keeps_nothing_and_tells_all(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv(LOCAL, str(tmp_path / "file"))
    assert {offer.name for offer in catalogue([], demo=True)} > {"table5", "paper"}


def test_a_model_that_a_grid_cannot_be_had_with_is_told_of_the_catalogue():
    with pytest.raises(ProblemError, match="a known model, found 'hds2'"):
        catalogue(["model=hds2"], demo=False)


def test_unisal_trained_jointly_is_one_training_in_all_tables():
    def joint(name, *overrides):
        trainings = plan_of(name, *overrides).trainings.values()
        return {t.id for t in trainings if t.model == "unisal" and len(t.sources) == 4}

    first = joint("unisal_table2")
    assert len(first) == 1
    for name in ("table1", "table2"):
        assert joint(name, "model=[hd2s,tased,unisal]") == first
