"""Everything a user can set, with the paper's values as defaults (Sect. 4.2) and the demo's beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from operator import attrgetter
from pathlib import Path
from typing import Any

from omegaconf import MISSING, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from datasets.corpus import available, get
from datasets.index import default_folder
from manifests.check import Problem, ProblemError, suggest

PROFILES = Path(__file__).parent / "profiles"


@dataclass(frozen=True)
class Model:
    """The network's input and the options that its papers leave open."""

    clip_length: int = 16
    height: int = 128
    width: int = 192
    # The published batch norms forget this slowly; a training of under a thousand iterations needs more.
    bn_momentum: float = 0.001
    # 0 leaves the fusion's initial weights to chance, as published; see hd2s.HD2SConfig.
    fusion_gain: float = 0.0
    # A Kinetics-400 state dict of S3D, from which the paper starts, or "none" to start from scratch.
    # Empty: not said, which is no answer.
    backbone_weights: str = ""


@dataclass(frozen=True)
class Train:
    """Optimisation (Sect. 4.2): batches of 200, as 25 micro-batches of 8, for 2,500 iterations."""

    iterations: int = 2500
    # The paper gives one number of iterations, so fine-tuning in transfer learning has it too.
    finetune_iterations: int = 2500
    micro_batch: int = 8
    accumulate: int = 25
    lr: float = 1e-3
    weight_decay: float = 2e-7
    # Selection: the lowest KLD of the saliency map on the validation split, looked at this often.
    validate_every: int = 100
    validation_windows: int = 4
    # Iterations between two checkpoints from which an interrupted training goes on.
    checkpoint_every: int = 100


@dataclass(frozen=True)
class Test:
    """Evaluation of every frame (Sect. 3.1): σ in pixels at the model's input size."""

    smoothing_sigma: float = 5.0


@dataclass(frozen=True)
class Unit:
    """What one training, or one evaluation, takes of the machine. `gpu: -1` means one where there are any."""

    cpu: float = 1.0
    gpu: float = -1.0
    memory_gib: float = 4.0


@dataclass(frozen=True)
class Resources:
    """Shares of the machine; none of these changes a number, only its time."""

    train: Unit = field(default_factory=lambda: Unit(cpu=4.0, memory_gib=16.0))
    evaluate: Unit = field(default_factory=lambda: Unit(cpu=2.0, memory_gib=8.0))
    # Processes that read clips for one training; 0 reads in the training's own process.
    loader_workers: int = 2
    # Windows forwarded at once in evaluation.
    evaluation_batch: int = 16
    # Times that Ray restarts a training's worker from its last checkpoint.
    max_failures: int = 3


@dataclass(frozen=True)
class CorpusPlace:
    """Where a corpus' manifest lies, and its files if they have moved since it was indexed."""

    manifest: str = MISSING
    root: str | None = None


def _corpora() -> dict[str, CorpusPlace]:
    """Name where each corpus' manifest lies unless said otherwise."""
    return {get(word).name: CorpusPlace(manifest=str(default_folder(word))) for word in available()}


@dataclass(frozen=True)
class Config:
    """One run's settings."""

    model: Model = field(default_factory=Model)
    train: Train = field(default_factory=Train)
    test: Test = field(default_factory=Test)
    resources: Resources = field(default_factory=Resources)
    corpora: dict[str, CorpusPlace] = field(default_factory=_corpora)
    seeds: tuple[int, ...] = (0,)


def load(overrides: list[str], *, demo: bool) -> Config:
    """Load the paper's settings, the demo's over them if asked for, and the user's over both.

    Args:
        overrides: OmegaConf dot-list, such as `["train.lr=3e-4", "seeds=[0,1]"]`.
        demo: take the demo's profile.

    Raises:
        ProblemError: unknown keys, wrong types and impossible values, all of them.
    """
    config = OmegaConf.structured(Config)
    if demo:
        config = OmegaConf.merge(config, OmegaConf.load(PROFILES / "demo.yaml"))
    problems: list[Problem] = []
    for override in overrides:
        config = _override(config, override, problems)
    missing = sorted(map(str, OmegaConf.missing_keys(config)))
    problems += [_problem(key, "a value", "nothing", f"Give {key}=…") for key in missing]
    if problems:
        raise ProblemError(problems)
    loaded = OmegaConf.to_object(config)
    problems = _impossible(loaded)
    if problems:
        raise ProblemError(problems)
    return loaded


def _override(config: Any, override: str, problems: list[Problem]) -> Any:
    key, equals, _ = override.partition("=")
    if not equals:
        problems.append(_problem(override, "key=value", "no equals sign", "Write for example train.lr=3e-4."))
        return config
    try:
        return OmegaConf.merge(config, OmegaConf.from_dotlist([override]))
    except ConfigKeyError:
        problems.append(_problem("settings", "a known setting", repr(key), _suggest_setting(key)))
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        problems.append(_problem(key, "a value of the right type", reason, "Correct it."))
    return config


def _keys(config: Any, prefix: str = "") -> list[str]:
    keys = []
    for key in config:
        name = f"{prefix}{key}"
        nested = OmegaConf.is_config(OmegaConf.select(config, str(key), throw_on_missing=False))
        keys += _keys(config[key], f"{name}.") if nested and not OmegaConf.is_list(config[key]) else [name]
    return keys


def _suggest_setting(key: str) -> str:
    """Name the nearest setting, and the others of its section; the sections, if it has none."""
    keys = _keys(OmegaConf.structured(Config))
    section = key.partition(".")[0]
    near = [name for name in keys if name.startswith(f"{section}.")]
    return suggest(key, near) if near else suggest(section, {name.partition(".")[0] for name in keys})


_POSITIVE = (
    *(f"train.{name}" for name in ("iterations", "finetune_iterations", "micro_batch", "accumulate", "lr")),
    *(f"train.{name}" for name in ("validate_every", "validation_windows", "checkpoint_every")),
    *("model.bn_momentum", "test.smoothing_sigma"),
    *(f"resources.{name}" for name in ("evaluation_batch", "train.cpu", "evaluate.cpu")),
)
_NOT_NEGATIVE = (
    *("train.weight_decay", "model.fusion_gain"),
    *("resources.loader_workers", "resources.max_failures"),
)
# What the network halves so often that nothing may be left over.
_MULTIPLES = {"model.height": 32, "model.width": 32, "model.clip_length": 8}


def _impossible(config: Config) -> list[Problem]:
    """List values of the right type that cannot work; NaN is none of the numbers asked for."""
    value = {key: attrgetter(key)(config) for key in (*_POSITIVE, *_NOT_NEGATIVE, *_MULTIPLES)}
    wrong = [(key, "more than 0") for key in _POSITIVE if not 0 < value[key] < inf]
    wrong += [(key, "0 or more") for key in _NOT_NEGATIVE if not 0 <= value[key] < inf]
    wrong += [
        (key, f"a multiple of {step}")
        for key, step in _MULTIPLES.items()
        if value[key] <= 0 or value[key] % step
    ]
    if value["model.bn_momentum"] > 1:
        wrong.append(("model.bn_momentum", "at most 1"))
    problems = [_problem(key, expected, str(value[key]), "Correct it.") for key, expected in wrong]
    if not config.seeds or len(set(config.seeds)) < len(config.seeds) or min(config.seeds) < 0:
        found = str(config.seeds)
        problems.append(
            _problem("seeds", "different numbers from 0 on", found, "Write for example seeds=[0,1].")
        )
    return problems


def _problem(where: str, expected: str, found: str, remedy: str) -> Problem:
    return Problem(where, expected, found, remedy)
