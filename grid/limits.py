"""Which settings of the right type cannot work all the same."""

from __future__ import annotations

from math import inf
from operator import attrgetter
from typing import TYPE_CHECKING

from manifests.check import Problem, suggest

if TYPE_CHECKING:
    from grid.config import Config

PAPER = ("beside", "difference", "none")
"""What tables show of the papers' numbers."""
MODELS = ("reference", "copy", "none")
"""How trainings' weights become models in MLflow."""

_POSITIVE = (
    *(f"train.{name}" for name in ("iterations", "finetune_iterations", "micro_batch", "accumulate", "lr")),
    *(f"train.{name}" for name in ("validate_every", "validation_windows", "checkpoint_every")),
    "train.world_size",
    "model.bn_momentum",
    *("resources.train.cpu", "resources.evaluate.cpu"),
)
_NOT_NEGATIVE = (
    *("train.weight_decay", "train.lambda_max", "model.fusion_gain"),
    *("resources.train.memory_gib", "resources.evaluate.memory_gib"),
    *("resources.loader_workers", "resources.max_failures"),
)
_WORDS = {
    "train.protocol": ("paper", "released"),
    "train.non_finite": ("stop", "skip"),
    "test.protocol": ("paper", "released"),
    "test.precision": ("float32", "bfloat16"),
    "tables.paper": PAPER,
    "tracking.models": MODELS,
}
# What the network halves so often that nothing may be left over.
_MULTIPLES = {"model.height": 32, "model.width": 32, "model.clip_length": 8}


def impossible(config: Config) -> list[Problem]:
    """List values of the right type that cannot work; NaN is none of the numbers asked for."""
    value = {key: attrgetter(key)(config) for key in (*_POSITIVE, *_NOT_NEGATIVE, *_MULTIPLES)}
    wrong = [(key, "more than 0") for key in _POSITIVE if not 0 < value[key] < inf]
    wrong += [(key, "0 or more") for key in _NOT_NEGATIVE if not 0 <= value[key] < inf]
    wrong += [
        (key, f"a multiple of {step}")
        for key, step in _MULTIPLES.items()
        if value[key] <= 0 or value[key] % step
    ]
    if config.train.world_size > 0 and config.train.accumulate % config.train.world_size:
        wrong.append(("train.accumulate", f"a multiple of train.world_size={config.train.world_size}"))
    levels = config.model.conspicuity
    if not levels or list(levels) != sorted({1, 2, 3, 4}.intersection(levels)):
        wrong.append(("model.conspicuity", "levels out of 1, 2, 3, 4, ascending"))
    wrong += [
        (f"resources.{kind}.gpu", "0 or more, or -1 for one where there are any")
        for kind in ("train", "evaluate")
        if not (0 <= attrgetter(f"resources.{kind}.gpu")(config) < inf)
        and attrgetter(f"resources.{kind}.gpu")(config) != -1
    ]
    if config.frames.limit_gib is not None and not config.frames.limit_gib >= 0:
        wrong.append(("frames.limit_gib", "0 or more, or null"))
    wrong += [
        (key, "more than 0, or null")
        for key in ("test.smoothing_sigma", "train.finetune_lr")
        if (number := attrgetter(key)(config)) is not None and not 0 < number < inf
    ]
    if config.resources.evaluation_batch is not None and config.resources.evaluation_batch < 1:
        wrong.append(("resources.evaluation_batch", "1 or more, or null"))
    if value["model.bn_momentum"] > 1:
        wrong.append(("model.bn_momentum", "at most 1"))
    problems = [
        Problem(key, expected, str(attrgetter(key)(config)), "Correct it.") for key, expected in wrong
    ]
    problems += [
        Problem(key, "a known word", repr(word), suggest(word, words))
        for key, words in _WORDS.items()
        if (word := attrgetter(key)(config)) not in words
    ]
    seeds = config.seeds
    if seeds is not None and (not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0):
        found = str(config.seeds)
        problems.append(
            Problem("seeds", "different numbers from 0 on", found, "Write for example seeds=[0,1].")
        )
    return problems
