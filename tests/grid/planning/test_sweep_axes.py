"""Sweeps: every point is planned once, of the rows that it concerns."""

from collections import Counter
from dataclasses import replace

import pytest

from grid.plan import Cell
from grid.planning.sweep_axes import without_idle_axes
from manifests.problem import ProblemError
from tests.grid.plans import of_approach, plan_of

SWEPT = """
name: swept
title: Two learning rates
metrics: [NSS]
sources: [DHF1K]
targets: [UCFSports]
approaches: [{approaches}]
sweep: {{{sweep}}}
overrides: {{train.iterations: 100}}
seeds: [0, 1]
"""
RATES = "train.lr: [1e-3, 3e-4], train.weight_decay: [0, 0.1]"


@pytest.fixture
def swept(tmp_path):
    def make(*overrides, sweep=RATES, approaches="generalization, transfer", models=""):
        path = tmp_path / "swept.yaml"
        path.write_text(SWEPT.format(sweep=sweep, approaches=approaches) + models)
        return plan_of(path, *overrides)

    return make


def test_a_sweep_multiplies_trainings_and_children_keep_to_their_point(swept):
    plan = swept()
    assert (len(plan.trainings), len(plan.cells)) == (2 * 4 * 2, 2 * 4 * 2)
    points = {cell.point for cell in plan.cells}
    assert ("train.lr=0.0003", "train.weight_decay=0.1") in points
    assert len(points) == 4
    for training in plan.trainings.values():
        if training.parent:
            parent = plan.trainings[training.parent]
            assert training.spec.train.lr == parent.spec.train.lr
            assert training.seed == parent.seed


def test_an_axis_of_the_sweep_multiplies_only_what_it_changes(swept):
    """The fine-tuning rate leaves its parent alone, and the end of λ all but gradient reversal."""
    approaches = "generalization, adaptation, transfer"
    axes = "train.finetune_lr: [1e-3, 3e-4, 1e-4], train.lambda_max: [1.0, 0.5]"
    plan = swept(sweep=axes, approaches=approaches)
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


def test_of_two_axes_a_row_keeps_the_one_that_concerns_it(swept):
    axes = "train.lr: [1e-3, 3e-4], train.finetune_lr: [1e-4, 1e-5]"
    both = swept(sweep=axes, approaches="generalization, adaptation, transfer")
    assert Counter(c.approach for c in both.cells) == {
        "generalization": 4,
        "adaptation": 4,
        "transfer": 8,
    }
    assert {t.label for t in of_approach(both, "generalization") if not t.seed} == {
        "generalization DHF1K (train.lr=0.001)",
        "generalization DHF1K (train.lr=0.0003)",
    }


@pytest.mark.slow
def test_a_sweep_that_concerns_one_model_alone_leaves_the_others_rows_alone(swept):
    models = "models: [hd2s, centre_prior, chance]\n"
    one = swept(sweep="model.bn_momentum: [0.1, 0.01]", models=models)
    assert Counter(cell.model for cell in one.cells) == {"hd2s": 2 * 2 * 2, "centre_prior": 2, "chance": 2}
    named = swept(sweep="model.hd2s.fusion_gain: [1.0, 2.0], train.lr: [0.1, 0.2]", models=models)
    assert Counter(cell.model for cell in named.cells) == {"hd2s": 2 * 4 * 2, "centre_prior": 2, "chance": 2}
    assert {cell.point for cell in named.cells if cell.model != "hd2s"} == {()}


@pytest.mark.slow
def test_units_of_a_sweep_or_a_variant_can_be_told_apart_by_their_labels(swept):
    plans = swept(), swept(models="models: [hd2s, chance]\n"), plan_of("table3"), plan_of("everything")
    for plan in plans:
        labels = [training.label for training in plan.trainings.values()]
        assert len(set(labels)) == len(labels)
    assert "generalization DHF1K (train.lr=0.0003, train.weight_decay=0.1, seed 1)" in [
        training.label for training in plans[0].trainings.values()
    ]


@pytest.mark.slow
def test_a_tables_settings_stand_under_the_users_and_a_sweep_over_both(swept):
    assert {t.spec.train.iterations for t in of_approach(swept(), "generalization")} == {100}
    plan = swept("train.iterations=7", "train.lr=5", "seeds=[4]")
    assert {t.spec.train.iterations for t in of_approach(plan, "generalization")} == {7}
    assert {t.spec.train.lr for t in plan.trainings.values()} == {1e-3, 3e-4}
    assert {t.seed for t in plan.trainings.values()} == {4}


def test_cells_that_differ_in_idle_axes_alone_are_one():
    cell = Cell("", "t", ("A",), "B", "B", "hd2s", "x", 0, "training", "evaluation")
    points = [(f"a={a}", f"b={b}") for a in (1, 2) for b in (1, 2)]
    idle = [replace(cell, point=point) for point in points]
    assert without_idle_axes(idle) == [cell]
    first_counts = [replace(c, evaluation=c.point[0]) for c in idle]
    assert [c.point for c in without_idle_axes(first_counts)] == [("a=1",), ("a=2",)]
    both_count = [replace(c, evaluation=str(c.point)) for c in idle]
    assert without_idle_axes(both_count) == both_count
    other = [replace(c, model="chance") for c in idle]
    assert [(c.model, c.point) for c in without_idle_axes([*first_counts, *other])] == [
        ("hd2s", ("a=1",)),
        ("hd2s", ("a=2",)),
        ("chance", ()),
    ]


@pytest.mark.parametrize(
    ("axis", "told"),
    [
        ("model.height: [64, 128]", "other input with model.height=128"),
        ("model.hd2s.clip_length: [8, 16]", "other input with model.hd2s.clip_length=16"),
        ("train: [{validation_windows: 4}, {}]", "other train.validation_windows with train={}"),
        (
            "train.validation_windows: [4, 8]",
            "other train.validation_windows with train.validation_windows=8",
        ),
        ("train.protocol: [paper, released]", "other train.validation_protocol, train.validation_clips with"),
        ("train.splits: [corpus, released]", 'other clips with train.splits="released"'),
        ("model.step: [4, 5]", "other input with model.step=5"),
    ],
)
def test_points_that_are_not_validated_alike_are_told_once(swept, axis, told):
    """However the setting is written, and whichever model has it."""
    model = "unisal" if "step" in axis or "splits" in axis else "hd2s"
    # Of UCF Sports, its target, UNISAL's release has lists of its own.
    approach = "target-only" if "splits" in axis else "generalization"
    with pytest.raises(ProblemError) as caught:
        swept(sweep=axis, approaches=approach, models=f"models: [{model}]\n")
    (problem,) = caught.value.problems
    assert (problem.where, told in problem.found) == (f"swept, sweep of {model}", True)


def test_points_that_differ_in_what_is_trained_are_validated_alike(swept):
    axes = "model.conspicuity: [[4], [3, 4]], train.resizing: [opencv-bilinear, pil-bilinear]"
    assert len(swept(sweep=axes, approaches="generalization").cells) == 2 * 4
