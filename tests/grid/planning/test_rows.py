"""The settings of a table's row, and what of them its trainings and evaluations take."""

from dataclasses import replace

import pytest
import torch

from grid.planning.rows import (
    batches_of,
    configured_row,
    evaluation_settings,
    in_epochs,
    training_settings,
)
from grid.specs.settings import Train
from grid.specs.table import TableSpec, Variant
from hd2s.approaches.adabn import AdaBNSettings
from hd2s.approaches.registry import approaches
from hd2s.models.config import Input
from hd2s.models.registry import models, on_meta
from manifests.problem import ProblemError
from tests.datasets.small_corpora import a_clip
from tests.grid.plans import configuring, of_approach, plan_of

CALIBRATED = """
name: calibrated
title: Against a simple baseline
metrics: [NSS]
sources: [DHF1K, UCFSports]
targets: [Hollywood2]
approaches: [generalization, calibration]
"""


@pytest.fixture
def calibrated(tmp_path):
    path = tmp_path / "calibrated.yaml"
    path.write_text(CALIBRATED)
    return path


PLAIN = Variant()


def row(table, variant=PLAIN, point=(), *, user=(), model="hd2s", among=()):
    return configured_row(table, variant, point, model, configuring(list(user), among=among))


def table(*overrides):
    return TableSpec("t", "T", ("NSS",), ("DHF1K",), ("generalization",), overrides=overrides)


def test_a_tables_settings_lie_under_the_users_and_a_rows_own_over_them():
    own = table("train.lr=0.1", "train.iterations=5")
    fast = Variant("fast", ("train.momentum=0.5",))
    found = row(own, fast, ("train.weight_decay=0.25",), user=["train.lr=0.2", "train.momentum=0.9"])
    train = found.config.train
    assert (train.lr, train.iterations, train.momentum, train.weight_decay) == (0.2, 5, 0.5, 0.25)
    assert found.key == ("t", "fast")


def test_a_row_is_told_by_what_makes_it_differ_and_by_nothing_else():
    own = table("train.lr=0.1")
    assert row(own).distinction == ()
    assert row(own, Variant("as ever", ("train.lr=0.1",))).distinction == ()
    assert row(own, Variant("fast", ("train.lr=1",)), ("train.momentum=0.5",)).distinction == (
        "fast",
        "train.momentum=0.5",
    )


def test_a_setting_of_another_model_alone_makes_no_difference_to_a_row():
    point = ("model.bn_momentum=0.5",)
    two = ("hd2s", "chance")
    assert row(table(), point=point, model="chance", among=two).distinction == ()
    assert row(table(), point=point, among=two).distinction == point
    with pytest.raises(ProblemError, match=r"'model.bn_momentum'"):
        row(table(), point=point, model="chance")


def test_a_training_takes_the_settings_that_are_its_own():
    given = Train(finetune_iterations=7, finetune_lr=0.5, lambda_max=0.25, checkpoint_every=3, lr=0.125)
    known = approaches()
    fresh = training_settings(given, fresh=True, approach=known["generalization"], aligns=False)
    assert fresh == Train(lr=0.125), "without fine-tuning, alignment and how often it is saved"
    child = training_settings(given, fresh=False, approach=known["transfer"], aligns=False)
    assert child == Train(iterations=7, lr=0.5)
    aligned = training_settings(given, fresh=True, approach=known["adaptation"], aligns=True)
    assert aligned == Train(lr=0.125, lambda_max=0.25)
    control = training_settings(given, fresh=True, approach=known["adaptation-control"], aligns=True)
    assert control == Train(lr=0.125), "λ is 0 wherever it was to end"
    looking = Train(accumulate=2, micro_batch=4, lr=0.5, validate_every=3, finetune_iterations=7, epochs=16)
    looked = training_settings(
        looking, fresh=False, approach=known["adabn"], own=AdaBNSettings(iterations=9), aligns=True
    )
    assert looked == Train(accumulate=2, micro_batch=4, iterations=9), "by no gradient, nor in epochs"
    of_alignment = {"lambda_every": "micro-batch", "unlabelled_clips": "train and held-out"}
    given = Train(protocol="released", adversarial_multi_level=False, pretrained=False, **of_alignment)
    assert training_settings(given, fresh=True, approach=known["transfer"], aligns=False) == Train()
    aligned = training_settings(given, fresh=True, approach=known["adaptation"], aligns=True)
    assert aligned == Train(adversarial_multi_level=False, **of_alignment)
    without = Train(iterations=3, protocol="released", gradients="sum", **OF_VALIDATION)
    untrained = training_settings(without, fresh=True, approach=known["untrained"], aligns=False)
    assert untrained == Train(**OF_VALIDATION)


OF_VALIDATION = {
    "validation_windows": 2,
    "validation_starts": "released",
    "validation_clips": "random half",
    "validation_protocol": "released",
    "resizing": "opencv-bilinear",
}


def test_the_end_of_lambda_concerns_alignment_alone():
    assert approaches_that_change("paper", "train.lambda_max=0.5") == {"adaptation"}


def clips_of(n, n_frames, media="frames"):
    return [a_clip(clip=str(i), n_frames=n_frames, media=media) for i in range(n)]


def test_epochs_are_as_many_iterations_as_clips_fill():
    """As UNISAL's authors count: 600 videos at 4 a batch are 150, those that are too short left out."""
    train, shown = Train(epochs=16, micro_batch=4, accumulate=1, photograph_batch=32), Input(12, 64, 64, 5)
    videos, photographs = [*clips_of(600, 60), *clips_of(9, 55)], clips_of(10_000, 1, "image")
    batches = [batches_of(clips, shown, train) for clips in (videos, photographs, clips_of(2, 60))]
    assert batches == [150, 312, 1]
    wide = [a_clip(clip=f"w{i}", n_frames=1, media="image", height=100, width=200) for i in range(65)]
    sizes = replace(shown, trained_sizes=((32, 64), (64, 64), (64, 32)))
    assert batches_of([*wide, *clips_of(40, 1, "image")], sizes, train) == 2 + 1
    found = in_epochs(train, batches)
    assert (found.iterations, found.lr_period, found.validate_every) == (16 * 463, 463, 463)
    assert found == in_epochs(found, [])
    halved = in_epochs(replace(train, accumulate=2), [150])
    assert (halved.iterations, halved.lr_period) == (16 * 75, 75)
    assert in_epochs(Train(iterations=7), batches) == Train(iterations=7)


def test_fine_tuning_iterations_touch_fine_tuning_alone():
    assert approaches_that_change("domain_shift", "train.finetune_iterations=100") == {"transfer"}


def test_the_learning_rate_of_fine_tuning_is_that_of_training_unless_it_is_said():
    assert approaches_that_change("paper", "train.finetune_lr=1e-4") == {"transfer"}
    assert plan_of("paper", "train.finetune_lr=1e-3").trainings.keys() == plan_of("paper").trainings.keys()
    slow = plan_of("paper", "train.finetune_lr=1e-4", "train.lr=1e-2")
    rates = {(t.approach, t.spec.train.lr) for t in slow.trainings.values()}
    assert {lr for word, lr in rates if word == "transfer"} == {1e-4}
    assert {lr for word, lr in rates if word != "transfer"} == {1e-2}


def approaches_that_change(grid, *overrides, of="trainings"):
    """The approaches of which trainings, or evaluations, have other ids with these settings."""
    plan, other = plan_of(grid), plan_of(grid, *overrides)
    gone = getattr(plan, of).keys() - getattr(other, of).keys()
    trained = {unit: plan.evaluations[unit].training if of == "evaluations" else unit for unit in gone}
    found = {plan.trainings[training].approach for training in trained.values()}
    # Of each of them all.
    for word in found:
        assert all(unit not in getattr(other, of) for unit in getattr(plan, of) if f"-{word}-" in unit)
    return found


@pytest.mark.slow
def test_smoothing_changes_evaluations_alone_and_only_of_what_does_not_smooth_itself(calibrated):
    assert approaches_that_change("paper", "test.smoothing_sigma=7") == set()
    for name, smoothing in (("table7", {"domain-specific"}), (calibrated, {"calibration"})):
        plan = plan_of(name)
        known = {plan.trainings[unit.training].approach for unit in plan.evaluations.values()}
        changed = approaches_that_change(name, "test.smoothing_sigma=7", of="evaluations")
        assert changed == known - smoothing
        assert smoothing < known


def test_one_smoothing_has_one_id_however_it_is_said():
    plan = plan_of("domain_shift")
    assert plan.evaluations.keys() == plan_of("domain_shift", "test.smoothing_sigma=5").evaluations.keys()
    released = plan_of("domain_shift", "test.protocol=released").evaluations.keys()
    both = plan_of("domain_shift", "test.protocol=released", "test.smoothing_sigma=7")
    assert released == both.evaluations.keys()


def test_the_released_smoothing_is_asked_of_the_model():
    plan = plan_of("table5", "model=[hd2s,centre_prior]", "test.protocol=released")
    sigmas = {
        plan.trainings[unit.training].model: unit.spec.protocol.smoothing_sigma
        for unit in plan.evaluations.values()
    }
    assert sigmas == {"hd2s": 7.0, "centre_prior": None}


@pytest.mark.parametrize("word", approaches())
def test_approaches_know_whether_their_model_smooths_itself(word):
    """What is planned as smoothing itself, before anything is built, does so once it is."""
    approach, options = approaches()[word], approaches()[word].options(("DHF1K", "UCFSports"))
    built = on_meta(models()["hd2s"], options)
    with torch.device("meta"):
        built = approach.around(built) if approach.around else built
    planned = approach.learns_smoothing or models()["hd2s"].config(**options).learns_smoothing
    assert built.learns_smoothing == planned


def test_an_evaluation_has_the_one_sigma_that_it_comes_to():
    plan = plan_of("table7")
    test = configuring([])("hd2s", (), ()).test
    for word, sigma in (("single-source", 5.0), ("multi-source", 5.0), ("domain-specific", None)):
        trained = of_approach(plan, approaches()[word].trained_as or word)[0]
        assert evaluation_settings(test, trained.spec).smoothing_sigma == sigma


def test_what_fine_tunes_has_the_settings_that_a_table_gives_it_and_its_parent_has_not(tmp_path):
    path = tmp_path / "tuned.yaml"
    path.write_text(
        "name: tuned\ntitle: T\nmetrics: [NSS]\nmodels: [unisal]\nsources: [DHF1K, SALICON]\n"
        "targets: [MIT1003]\n"
        "approaches: [domain-transfer, transfer]\noverrides: {train.epochs: null}\n"
        "finetuning: {train.lr: 0.01, model.nss_weight: 0.0, model.photograph_lr: 1.0}\n"
    )
    plan = plan_of(path)
    told = {
        unit.approach: (unit.spec.train.lr, unit.spec.model.config.nss_weight, unit.spec.model.config.domains)
        for unit in plan.trainings.values()
        if unit.sources != ("SALICON",)
    }
    both = ("DHF1K", "SALICON")
    assert told == {
        "domain-specific": (0.04, 0.1, both),
        "domain-transfer": (0.01, 0.0, both),
        "generalization": (0.04, 0.1, ()),
        "transfer": (0.01, 0.0, ()),
    }
    # Released, fine-tuning on photographs goes on with the batch norms of photographs.
    alone = {unit.label for unit in plan.trainings.values() if unit.spec.model.config.photographs_alone}
    assert len(alone) == 2
    assert all(unit.sources == ("SALICON",) for unit in plan.trainings.values() if unit.label in alone)
    (tuned,) = of_approach(plan, "domain-transfer")
    assert [entry.corpus for entry in tuned.spec.labelled] == ["MIT1003"]
    assert plan.trainings[tuned.parent].approach == "domain-specific"
    # A user's own settings go before both.
    assert {unit.spec.train.lr for unit in plan_of(path, "train.lr=0.5").trainings.values()} == {0.5}


def test_layers_that_no_domain_has_are_told_of_tests_and_targets(tmp_path):
    path = tmp_path / "lacking.yaml"
    path.write_text(
        "name: lacking\ntitle: T\nmetrics: [NSS]\nsources: [DHF1K, UCFSports]\ntargets: [Hollywood2]\n"
        "tests: [LEDOV]\napproaches: [domain-transfer]\n"
    )
    with pytest.raises(ProblemError) as caught:
        plan_of(path)
    told = [(problem.where, problem.found) for problem in caught.value.problems]
    assert told == [("lacking, domain-transfer", "LEDOV"), ("lacking, domain-transfer", "Hollywood2")]
    assert len(plan_of(path, "model=unisal", "train.epochs=null").cells) == 1
