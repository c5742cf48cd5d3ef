"""The plan: Table 5's counts and parents, and what does and does not change an id."""

from collections import Counter
from dataclasses import fields, replace
from functools import partial

import pytest
import torch

from grid.planning import planner as planning
from grid.specs import grid_reader as specs
from grid.specs import settings
from hd2s.approaches.registry import approaches
from hd2s.models.registry import MODELS

DIGESTS = {
    name: {split: f"{name}'s {split}" for split in ("train", "val", "test")}
    for name in ("DHF1K", "UCFSports", "Hollywood2", "LEDOV")
}


def make(*overrides, grid="domain_shift", digests=DIGESTS, weights="none", weights_digest=None):
    overrides = [f"model.backbone_weights={weights}", *overrides]
    spec = specs.load(grid, settings.load(overrides, demo=False).seeds)
    configure = partial(settings.configure, overrides, demo=False)
    return planning.make(spec, configure, digests, weights_digest)


def test_table5_is_18_cells_15_trainings_and_18_evaluations():
    plan = make()
    assert (len(plan.cells), len(plan.trainings), len(plan.evaluations)) == (18, 15, 18)
    assert Counter(t.approach for t in plan.trainings.values()) == {
        "generalization": 3,
        "adaptation": 6,
        "transfer": 6,
    }


def test_transfer_fine_tunes_the_source_model_and_nothing_else_has_a_parent():
    plan = make()
    for training in plan.trainings.values():
        if training.approach != "transfer":
            assert training.parent is None
            continue
        parent = plan.trainings[training.parent]
        assert (parent.approach, parent.sources, parent.target) == ("generalization", training.sources, None)
        assert [entry["corpus"] for entry in training.spec["labelled"]] == [training.target]


def test_parents_come_before_their_children():
    order = list(make().trainings)
    for training in make().trainings.values():
        if training.parent:
            assert order.index(training.parent) < order.index(training.id)


def test_adaptation_sees_the_target_without_labels_and_is_selected_on_the_source():
    training = next(t for t in make().trainings.values() if t.approach == "adaptation")
    assert (training.sources, training.target) == (("DHF1K",), "UCFSports")
    corpora = {
        key: [entry["corpus"] for entry in training.spec[key]]
        for key in ("labelled", "unlabelled", "validation")
    }
    assert corpora == {"labelled": ["DHF1K"], "unlabelled": ["UCFSports"], "validation": ["DHF1K"]}


def test_every_cell_is_tested_on_its_target():
    plan = make()
    for cell in plan.cells:
        evaluation = plan.evaluations[cell.evaluation]
        assert (cell.test, evaluation.test, evaluation.training) == (cell.target, cell.target, cell.training)


def test_seeds_repeat_the_grid():
    plan = make("seeds=[0,1,2]")
    assert (len(plan.cells), len(plan.trainings), len(plan.evaluations)) == (54, 45, 54)
    assert set(make().trainings) < set(plan.trainings), "a grown grid keeps what it had"


def test_ids_are_pinned():
    """Changed on purpose? Raise TRAINING_RECIPE or EVALUATION_RECIPE, and say so in the CHANGELOG."""
    plan = make()
    assert list(plan.trainings)[:3] == PINNED_TRAININGS
    assert list(plan.evaluations)[:2] == PINNED_EVALUATIONS


PINNED_TRAININGS = [
    "generalization-dhf1k-seed0-aaab583f6b21",
    "adaptation-dhf1k-ucfsports-seed0-d0530ef85a06",
    "transfer-dhf1k-ucfsports-seed0-5ad893746d4a",
]
PINNED_EVALUATIONS = [
    "generalization-dhf1k-seed0-aaab583f6b21-on-ucfsports-9be57502907b",
    "adaptation-dhf1k-ucfsports-seed0-d0530ef85a06-on-ucfsports-9d674b553a7a",
]


def test_what_changes_no_weight_changes_no_id():
    plan = make()
    for override in (
        "resources.train.cpu=1",
        "resources.loader_workers=7",
        "resources.evaluation_batch=3",
        "train.checkpoint_every=5",
        "corpora.DHF1K.root=elsewhere",
    ):
        other = make(override)
        assert list(other.trainings) == list(plan.trainings), override
        assert list(other.evaluations) == list(plan.evaluations), override


# Every setting of the model and of training, with another value than the default.
CHANGED = {
    "model": {
        "clip_length": 8,
        "height": 64,
        "width": 64,
        "bn_momentum": 0.1,
        "fusion_gain": 1.0,
        "conspicuity": [1],
    },
    "train": {
        "iterations": 5,
        "micro_batch": 2,
        "accumulate": 5,
        "lr": 1e-4,
        "weight_decay": 0.0,
        "multi_level": "false",
        "protocol": "released",
        "non_finite": "skip",
        "mixed_precision": "false",
        "world_size": 5,
        "validate_every": 50,
        "validation_windows": 1,
    },
}
TESTED_ALONE = {
    "model": {"backbone_weights"},
    "train": {"finetune_iterations", "finetune_lr", "lambda_max", "checkpoint_every"},
}


def test_what_changes_weights_changes_ids():
    ids = set(make().trainings)
    for section, kind in (("model", settings.Model), ("train", settings.Train)):
        assert {field.name for field in fields(kind)} == CHANGED[section].keys() | TESTED_ALONE[section]
        for name, value in CHANGED[section].items():
            other = {t.id for t in make(f"{section}.{name}={value}").trainings.values() if not t.parent}
            assert ids.isdisjoint(other), name
    assert ids.isdisjoint(make("seeds=[1]").trainings)


def approaches_that_change(grid, *overrides, of="trainings"):
    """The approaches of which each training, or each one's evaluation, has another id with these settings."""
    plan, other = make(grid=grid), make(*overrides, grid=grid)
    gone = getattr(plan, of).keys() - getattr(other, of).keys()
    trained = {unit: plan.evaluations[unit].training if of == "evaluations" else unit for unit in gone}
    return {plan.trainings[training].approach for training in trained.values()}


def test_the_end_of_lambda_concerns_gradient_reversal_alone():
    assert approaches_that_change("paper", "train.lambda_max=0.5") == {"adaptation"}


def test_smoothing_changes_evaluations_alone_and_only_of_models_that_do_not_smooth_themselves(tmp_path):
    assert approaches_that_change("paper", "test.smoothing_sigma=7") == set()
    grid = tmp_path / "own.yaml"
    grid.write_text(
        "{name: own, title: Own, metrics: [NSS], sources: [DHF1K, UCFSports], targets: [Hollywood2],"
        " approaches: [generalization, calibration]}"
    )
    for name, smoothing in (("table7", {"domain-specific"}), (str(grid), {"calibration"})):
        plan = make(grid=name)
        known = {plan.trainings[unit.training].approach for unit in plan.evaluations.values()}
        changed = approaches_that_change(name, "test.smoothing_sigma=7", of="evaluations")
        assert changed == known - smoothing
        assert smoothing < known


def test_one_smoothing_has_one_id_however_it_is_said():
    assert make().evaluations.keys() == make("test.smoothing_sigma=5").evaluations.keys()
    released = make("test.protocol=released").evaluations.keys()
    assert released == make("test.protocol=released", "test.smoothing_sigma=7").evaluations.keys()


@pytest.mark.parametrize("word", approaches())
def test_approaches_know_whether_their_model_smooths_itself(word):
    approach = approaches()[word]
    config, build = MODELS[approach.model]
    with torch.device("meta"):
        model = build(config(**approach.options(("DHF1K", "UCFSports"))))
    assert model.learns_smoothing == approach.learns_smoothing


@pytest.mark.parametrize("demo", [False, True])
def test_ids_leave_nothing_to_the_machine(demo):
    """A null in a training's or an evaluation's settings would stand for what a device or a host decides."""
    configure = partial(settings.configure, ["model.backbone_weights=none"], demo=demo)
    plan = planning.make(specs.load("domain_shift"), configure, DIGESTS, None)
    for unit in plan.trainings.values():
        assert None not in unit.spec["train"].values()
    for unit in plan.evaluations.values():
        assert None not in unit.spec["protocol"].values()


def test_initial_weights_change_fresh_trainings_and_so_their_children(tmp_path):
    file = tmp_path / "s3d.pt"
    file.touch()
    ids = set(make().trainings)
    assert ids.isdisjoint(make(weights=file, weights_digest="w" * 64).trainings)


def test_a_changed_corpus_changes_only_what_reads_it():
    changed = DIGESTS["UCFSports"] | {"train": "another"}
    plan, other = make(), make(digests=DIGESTS | {"UCFSports": changed})
    kept = set(plan.trainings) & set(other.trainings)
    assert kept == {t.id for t in plan.trainings.values() if "UCFSports" not in (*t.sources, t.target)}


def test_a_changed_test_split_changes_no_training():
    changed = DIGESTS["UCFSports"] | {"test": "another"}
    plan, other = make(), make(digests=DIGESTS | {"UCFSports": changed})
    assert set(plan.trainings) == set(other.trainings)
    gone = set(plan.evaluations) - set(other.evaluations)
    assert gone == {e.id for e in plan.evaluations.values() if e.test == "UCFSports"}


def test_fine_tuning_iterations_touch_fine_tuning_alone():
    plan, other = make(), make("train.finetune_iterations=100")
    changed = set(plan.trainings) - set(other.trainings)
    assert changed == {t.id for t in plan.trainings.values() if t.approach == "transfer"}


def test_the_learning_rate_of_fine_tuning_is_that_of_training_unless_it_is_said():
    assert approaches_that_change("paper", "train.finetune_lr=1e-4") == {"transfer"}
    assert make("train.finetune_lr=1e-3").trainings.keys() == make().trainings.keys()
    slow = make("train.finetune_lr=1e-4", "train.lr=1e-2")
    assert {t.approach: t.spec["train"]["lr"] for t in slow.trainings.values()} == {
        "generalization": 1e-2,
        "adaptation": 1e-2,
        "transfer": 1e-4,
    }


def test_the_costlier_training_reads_more_clips():
    clips = {t.approach: t.clips for t in make(grid="paper").trainings.values()}
    # 2,500 iterations of 25 micro-batches of 8; sources take turns, and a target comes beside.
    assert clips == dict.fromkeys(clips, 500_000) | {"adaptation": 1_000_000}


def test_descendants_are_children_and_their_children():
    plan = make()
    parent = next(iter(plan.trainings))
    children = plan.descendants(parent)
    assert {plan.trainings[child].approach for child in children} == {"transfer"}
    assert len(children) == 2
    grandchild = replace(plan.trainings[children[0]], id="grandchild", parent=children[0])
    plan.trainings["grandchild"] = grandchild
    assert plan.descendants(parent) == [*children, "grandchild"]
