"""Everything a user can set, with the paper's values as defaults (Sect. 4.2) and the demo's beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import MISSING, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException
from yaml import YAMLError

from datasets.corpora.registry import available, default_folder, get
from grid.specs.settings_checks import impossible
from manifests.problem import Problem, ProblemError, suggest

PROFILES = Path(__file__).parent / "profiles"


@dataclass(frozen=True)
class Model:
    """The network's input and the options that its papers leave open."""

    clip_length: int = 16
    height: int = 128
    width: int = 192
    # The levels whose conspicuity maps are decoded, the shallowest first (Sect. 5, Tables 3 and 4).
    conspicuity: tuple[int, ...] = (1, 2, 3, 4)
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
    # The learning rate of a training that starts from another's weights; null: `lr`.
    finetune_lr: float | None = None
    micro_batch: int = 8
    accumulate: int = 25
    lr: float = 1e-3
    weight_decay: float = 2e-7
    # Whether each conspicuity map is supervised as well as the output (Eq. 1; Table 3's last row).
    multi_level: bool = True
    # Where λ of Eq. 4 ends; the paper's 1 gives gradient reversal its full strength.
    lambda_max: float = 1.0
    # Selection: the lowest KLD of the saliency map on the validation split, looked at this often.
    validate_every: int = 100
    validation_windows: int = 4
    # What the released code does otherwise than the paper says (hd2s.training.protocol): paper or released.
    protocol: str = "paper"
    # A micro-batch whose loss is not finite: stop the training, or skip it and count it.
    non_finite: str = "stop"
    # bfloat16 in forward passes, for which GPUs are built; a processor needs false. Never left to the device:
    # it changes numbers, so that one id would stand for two results.
    mixed_precision: bool = True
    # Workers that one training is spread over; `accumulate` counts the micro-batches of all of them.
    world_size: int = 1
    # Iterations between two checkpoints from which an interrupted training goes on.
    checkpoint_every: int = 100


@dataclass(frozen=True)
class Test:
    """Evaluation of every frame (Sect. 3.1)."""

    # Whose way of predicting the first frames and of smoothing (hd2s.prediction.predictor): paper or
    # released.
    protocol: str = "paper"
    # Of the final Gaussian, in pixels at the model's input size; null: the protocol's, 5 in the paper. What a
    # model has learnt to smooth for itself is left as it is.
    smoothing_sigma: float | None = None
    # Predictions become 8-bit images before they are scored, as those sent to the benchmark.
    eight_bit: bool = True
    # float32 or bfloat16.
    precision: str = "float32"


@dataclass(frozen=True)
class Unit:
    """What one training, or one evaluation, takes of the machine. `gpu: -1` means one where there are any."""

    cpu: float = 1.0
    gpu: float = -1.0
    memory_gib: float = 4.0


@dataclass(frozen=True)
class Execution:
    """How a model is run (hd2s.training.execution); null leaves it to the device. No result depends on it."""

    channels_last: bool | None = None
    compile: bool | None = None
    checkpointing: bool | None = None


@dataclass(frozen=True)
class Resources:
    """Shares of the machine; none of these changes a number, only its time."""

    train: Unit = field(default_factory=lambda: Unit(cpu=4.0, memory_gib=16.0))
    evaluate: Unit = field(default_factory=lambda: Unit(cpu=2.0, memory_gib=8.0))
    execution: Execution = field(default_factory=Execution)
    # Processes that read clips for one training; 0 reads in the training's own process.
    loader_workers: int = 2
    # Frames predicted at once in evaluation; null: 16 on a processor, where more gain nothing, 32 on a GPU.
    evaluation_batch: int | None = None
    # Times that Ray restarts a training's worker from its last checkpoint.
    max_failures: int = 3


@dataclass(frozen=True)
class Frames:
    """Where decoded frames are kept, for all grids, and how much of the disk they may take."""

    # Empty: frames/ in the output folder. A fast local disk is best.
    folder: str = ""
    limit_gib: float | None = None


@dataclass(frozen=True)
class Storage:
    """Where results, checkpoints and states are, for machines that share no folder; changes no result."""

    # Empty: the output folder, on one machine or on a disk that all machines share. Else what pyarrow takes:
    # s3://bucket/folder or file:///folder; the output folder then holds copies of the results.
    url: str = ""


@dataclass(frozen=True)
class Tables:
    """What the compiled tables show; changes no result."""

    # Beside our values: the paper's number and the difference from it, the difference alone, or nothing.
    paper: str = "beside"


@dataclass(frozen=True)
class Tracking:
    """What goes to MLflow beside numbers; changes no result."""

    # Each training's best weights as a model that mlflow.pyfunc loads: by reference to the checkpoint, which
    # takes 4 MB (code and example), as a copy, which takes 120 to 160 MB more, or none.
    models: str = "reference"


@dataclass(frozen=True)
class CorpusPlace:
    """Where a corpus' manifest lies, and its files (a folder or a url) if they have moved since."""

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
    frames: Frames = field(default_factory=Frames)
    storage: Storage = field(default_factory=Storage)
    tables: Tables = field(default_factory=Tables)
    tracking: Tracking = field(default_factory=Tracking)
    corpora: dict[str, CorpusPlace] = field(default_factory=_corpora)
    # In place of the seeds that a grid's own file gives.
    seeds: tuple[int, ...] | None = None


def load(overrides: list[str], *, demo: bool) -> Config:
    """Load the paper's settings, the demo's over them if asked for, and the user's over both.

    Args:
        overrides: OmegaConf dot-list, such as `["train.lr=3e-4", "seeds=[0,1]"]`.
        demo: take the demo's profile.

    Raises:
        ProblemError: unknown keys, wrong types and impossible values, all of them.
    """
    found = read(overrides, demo=demo)
    if found.problems:
        raise ProblemError(found.problems)
    return found.config


class Reading(NamedTuple):
    """Settings as far as they can be read, the overrides that they come from, and what is wrong."""

    config: Config
    overrides: list[str]
    problems: list[Problem]


def read(overrides: list[str], *, demo: bool) -> Reading:
    """Read what can be read of the settings; see `load`.

    Where there are problems, the settings are for finding the others: in the grid and in the data it needs.
    """
    start = config = OmegaConf.structured(Config)
    if demo:
        start = config = OmegaConf.merge(config, OmegaConf.load(PROFILES / "demo.yaml"))
    problems: list[Problem] = []
    taken: list[str] = []
    for override in overrides:
        before = len(problems)
        config = _override(config, override, problems)
        taken += [override] if len(problems) == before else []
    if missing := sorted(map(str, OmegaConf.missing_keys(config))):
        problems += [Problem(key, "a value", "nothing", f"Give {key}=…") for key in missing]
        whole = [item for item in taken if not OmegaConf.missing_keys(_override(start, item, []))]
        rest = read(whole if len(whole) < len(taken) else [], demo=demo)
        return rest._replace(problems=[*problems, *rest.problems])
    found = OmegaConf.to_object(config)
    return Reading(found, taken, [*problems, *impossible(found)])


def configure(overrides: list[str], under: Sequence[str], over: Sequence[str], *, demo: bool) -> Config:
    """Load the settings with a table's own under the user's, and those of one of its rows over them."""
    return load([*under, *overrides, *over], demo=demo)


def _override(config: Any, override: str, problems: list[Problem]) -> Any:
    key, equals, _ = override.partition("=")
    if not equals:
        problems.append(Problem(override, "key=value", "no equals sign", "Write for example train.lr=3e-4."))
        return config
    try:
        merged = OmegaConf.merge(config, OmegaConf.from_dotlist([override]))
        # A reference that leads nowhere is found by following it.
        OmegaConf.to_container(merged, resolve=True)
        return merged
    except ConfigKeyError:
        problems.append(Problem("settings", "a known setting", repr(key), _suggest_setting(key)))
    except (OmegaConfBaseException, YAMLError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        problems.append(Problem(key, "a value of the right type", reason, "Correct it."))
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
