"""Which settings of the right type cannot work all the same, and which of a user's others have instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from math import inf
from operator import attrgetter
from typing import Any

from omegaconf import OmegaConf

from datasets.resizing import RESIZINGS
from grid.specs.dotted_keys import flatten
from grid.specs.plain_yaml import dotted
from grid.specs.settings import Config
from grid.specs.table import EXPECTED_SEEDS, GridSpec, TableSpec, are_seeds, selected_words
from grid.specs.tables import early_stopping
from grid.specs.tables.row_settings import meet, of_any
from hd2s.filters import WIDEST_SIGMA
from hd2s.models.registry import models
from manifests.problem import Problem, suggest

PAPER = ("beside", "difference", "none")
"""What tables show of the papers' numbers."""
NOTES = ("none", "short", "full")
"""Which notes a table has in a paper."""
MODELS = ("reference", "copy", "none")
"""How trainings' weights become models in MLflow."""
MOST_DIGITS = 6
"""More than any score is good for."""

_POSITIVE = (
    *(f"train.{name}" for name in ("iterations", "finetune_iterations", "micro_batch", "accumulate", "lr")),
    *(f"train.{name}" for name in ("validate_every", "checkpoint_every")),
    *("train.world_size", "train.threads", "test.threads", "test.min_frames"),
    *("resources.train.cpu", "resources.evaluate.cpu"),
)
_NOT_NEGATIVE = (
    *("train.weight_decay", "train.lambda_max", "train.momentum", "train.lr_decay", "train.lr_period"),
    *("train.lr_warmup", "train.validation_from"),
    *("resources.train.memory_gib", "resources.evaluate.memory_gib"),
    *("resources.loader_workers", "resources.max_failures"),
)
_WORDS = {
    "train.gradients": ("mean", "sum"),
    "train.lambda_every": ("iteration", "micro-batch"),
    "train.resizing": tuple(RESIZINGS),
    "train.validation_clips": ("all", "random half"),
    "train.validation_starts": ("spread", "released"),
    "train.validation_loss": ("kld", "training"),
    "train.selection": ("validation", "last"),
    "train.splits": ("corpus", "released"),
    "train.sampling": ("anew", "passes"),
    "train.fixations": ("kept", "nearest"),
    "train.unlabelled_clips": ("train", "train and held-out"),
    "test.head": ("time reversed", "colours reversed"),
    "test.short_clips": ("reflected", "looped", "last window"),
    "test.resizing": tuple(RESIZINGS),
    "train.non_finite": ("stop", "skip"),
    "train.optimiser": ("adam", "adamw", "sgd"),
    "train.lr_curve": ("steps", "cosine"),
    "test.precision": ("float32", "bfloat16"),
    "tables.paper": PAPER,
    "tables.notes": NOTES,
    "tracking.models": MODELS,
}
_OR_NULL = (
    *("test.smoothing_sigma", "train.finetune_lr", "train.clip_gradient"),
    *("train.validation_windows", "train.epochs", "train.photograph_batch"),
    "resources.evaluation_batch",
)


def impossible(config: Config) -> list[Problem]:
    """List values of the right type that cannot work; NaN is none of the numbers asked for."""
    problems = [
        Problem(key, expected, str(attrgetter(key)(config)), "Correct it.")
        for key, expected in (*_alone(config), *_together(config))
    ]
    model = models()[config.model.word]
    offered = _WORDS | {"train.protocol": ("paper", *model.of_protocol)}
    offered |= dict.fromkeys(("test.protocol", "train.validation_protocol"), tuple(model.prediction))
    problems += [
        Problem(key, "a known word", repr(word), suggest(word, words))
        for key, words in offered.items()
        if (word := attrgetter(key)(config)) not in words
    ]
    problems += [] if config.select is None else selected_words(config.select)[1]
    if config.seeds is not None and not are_seeds(config.seeds):
        remedy = "Write for example seeds=[0,1]."
        problems.append(Problem("seeds", EXPECTED_SEEDS, str(config.seeds), remedy))
    return problems


def _alone(config: Config) -> Iterator[tuple[str, str]]:
    """Yield numbers that are out of their range, with what is expected of them."""
    value = {key: attrgetter(key)(config) for key in (*_POSITIVE, *_NOT_NEGATIVE, *_OR_NULL)}
    yield from ((key, "more than 0") for key in _POSITIVE if not 0 < value[key] < inf)
    yield from ((key, "0 or more") for key in _NOT_NEGATIVE if not 0 <= value[key] < inf)
    for key in _OR_NULL:
        if value[key] is not None and not 0 < value[key] < inf:
            yield key, "more than 0, or null"
    if (config.test.smoothing_sigma or 0) > WIDEST_SIGMA:
        yield "test.smoothing_sigma", f"{WIDEST_SIGMA:g} pixels at most, or null"
    for unit in ("train", "evaluate"):
        gpu = attrgetter(key := f"resources.{unit}.gpu")(config)
        if not -1 <= gpu < inf:
            yield key, "0 or more, or down to -1 for as much where there are any"
        elif gpu > 1 and gpu % 1:
            yield key, "a part of one GPU, or whole ones: Ray gives no others"
    yield from ((f"sweep.{key}", expected) for key, expected in early_stopping.faults(asdict(config.sweep)))
    if not 0 <= config.tables.digits <= MOST_DIGITS:
        yield "tables.digits", f"0 to {MOST_DIGITS}"
    if config.frames.limit_gib is not None and not 0 <= config.frames.limit_gib < inf:
        yield "frames.limit_gib", "0 or more, or null"


def _together(config: Config) -> Iterator[tuple[str, str]]:
    """Yield settings that do not fit each other, with what is expected of them."""
    workers, accumulate = config.train.world_size, config.train.accumulate
    if workers > accumulate > 0:
        yield (
            "train.world_size",
            f"at most train.accumulate={accumulate}: one micro-batch for each worker",
        )
    elif workers > 0 and config.train.non_finite == "skip" and accumulate % workers:
        # Whether a micro-batch is skipped is agreed on loss by loss.
        yield "train.accumulate", f"a multiple of train.world_size={workers} with train.non_finite=skip"
    if workers > 1 and abs(config.resources.train.gpu) % 1 > 0:
        # NCCL, by which they exchange gradients, takes no GPU for two of them.
        yield "resources.train.gpu", f"whole GPUs with train.world_size={workers}: its workers share none"
    if config.train.validation_loss == "training" and config.train.validation_windows is None:
        yield "train.validation_windows", "a number of them with train.validation_loss=training"
    if any(milestone < 1 for milestone in config.train.lr_milestones):
        yield "train.lr_milestones", "iterations from 1 on"


def overruled(spec: GridSpec, overrides: Sequence[str]) -> list[str]:
    """Say which settings of the user which rows do not have, and what they have instead.

    Args:
        spec: the grid; what a variant or a point of a sweep sets stands over the command line.
        overrides: the user's, which are sound.
    """
    # `model=` says which models, and has no place beside the settings of one.
    wanted = _leaves(item for item in overrides if item.partition("=")[0] != "model")
    return [
        f"{key}={value} is overruled in {table.name}: {'; '.join(rows)}."
        for table in spec.tables
        for key, value in wanted.items()
        if (rows := _rows(table, key, value))
    ]


def contradictions(overrides: Sequence[str]) -> list[str]:
    """Say which settings a command line gives twice with different values, and which of them counts."""
    values: dict[str, Any] = {}
    notes = []
    for override in overrides:
        for key, value in _leaves([override]).items():
            notes += [
                f"{name} is given twice: {before}, and then {value}, which counts."
                for name, before in values.items()
                # What is said of one model after what is said of all is meant so.
                if before != value and key in (name, of_any(name))
            ]
            values[key] = value
    return notes


def before_protocols(
    model: str, stood_for: Mapping[str, Mapping[str, Any]], overrides: Sequence[str]
) -> list[str]:
    """Say which settings of the user go before what the protocol asked for stands for.

    Args:
        model: its word.
        stood_for: approach, or "" for all -> setting -> value (`grid.specs.settings_reader`).
        overrides: the user's, which are sound.
    """
    asked = _leaves(item for item in overrides if item.partition("=")[0] != "model")
    own = {key.replace(f"model.{model}.", "model.", 1): value for key, value in asked.items()}
    told: dict[str, list[str]] = {}
    for approach, settings in stood_for.items():
        for key, value in settings.items():
            known = approach and stood_for[""].get(key) == value
            if key in own and own[key] != value and not known:
                told.setdefault(key, []).append(f"{value}{f' in {approach}' if approach else ''}")
    return [
        f"{key}={own[key]} goes before what {key.partition('.')[0].replace('model', 'train')}.protocol stands"
        f" for with {model}: {', '.join(values)}."
        for key, values in told.items()
    ]


def _rows(table: TableSpec, key: str, value: Any) -> list[str]:
    """List the rows in which a setting has another value than the user's."""
    rows = []
    for variant in table.variants:
        rows += [f"row {variant.label!r} sets {other}" for other in _others(variant.overrides, key, value)]
    tried = [f"{axis}={item}" for axis, items in table.sweep for item in items]
    if values := [other for item in tried for other in _others([item], key, value)]:
        rows.append(f"its sweep tries {', '.join(map(str, values))}")
    return rows


def _others(overrides: Iterable[str], key: str, value: Any) -> list[Any]:
    """List the values that settings give to a key in place of one."""
    return [other for name, other in _leaves(overrides).items() if meet(name, key) and other != value]


def _leaves(overrides: Iterable[str]) -> dict[str, Any]:
    """Return each single setting of a dot-list, whether it was given alone or with its section."""
    settings: Any = OmegaConf.to_container(OmegaConf.merge(*map(dotted, overrides), {}))
    return flatten(settings)
