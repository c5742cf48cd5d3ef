"""What a unit is called: pinned, and changed by all that changes its result and by nothing else."""

from dataclasses import dataclass, field, fields, make_dataclass

import pytest

from grid.planning import planner
from grid.planning.identity import content_hash, departures, options_of
from grid.specs import settings
from hd2s.approaches.adabn import AdaBNSettings
from hd2s.approaches.adaptation import AdaptationSettings
from hd2s.approaches.dare_gram import DareGramSettings
from hd2s.approaches.fda import FDASettings
from hd2s.approaches.mean_teacher import MeanTeacherSettings
from hd2s.approaches.mixstyle import MixStyleSettings
from hd2s.approaches.mmd import MMDSettings
from hd2s.approaches.monotone_map import MonotoneMapSettings
from hd2s.approaches.registry import approaches
from hd2s.approaches.shared_settings import WeightSettings
from hd2s.approaches.swad import SwadSettings
from hd2s.models.centre_prior import OneFrameConfig
from hd2s.models.hd2s.config import HD2SConfig
from hd2s.models.registry import models
from hd2s.models.tased.config import TasedConfig
from hd2s.models.unisal.config import UnisalConfig
from tests.grid.plans import DIGESTS, of_approach, plan_of

# Of settings that are left out of ids while they are at their default, so that one default that changes
# would give an old id to another result.
DEFAULTS_OF_TRAINING_RECIPE_5 = {
    settings.Train: {
        "iterations": 2500,
        "finetune_iterations": 2500,
        "finetune_lr": None,
        "epochs": None,
        "micro_batch": 8,
        "photograph_batch": None,
        "accumulate": 25,
        "optimiser": "adam",
        "momentum": 0.0,
        "lr": 0.001,
        "weight_decay": 2e-07,
        "lr_curve": "steps",
        "lr_decay": 1.0,
        "lr_milestones": (),
        "lr_period": 0,
        "lr_warmup": 0,
        "clip_gradient": None,
        "multi_level": True,
        "lambda_max": 1.0,
        "validate_every": 100,
        "validation_windows": None,
        "validation_starts": "spread",
        "validation_loss": "kld",
        "validation_source": "",
        "validation_from": 0,
        "protocol": "paper",
        "gradients": "mean",
        "lambda_every": "iteration",
        "adversarial_multi_level": True,
        "resizing": "pil-bilinear",
        "validation_protocol": "paper",
        "validation_clips": "all",
        "splits": "corpus",
        "selection": "validation",
        "unlabelled_clips": "train",
        "fixations": "kept",
        "sampling": "anew",
        "mirrored": True,
        "pretrained": True,
        "non_finite": "stop",
        "mixed_precision": True,
        "threads": 1,
        "world_size": 1,
        "checkpoint_every": 100,
    },
    HD2SConfig: {
        "clip_length": 16,
        "height": 128,
        "width": 192,
        "conspicuity": (1, 2, 3, 4),
        "bn_momentum": 0.001,
        "fusion_gain": 0.0,
        "domains": (),
        "priors": True,
        "batch_norm": True,
        "smoothing": True,
        "fusion": True,
        "domain_bn_momentum": 0.01,
        "max_sigma": 10.0,
        "quantise": False,
    },
    OneFrameConfig: {"height": 128, "width": 192},
    TasedConfig: {
        "clip_length": 32,
        "height": 224,
        "width": 384,
        "aggregation": "released",
        "upsampling": "unpooling",
        "loss": "map",
        "encoder_lr": 0.01,
        "bn_momentum": 0.001,
        "batch_norm_parts": 1,
    },
    UnisalConfig: {
        "clip_length": 12,
        "step": 5,
        "height": 224,
        "width": 384,
        "domains": (),
        "photographs": ("SALICON", "MIT1003"),
        "priors": True,
        "recurrence": True,
        "residual": True,
        "bypass": True,
        "skips": True,
        "smoothing": True,
        "domain_priors": True,
        "domain_batch_norm": True,
        "domain_fusion": True,
        "domain_smoothing": True,
        "bn_momentum": 0.01,
        "photograph_momentum": 0.1,
        "photographs_alone": False,
        "shared_momentum": 0.1,
        "skip_dropout": 0.6,
        "recurrent_dropout": 0.2,
        "statistics": "frame",
        "encoder_statistics": "stored",
        "encoder_lr": 0.1,
        "encoder_weight_decay": 1.0,
        "encoder_frozen": 2,
        "photograph_lr": 0.5,
        "cc_weight": 0.1,
        "nss_weight": 0.1,
        "domain_inputs": False,
        "inputs": (
            "DHF1K=224x384/5",
            "Hollywood2=224x416/4",
            "UCFSports=256x384/4",
            "SALICON=288x384/1",
            "MIT1003=288x384/1",
            "MIT300=288x384/1",
        ),
        "short_clips": "window",
        "framing": "squashed",
        "photograph_sizes": "one",
        "target_size": "input",
        "loss": "paper",
    },
    AdaBNSettings: {"iterations": 10},
    MonotoneMapSettings: {"iterations": 10},
    AdaptationSettings: {"levels": ()},
    WeightSettings: {"weight": 1.0},
    MMDSettings: {"weight": 1.0, "samples": 256},
    FDASettings: {"beta": 0.01},
    MeanTeacherSettings: {
        "decay": 0.99,
        "weight": 1.0,
        "jitter": 0.2,
        "jitter_share": 0.2,
        "blur_share": 0.5,
        "lasts": "teacher",
    },
    MixStyleSettings: {"blocks": 2, "share": 0.5, "alpha": 0.1},
    SwadSettings: {"patience": 3, "tolerance": 6, "ratio": 0.3, "statistics": 10},
    DareGramSettings: {"angle": 0.05, "scale": 0.001, "share": 0.9},
}
DEFAULTS_OF_EVALUATION_RECIPE_5 = {
    settings.Test: {
        "protocol": "paper",
        "head": "time reversed",
        "short_clips": "reflected",
        "quantise": False,
        "truncate": False,
        "resizing": "pil-bilinear",
        "smoothing_sigma": None,
        "eight_bit": True,
        "precision": "float32",
        "threads": 1,
        "min_frames": 1,
    },
}


def test_a_default_changes_with_its_recipe_alone():
    """A default has changed, or a setting has come? For the former raise the recipe, and pin it here."""
    assert planner.TRAINING_RECIPE == 5
    assert planner.EVALUATION_RECIPE == 5
    for pinned in (DEFAULTS_OF_TRAINING_RECIPE_5, DEFAULTS_OF_EVALUATION_RECIPE_5):
        for kind, values in pinned.items():
            assert {each.name: each.default for each in fields(kind)} == values, kind.__name__


def test_the_defaults_of_every_model_and_approach_are_pinned():
    configs = {model.config for model in models().values()}
    own = {approach.settings for approach in approaches().values() if approach.settings}
    assert configs | own | {settings.Train} == DEFAULTS_OF_TRAINING_RECIPE_5.keys()


def test_ids_are_pinned():
    """Changed on purpose? Raise TRAINING_RECIPE or EVALUATION_RECIPE, and say so in the CHANGELOG."""
    plan = plan_of("domain_shift", "model=[hd2s,centre_prior,chance]")
    assert [t.id for t in plan.trainings.values() if "DHF1K" in t.sources and t.target != "Hollywood2"] == [
        "hd2s-generalization-dhf1k-seed0-9f2cc6d9c4c1",
        "hd2s-adaptation-dhf1k-ucfsports-seed0-7922f468805c",
        "hd2s-transfer-dhf1k-ucfsports-seed0-d6591b4708da",
        "centre_prior-untrained-dhf1k-seed0-a0c80c6ef256",
        "chance-untrained-dhf1k-seed0-037af328a49b",
    ]
    assert {
        "hd2s-generalization-dhf1k-seed0-9f2cc6d9c4c1-on-ucfsports-c8b22f680a59",
        "hd2s-adaptation-dhf1k-ucfsports-seed0-7922f468805c-on-ucfsports-4ee410c793ef",
    } < plan.evaluations.keys()


def test_a_selection_renames_no_training_and_no_evaluation_of_another():
    plan = plan_of("table5", "select=[source,target]")
    assert {
        "hd2s-generalization-dhf1k-seed0-9f2cc6d9c4c1-on-ucfsports-c8b22f680a59",
        "hd2s-generalization-dhf1k-seed0-9f2cc6d9c4c1-on-ucfsports-c29806af627c",
    } < plan.evaluations.keys()


@dataclass(frozen=True)
class Inner:
    rate: float = 0.5
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    needed: int
    inner: Inner
    options: dict = field(default_factory=dict)
    parent: str | None = None


def test_a_setting_at_its_default_stays_out_of_the_hash():
    assert departures(Outer(3, Inner())) == {"needed": 3, "inner": {}, "options": {}}
    assert departures(Outer(0, Inner(0.1, ("a",)), {"list": (1, 2)}, "p")) == {
        "needed": 0,
        "inner": {"rate": 0.1, "words": ["a"]},
        "options": {"list": [1, 2]},
        "parent": "p",
    }
    grown = make_dataclass("Grown", [("later", int, field(default=7))], bases=(Inner,), frozen=True)
    before = content_hash(Outer(3, Inner()))
    assert content_hash(Outer(3, grown())) == before, "what comes new renames nothing"
    assert content_hash(Outer(3, grown(later=8))) != before


def test_the_hash_is_of_content_and_not_of_its_order():
    first, second = ({"a": 1, "b": [1, 2]}, {"b": [1, 2], "a": 1})
    assert content_hash(first) == content_hash(second)
    assert content_hash({"b": [2, 1], "a": 1}) != content_hash(first)


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}])
def test_what_could_differ_between_machines_has_no_hash(value):
    with pytest.raises((TypeError, ValueError)):
        content_hash({"value": value})


def test_the_options_of_nothing_are_none():
    assert options_of(None) == {}
    assert options_of(HD2SConfig(height=64)) == {"height": 64}


@pytest.mark.parametrize(
    "override",
    [
        "resources.train.cpu=1",
        "resources.loader_workers=7",
        "resources.evaluation_batch=3",
        "train.checkpoint_every=5",
        "corpora.DHF1K.root=elsewhere",
        "tables.paper=none",
        "tracking.models=copy",
    ],
)
def test_what_changes_no_weight_changes_no_id(override):
    plan, other = plan_of("domain_shift"), plan_of("domain_shift", override)
    assert list(other.trainings) == list(plan.trainings)
    assert list(other.evaluations) == list(plan.evaluations)


# Every setting of HD2S and of training, with another value than the default.
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
        "epochs": 3,
        "micro_batch": 2,
        "photograph_batch": 7,
        "accumulate": 5,
        "optimiser": "sgd",
        "momentum": 0.9,
        "lr": 1e-4,
        "weight_decay": 0.0,
        "lr_decay": 0.1,
        "lr_curve": "cosine",
        "lr_milestones": [10],
        "lr_period": 10,
        "lr_warmup": 10,
        "clip_gradient": 1.0,
        "multi_level": "false",
        "protocol": "released",
        "gradients": "sum",
        "resizing": "opencv-bilinear",
        "validation_protocol": "released",
        "validation_clips": "random half",
        "selection": "last",
        "fixations": "nearest",
        "sampling": "passes",
        "mirrored": "false",
        "non_finite": "skip",
        "mixed_precision": "false",
        "threads": 2,
        "world_size": 5,
        "validate_every": 50,
        "validation_windows": 1,
        "validation_starts": "released",
        "validation_from": 1,
    },
}
OF_DOMAINS = ("priors", "batch_norm", "smoothing", "fusion", "domain_bn_momentum", "max_sigma", "quantise")
TESTED_ALONE = {
    "model": {"domains", *OF_DOMAINS},
    "train": {
        *("finetune_iterations", "finetune_lr", "checkpoint_every", "pretrained", "splits"),
        *("validation_source", "validation_loss"),
        *("lambda_max", "lambda_every", "adversarial_multi_level", "unlabelled_clips"),
    },
}


@pytest.mark.parametrize(("section", "kind"), [("model", HD2SConfig), ("train", settings.Train)])
@pytest.mark.slow
def test_what_changes_weights_changes_ids(section, kind):
    ids = set(plan_of("domain_shift").trainings)
    assert {each.name for each in fields(kind)} == CHANGED[section].keys() | TESTED_ALONE[section]
    for name, value in CHANGED[section].items():
        other = plan_of("table7", f"{section}.{name}={value}")
        assert ids.isdisjoint(other.trainings), name
    assert ids.isdisjoint(plan_of("table7", "seeds=[1]").trainings)


def test_the_loss_and_the_source_that_select_change_ids():
    plain, selected, other = (
        plan_of("table7", "train.validation_windows=2", *more).trainings
        for more in ((), ("train.validation_loss=training",), ("train.validation_source=UCFSports",))
    )
    assert plain.keys().isdisjoint(selected)
    gone = plain.keys() - other.keys()
    assert gone == {unit for unit in plain if "UCFSports" in plain[unit].sources[1:]} != set()


def test_the_parts_of_domains_concern_those_who_have_domains():
    plan = plan_of("table7")
    for override in ("model.priors=false", "model.max_sigma=11", "model.quantise=true"):
        gone = plan.trainings.keys() - plan_of("table7", override).trainings.keys()
        assert {plan.trainings[unit].approach for unit in gone} == {"domain-specific"}, override


def test_the_training_of_a_model_without_weights_is_of_its_sources_and_its_shape():
    plan = plan_of("table5", "model=centre_prior")
    idle = ("train.lr=5", "train.iterations=7", "train.micro_batch=2", "train.mixed_precision=false")
    for override in idle:
        assert plan_of("table5", "model=centre_prior", override).trainings.keys() == plan.trainings.keys()
    for override in ("model.height=64", "train.validation_windows=1"):
        other = plan_of("table5", "model=centre_prior", override)
        assert plan.trainings.keys().isdisjoint(other.trainings), override


def test_initial_weights_change_fresh_trainings_and_so_their_children():
    plan = plan_of("domain_shift", "model=[hd2s,chance]")
    other = plan_of("domain_shift", "model=[hd2s,chance]", weights={"hd2s": "w" * 64})
    kept = plan.trainings.keys() & other.trainings.keys()
    assert {plan.trainings[unit].model for unit in kept} == {"chance"}
    assert len(kept) == 3


def test_a_changed_corpus_changes_only_what_reads_it():
    changed = DIGESTS["UCFSports"] | {"train": "another"}
    plan, other = plan_of("domain_shift"), plan_of("domain_shift", digests=DIGESTS | {"UCFSports": changed})
    kept = set(plan.trainings) & set(other.trainings)
    assert kept == {t.id for t in plan.trainings.values() if "UCFSports" not in (*t.sources, t.target)}


def test_a_changed_test_split_changes_no_training():
    changed = DIGESTS["UCFSports"] | {"test": "another"}
    plan, other = plan_of("domain_shift"), plan_of("domain_shift", digests=DIGESTS | {"UCFSports": changed})
    assert set(plan.trainings) == set(other.trainings)
    gone = set(plan.evaluations) - set(other.evaluations)
    assert gone == {e.id for e in plan.evaluations.values() if e.test == "UCFSports"}


OR_NULL = {"epochs", "finetune_lr", "clip_gradient", "photograph_batch", "validation_windows"}


@pytest.mark.parametrize("demo", [False, True])
def test_ids_leave_nothing_to_the_machine(demo):
    """A null in a training's or an evaluation's settings would stand for what a device or a host decides."""
    plan = plan_of("domain_shift", demo=demo)
    for unit in plan.trainings.values():
        given = {name: value for name, value in vars(unit.spec.train).items() if value is None}
        assert given.keys() <= OR_NULL, "none, or all"
    for unit in plan.evaluations.values():
        assert None not in vars(unit.spec.protocol).values()


def test_more_seeds_only_add_to_a_grid():
    one, three = plan_of("paper"), plan_of("paper", "seeds=[0,1,2]")
    assert set(one.trainings) < set(three.trainings)
    assert len(three.trainings) == 3 * len(one.trainings) == 3 * 18
    assert {training.seed for training in of_approach(three, "adaptation")} == {0, 1, 2}
