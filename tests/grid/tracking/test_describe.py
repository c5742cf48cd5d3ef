"""What a training and a cell are called in MLflow, and what they are filtered and compared by."""

from dataclasses import replace

import pytest

from grid.tracking.describe import describe_cell, describe_row, describe_training, row_name
from hd2s.approaches.registry import approaches
from tests.grid.invented import DIGESTS, table5

PLAN = table5()


def training_of(approach):
    return next(unit for unit in PLAN.trainings.values() if unit.approach == approach)


def test_a_training_is_described_by_its_settings_and_the_data_it_reads():
    training = training_of("adaptation")
    label, tags, params = describe_training(PLAN, training, DIGESTS)
    assert label == training.label
    assert params["train.lr"] == 0.001
    assert (params["source"], params["target"], params["seed"]) == ("DHF1K", "UCFSports", "0")
    read = {key: value for key, value in params.items() if key.startswith("digest.")}
    assert read == {f"digest.{name}": DIGESTS[name] for name in ("DHF1K", "UCFSports")}
    assert (tags["table"], tags["approach"], tags["variant"]) == ("table5", "adaptation", "none")


def test_a_training_without_target_says_none_and_one_with_a_parent_names_it():
    alone, tuned = training_of("generalization"), training_of("transfer")
    described = describe_training(PLAN, alone, {})
    assert described.tags["target"] == described.params["target"] == "none"
    assert "digest.None" not in described.params
    assert described.params["parent"] is None
    assert describe_training(PLAN, tuned, {}).params["parent"] == tuned.parent


@pytest.mark.parametrize("approach", ["generalization", "adaptation"])
def test_a_run_has_its_approachs_colour(approach):
    colour = describe_training(PLAN, training_of(approach), {}).tags["mlflow.runColor"]
    assert colour == approaches()[approach].colour


def test_a_cell_is_found_by_its_place_and_leads_to_its_units():
    cell = PLAN.cells[0]
    label, tags, params = describe_cell(PLAN, cell, "domain_shift/first")
    assert label == f"{'+'.join(cell.sources)} → {cell.test}, {cell.approach}, seed 0", "a row's is without"
    assert (tags["cell"], tags["training"], tags["evaluation"]) == (
        "domain_shift/first",
        cell.training,
        cell.evaluation,
    )
    assert tags["table"] == "table5"
    assert params["test"] == tags["test"] == cell.test
    assert params["protocol.precision"] == PLAN.evaluations[cell.evaluation].spec.protocol.precision


def test_a_row_has_what_its_seeds_share():
    plan = table5("seeds=[0,1]")
    first, second = (
        cell
        for cell in plan.cells
        if (cell.sources, cell.target, cell.approach) == (("DHF1K",), "UCFSports", "transfer")
    )
    assert row_name("g", first) == row_name("g", second) != row_name("g", plan.cells[0])
    label, tags, params = describe_row(plan, second)
    assert label == "DHF1K → UCFSports, transfer"
    assert params == {
        "source": "DHF1K",
        "target": "UCFSports",
        "test": "UCFSports",
        "approach": "transfer",
        "model": "hd2s",
        "variant": "none",
    }
    assert params.items() <= tags.items()


def test_a_model_is_an_axis_and_named_in_a_cell_where_there_are_several():
    plan = table5("model=[hd2s,centre_prior]")
    cell = next(cell for cell in plan.cells if cell.model == "centre_prior")
    described = describe_cell(plan, cell, "here")
    assert described.label == "DHF1K → UCFSports, centre_prior, untrained, seed 0"
    assert described.tags["model"] == described.params["model"] == "centre_prior"
    trained = describe_training(plan, plan.trainings[cell.training], DIGESTS)
    assert trained.tags["model"] == "centre_prior"
    assert trained.params["model.height"] == 64
    assert "hd2s" in describe_cell(plan, plan.cells[0], "here").label


def test_a_sweeps_points_and_variants_are_parameters_tags_and_names():
    sweep = table5("train.lr=0.002")
    cell = replace(sweep.cells[0], variant="no adaptation", point=("train.lr=2e-3",), seed=3)
    plan = replace(sweep, cells=(cell,))
    described = describe_cell(plan, cell, "here")
    for found in (described.tags, described.params):
        assert found["train.lr"] == "0.002", "as the training spells it"
        assert (found["variant"], found["seed"]) == ("no adaptation", "3")
    assert described.label.endswith(", no adaptation, train.lr=2e-3, seed 3")
    training = describe_training(plan, plan.trainings[cell.training], {})
    assert (training.tags["train.lr"], training.tags["variant"]) == ("0.002", "no adaptation")


def test_a_setting_that_only_the_evaluation_has_is_shown_as_it_was_asked_for():
    cell = replace(PLAN.cells[0], point=("test.eight_bit=false",))
    described = describe_cell(replace(PLAN, cells=(cell,)), cell, "here")
    assert described.params["test.eight_bit"] == described.tags["test.eight_bit"] == "false"


def test_cells_towards_several_targets_have_names_of_their_own_where_one_corpus_tests_them():
    source, target = "DHF1K", "UCFSports"
    cells = [replace(PLAN.cells[0], sources=(source,), target=t, test=source) for t in (target, "Hollywood2")]
    labels = [describe_row(PLAN, cell).label for cell in cells]
    assert labels == [
        "DHF1K → UCFSports on DHF1K, generalization",
        "DHF1K → Hollywood2 on DHF1K, generalization",
    ]
