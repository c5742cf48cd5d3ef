"""The papers' tables as planned: counts by hand, shared trainings, parents, variants and sweeps."""

from collections import Counter
from functools import partial

import pytest

from grid.planning import planner as planning
from grid.specs import grid_reader as specs
from grid.specs import settings
from manifests.problem import ProblemError

CORPORA = ("DHF1K", "UCFSports", "Hollywood2", "LEDOV")
DIGESTS = {name: {split: f"{name}'s {split}" for split in ("train", "val", "test")} for name in CORPORA}

# Cells, evaluations and trainings, counted by hand.
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
    "salgradnet": (30, 9 + 15, 3 + 5),
    # The ablations add seven trainings with an evaluation each: the full model of both is there already, and
    # `only conspicuity 4` is Table 3's baseline. The first version adds no training and nine evaluations:
    # adaptation to LEDOV on its source, and four pairs on the source and the third corpus.
    "everything": (71, 29 + 7 + 9, 18 + 7),
}


def make(grid, *overrides):
    overrides = ["model.backbone_weights=none", *overrides]
    spec = specs.load(grid, settings.load(overrides, demo=False).seeds)
    return planning.make(spec, partial(settings.configure, overrides, demo=False), DIGESTS, None)


@pytest.mark.parametrize("grid", COUNTS)
def test_counts(grid):
    plan = make(grid)
    assert (len(plan.cells), len(plan.evaluations), len(plan.trainings)) == COUNTS[grid]
    assert len({cell.id for cell in plan.cells}) == len(plan.cells)


def test_every_grid_is_counted():
    assert set(COUNTS) == set(specs.available())


def test_the_papers_18_trainings():
    plan = make("paper")
    assert Counter(training.approach for training in plan.trainings.values()) == {
        "generalization": 3,
        "adaptation": 6 + 1,
        "transfer": 6,
        "multi-source": 1,
        "domain-specific": 1,
    }
    parents = {t.parent for t in plan.trainings.values() if t.parent}
    assert {plan.trainings[parent].approach for parent in parents} == {"generalization"}
    assert len(parents) == 3


def test_single_source_is_the_model_that_generalization_trains():
    shift, single = make("table5"), make("table7")
    shared = set(shift.trainings) & set(single.trainings)
    assert {shift.trainings[unit].approach for unit in shared} == {"generalization"}
    assert len(shared) == 3


def test_table6_tests_on_corpora_that_took_no_part():
    plan = make("table6")
    adaptation = next(t for t in plan.trainings.values() if t.approach == "adaptation")
    assert (adaptation.sources, adaptation.target) == (("DHF1K",), "LEDOV")
    assert {(cell.approach, cell.target, cell.test) for cell in plan.cells} == {
        (approach, "LEDOV", test)
        for approach in ("generalization", "adaptation")
        for test in ("UCFSports", "Hollywood2")
    }


def test_pooled_sources_train_together_and_are_selected_on_the_first():
    plan = make("table7")
    for word, model in (("multi-source", "hd2s"), ("domain-specific", "hd2s_dsl")):
        training = next(t for t in plan.trainings.values() if t.approach == word)
        assert [entry["corpus"] for entry in training.spec["labelled"]] == list(CORPORA[:3])
        assert [entry["corpus"] for entry in training.spec["validation"]] == ["DHF1K"]
        assert training.spec["model"]["name"] == model
    assert training.spec["model"]["domains"] == list(CORPORA[:3])


SWEPT = """
name: swept
title: Two learning rates
metrics: [NSS]
sources: [DHF1K]
targets: [UCFSports]
approaches: [generalization, transfer]
sweep: {train.lr: [1e-3, 3e-4], train.weight_decay: [0, 0.1]}
overrides: {train.iterations: 100}
seeds: [0, 1]
"""


def test_a_sweep_multiplies_trainings_and_children_keep_to_their_point(tmp_path):
    path = tmp_path / "swept.yaml"
    path.write_text(SWEPT)
    plan = make(str(path))
    assert (len(plan.trainings), len(plan.cells)) == (2 * 4 * 2, 2 * 4 * 2)
    points = {cell.point for cell in plan.cells}
    assert ("train.lr=0.0003", "train.weight_decay=0.1") in points
    assert len(points) == 4
    for training in plan.trainings.values():
        if training.parent:
            parent = plan.trainings[training.parent]
            assert training.spec["train"]["lr"] == parent.spec["train"]["lr"]
            assert training.seed == parent.seed


def test_an_axis_of_the_sweep_multiplies_only_what_it_changes(tmp_path):
    """The fine-tuning rate leaves its parent alone, and the end of λ all but gradient reversal."""
    path = tmp_path / "swept.yaml"
    path.write_text(
        SWEPT.replace("train.lr: [1e-3, 3e-4], train.weight_decay: [0, 0.1]", "SWEEP").replace(
            "[generalization, transfer]", "[generalization, adaptation, transfer]"
        )
    )
    text = path.read_text()
    axes = "train.finetune_lr: [1e-3, 3e-4, 1e-4], train.lambda_max: [1.0, 0.5]"
    path.write_text(text.replace("SWEEP", axes))
    plan = make(str(path))
    assert Counter(t.approach for t in plan.trainings.values()) == {
        "generalization": 2,
        "adaptation": 2 * 2,
        "transfer": 2 * 3,
    }
    points = {word: {c.point for c in plan.cells if c.approach == word} for word in plan.tables[0].approaches}
    assert points == {
        "generalization": {()},
        "adaptation": {("train.lambda_max=1.0",), ("train.lambda_max=0.5",)},
        "transfer": {(f"train.finetune_lr={lr}",) for lr in ("0.001", "0.0003", "0.0001")},
    }
    assert len(plan.cells) == len({cell.id for cell in plan.cells}) == 2 + 4 + 6
    labels = {training.label for training in plan.trainings.values()}
    assert len(labels) == 12
    assert {"generalization DHF1K", "transfer DHF1K → UCFSports (train.finetune_lr=0.0003)"} <= labels
    path.write_text(text.replace("SWEEP", "train.lr: [1e-3, 3e-4], train.finetune_lr: [1e-4, 1e-5]"))
    both = make(str(path))
    assert Counter(c.approach for c in both.cells) == {
        "generalization": 4,
        "adaptation": 4,
        "transfer": 8,
    }
    assert {t.label for t in both.trainings.values() if t.approach == "generalization" and not t.seed} == {
        "generalization DHF1K (train.lr=0.001)",
        "generalization DHF1K (train.lr=0.0003)",
    }


def test_units_of_a_sweep_or_a_variant_can_be_told_apart_by_their_labels(tmp_path):
    path = tmp_path / "swept.yaml"
    path.write_text(SWEPT)
    for plan in (make(str(path)), make("table3"), make("everything")):
        labels = [training.label for training in plan.trainings.values()]
        assert len(set(labels)) == len(labels)
    assert "generalization DHF1K (train.lr=0.0003, train.weight_decay=0.1, seed 1)" in [
        training.label for training in make(str(path)).trainings.values()
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("sweep: {test.smoothing_sigma: [1.0, 2.0]}", "what validation on the same windows can decide"),
        ("sweep: {train.lr: [1e-3, 0.001]}", "different values of train.lr"),
        ("overrides: {model.backbone_weights: none}", "give model.backbone_weights on the command line"),
        ("overrides: {train.world_size: 2}", "give train.world_size on the command line"),
        ("overrides: {model.conspicuity: [5]}", "levels out of 1, 2, 3, 4, ascending"),
    ],
)
def test_settings_that_a_table_cannot_have_are_refused(tmp_path, line, told):
    path = tmp_path / "wrong.yaml"
    start = SWEPT.partition("sweep:")[0]
    path.write_text(f"{start}{line}\n")
    with pytest.raises(ProblemError, match=told):
        make(str(path))


def test_pooled_sources_without_any_beside_the_target_have_no_place(tmp_path):
    path = tmp_path / "pooled.yaml"
    path.write_text(
        SWEPT.partition("targets")[0] + "targets: [DHF1K, UCFSports]\napproaches: [multi-source]\n"
    )
    assert [(cell.sources, cell.target) for cell in make(str(path)).cells] == [(("DHF1K",), "UCFSports")]


def test_a_tables_settings_stand_under_the_users(tmp_path):
    path = tmp_path / "swept.yaml"
    path.write_text(SWEPT)
    iterations = {t.spec["train"]["iterations"] for t in make(str(path)).trainings.values() if not t.parent}
    assert iterations == {100}
    plan = make(str(path), "train.iterations=7", "train.lr=5", "seeds=[4]")
    assert {t.spec["train"]["iterations"] for t in plan.trainings.values() if not t.parent} == {7}
    assert {t.spec["train"]["lr"] for t in plan.trainings.values()} == {1e-3, 3e-4}
    assert {t.seed for t in plan.trainings.values()} == {4}


CALIBRATED = """
name: calibrated
title: Against a simple baseline
metrics: [NSS]
sources: [DHF1K, Hollywood2]
targets: [UCFSports]
approaches: [generalization, calibration, transfer]
"""


def test_a_calibration_is_a_child_of_generalization_that_learns_from_the_target(tmp_path):
    path = tmp_path / "calibrated.yaml"
    path.write_text(CALIBRATED)
    plan = make(str(path), "train.finetune_iterations=30")
    found = [training for training in plan.trainings.values() if training.approach == "calibration"]
    assert [(training.sources, training.target) for training in found] == [
        (("DHF1K",), "UCFSports"),
        (("Hollywood2",), "UCFSports"),
    ]
    for training in found:
        parent = plan.trainings[training.parent]
        assert (parent.approach, parent.sources, parent.target) == ("generalization", training.sources, None)
        for key in ("labelled", "validation"):
            assert [entry["corpus"] for entry in training.spec[key]] == ["UCFSports"]
        assert training.spec["unlabelled"] == []
        assert training.spec["model"]["name"] == "hd2s_calibrated"
        assert training.iterations == 30
    transfers = [training for training in plan.trainings.values() if training.approach == "transfer"]
    assert {training.parent for training in transfers} == {training.parent for training in found}
    assert {cell.test for cell in plan.cells} == {"UCFSports"}


@pytest.mark.parametrize("grid", COUNTS)
def test_no_grid_of_the_papers_has_a_calibration(grid):
    assert "calibration" not in {word for table in make(grid).tables for word in table.approaches}


def test_wrong_settings_of_a_table_are_told_together(tmp_path):
    path = tmp_path / "swept.yaml"
    path.write_text(SWEPT.replace("train.lr:", "train.rl:").replace("[0, 0.1]", "[0, -1]"))
    with pytest.raises(ProblemError) as caught:
        make(str(path))
    assert "'train.rl'. Did you mean train.lr?" in str(caught.value)
    assert "train.weight_decay: expected 0 or more, found -1" in str(caught.value)


def test_more_seeds_only_add_to_a_grid():
    one, three = make("paper"), make("paper", "seeds=[0,1,2]")
    assert set(one.trainings) < set(three.trainings)
    assert len(three.trainings) == 3 * 18
