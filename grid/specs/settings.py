"""Everything a user can set, with the papers' values as defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from datasets.corpora.registry import available, default_folder, get, indexed
from datasets.resizing import DEFAULT_RESIZING
from grid.specs.tables.early_stopping import SweepSettings
from grid.specs.tables.shown import Tables
from hd2s.models.config import ModelConfig
from hd2s.models.registry import find_model
from hd2s.models.tested import AsTested

DEFAULT_MODEL = "hd2s"
"""The model of a grid that names none."""
OF_APPROACHES = ("domains",)
"""The field of configurations that is an approach's to give: the corpora that have layers of their own."""


@dataclass(frozen=True)
class ModelSettings:
    """Which model, shaped how, and what it starts from.

    Attributes:
        word: the model's.
        options: the settings `model.*`, those of its configuration. Some may mean nothing before an approach
            has added what is its own to give, such as the domains that have layers of their own.
        backbone_weights: a file that the model can start from, as its paper does, or "none" to start from
            scratch. Empty: not said, which is no answer where a model can start from one.
    """

    word: str
    options: Mapping[str, Any] = field(default_factory=dict)
    backbone_weights: str = ""

    @property
    def config(self) -> ModelConfig:
        """Its configuration without what an approach adds."""
        return find_model(self.word).model.config(**self.options)


@dataclass(frozen=True)
class Train:
    """Optimisation, by default HD2S's (Sect. 4.2): batches of 200 as 25 micro-batches of 8, 2,500 times.

    What a model's own paper does is laid over it (`hd2s.models.contract.Model.settings`).
    """

    iterations: int = 2500
    # The paper gives one number of iterations, so fine-tuning in transfer learning has it too.
    finetune_iterations: int = 2500
    # The learning rate of a training that starts from another's weights; null: `lr`.
    finetune_lr: float | None = None
    # Of so many micro-batches as the sources' clips fill; those of several sources come in a drawn order.
    # `iterations`, `finetune_iterations`, `lr_period`, `validate_every` follow from it; null: as these say.
    epochs: int | None = None
    micro_batch: int = 8
    # The same of photographs; null: as many.
    photograph_batch: int | None = None
    accumulate: int = 25
    # adam, adamw (the decay off the weights, not in the gradient) or sgd, and the momentum of the latter.
    optimiser: str = "adam"
    momentum: float = 0.0
    lr: float = 1e-3
    weight_decay: float = 2e-7
    # How the learning rate falls: steps, or cosine, along half of one to nothing after the last iteration.
    lr_curve: str = "steps"
    # In steps it is multiplied by `lr_decay` after each of these iterations, and every so many.
    lr_decay: float = 1.0
    lr_milestones: tuple[int, ...] = ()
    lr_period: int = 0
    # In so many iterations it first rises, by the same amount each.
    lr_warmup: int = 0
    # The largest norm of all gradients together; null: any.
    clip_gradient: float | None = None
    # Whether a model's auxiliary maps are supervised as well as the output (HD2S Eq. 1; Table 3's last row).
    multi_level: bool = True
    # Where the strength of an alignment ends; HD2S's 1 gives gradient reversal its full λ (Eq. 4).
    lambda_max: float = 1.0
    # Selection: the lowest KLD of the saliency map on the validation split, looked at this often.
    validate_every: int = 100
    # Null: the paper's way (first version, Sect. 4.2), every frame by sliding window, and the mean over clips
    # of their means. A number of windows a clip saves time, and may select other weights.
    validation_windows: int | None = None
    # Where these stand: "spread" evenly over the clip, or as in UNISAL's "released" code
    # (datasets.loading.windows).
    validation_starts: str = "spread"
    # Which loss is to be the lowest: the map's "kld", or that of "training", all terms of it, of windows.
    validation_loss: str = "kld"
    # Whose validation split that is, where it is a source; else, and where none is named, the first source's.
    validation_source: str = ""
    # So many validations at the beginning choose no weights, unless there are no others.
    validation_from: int = 0
    # paper, or released: what the released code does otherwise, which is settings of their own, those that
    # follow down to `pretrained` and others. What is asked for beside goes before it.
    protocol: str = "paper"
    # Of the micro-batches of an iteration: their mean, or their sum (hd2s.approaches.protocol).
    gradients: str = "mean"
    # When λ is renewed, every iteration or micro-batch, and whether adaptation supervises all maps.
    lambda_every: str = "iteration"
    adversarial_multi_level: bool = True
    # By which rule frames and maps come to the input's size (datasets.resizing).
    resizing: str = DEFAULT_RESIZING
    # Whose way of predicting validation clips, and of resizing them: a protocol of tests.
    validation_protocol: str = "paper"
    # All validation clips, so that validations can be compared (HD2S Sect. 4.2: the lowest loss selects), or
    # a random half, anew each time, which may select for easy clips.
    validation_clips: str = "all"
    # The weights that are kept: of the lowest validation loss, or of the last iteration, which alone is
    # validated then.
    selection: str = "validation"
    # Which clips are validated and trained on: those of each corpus' own lists, or those of the released
    # code's where a model has some of its own (`Model.held_out`). Folds of a table go before.
    splits: str = "corpus"
    # What is seen without its maps: the training clips, or also those held out of them for validation.
    unlabelled_clips: str = "train"
    # Of models that are trained with fixations, at their size: all "kept", or those at the "nearest" pixel,
    # as UNISAL's released code resizes their images, which loses most of them.
    fixations: str = "kept"
    # Each window's clip is drawn "anew", or all are taken in "passes"; and whether half are mirrored.
    sampling: str = "anew"
    mirrored: bool = True
    # Whether it starts from `model.backbone_weights`.
    pretrained: bool = True
    # A micro-batch whose loss is not finite: stop the training, or skip it and count it.
    non_finite: str = "stop"
    # bfloat16 in forward passes, for which GPUs are built; a processor needs false. Never left to the device:
    # it changes numbers, so that one id would stand for two results. What PyTorch calls float32 has TF32 in a
    # GPU's convolutions.
    mixed_precision: bool = True
    # Threads of PyTorch on a processor, whatever share of the machine it has: they change the last digits of
    # sums, and with these a training.
    threads: int = 1
    # Workers that one training is spread over; `accumulate` counts the micro-batches of all of them.
    world_size: int = 1
    # Iterations between two checkpoints from which an interrupted training goes on.
    checkpoint_every: int = 100

    def batch_of(self, photographs: bool) -> int:
        """Return how many of a corpus' clips make a micro-batch, if these are photographs or if not."""
        return self.photograph_batch if photographs and self.photograph_batch else self.micro_batch


@dataclass(frozen=True)
class Test:
    """Evaluation of every frame (Sect. 3.1)."""

    # Whose way of predicting, paper or released (hd2s.models.contract.PredictionProtocol): that of smoothing,
    # and the settings that follow. What is asked for beside goes before it.
    protocol: str = "paper"
    # What stands in for the frames before a clip: the window that follows, "time reversed" or "colours
    # reversed"; and for those after a clip shorter than 2T - 1: it is "reflected" or "looped", or its "last
    # window" answers all frames that would need some.
    head: str = "time reversed"
    short_clips: str = "reflected"
    # Round down to 8 bits before the final Gaussian; and the finished map, instead of to the nearest.
    quantise: bool = False
    truncate: bool = False
    # By which rule frames come to the input's size (datasets.resizing).
    resizing: str = DEFAULT_RESIZING
    # Of the final Gaussian, in pixels at the model's input size; null: the protocol's. What a model has
    # learnt to smooth for itself is left as it is.
    smoothing_sigma: float | None = None
    # Predictions become 8-bit images before they are scored, as those sent to the benchmark.
    eight_bit: bool = True
    # float32 or bfloat16.
    precision: str = "float32"
    # Threads of PyTorch on a processor, as in training; frames are scored by as many as its share has cores.
    threads: int = 1
    # Test clips of fewer frames are left out. HD2S's tables say 16 (first version, Sect. 4.1), which leaves
    # 2,373 of Hollywood2's 3,558 test clips. Photographs stay, however long a model is shown them.
    min_frames: int = 1

    @property
    def tested(self) -> AsTested:
        """The same as checkpoints and models in MLflow carry it."""
        said = {name: getattr(self, name) for name in ("head", "quantise", "short_clips", "truncate")}
        return AsTested(
            self.protocol, self.precision, self.smoothing_sigma, self.eight_bit, self.resizing, **said
        )


@dataclass(frozen=True)
class Unit:
    """What one training, or one evaluation, takes of the machine; `gpu` under 0: so much if there are any."""

    cpu: float = 1.0
    gpu: float = -1.0
    memory_gib: float = 4.0


@dataclass(frozen=True)
class Execution:
    """How a model is run (hd2s.training.execution); null leaves it to the device. No result depends on it."""

    channels_last: bool | None = None
    compile: bool | None = None
    checkpointing: bool | None = None
    capture: bool | None = None


@dataclass(frozen=True)
class Resources:
    """Shares of the machine; none of these changes a number, only its time.

    But for rounding: how many frames are predicted at once changes the last digits, so results say it.
    """

    train: Unit = field(default_factory=lambda: Unit(cpu=4.0, memory_gib=16.0))
    # One process that decodes, reads and scores leaves a GPU waiting: four share it.
    evaluate: Unit = field(default_factory=lambda: Unit(cpu=2.0, gpu=-0.25, memory_gib=8.0))
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
class Figures:
    """What figures show; changes no result."""

    # Frames of test clips that models are shown on, CLIP:NUMBER counted from 1; empty: chosen by rule.
    frames: tuple[str, ...] = ()


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
    """Name where each corpus' manifest lies unless said otherwise: of one's own, if it is indexed."""
    folders = {get(word).name: default_folder(word) for word in available()} | indexed()
    return {name: CorpusPlace(manifest=str(folder)) for name, folder in folders.items()}


@dataclass(frozen=True)
class Config:
    """One run's settings, with one of its models."""

    model: ModelSettings
    # Approach -> its own settings, those of `approach.<word>.*`.
    approach: Mapping[str, Any] = field(default_factory=dict)
    train: Train = field(default_factory=Train)
    test: Test = field(default_factory=Test)
    sweep: SweepSettings = field(default_factory=SweepSettings)
    resources: Resources = field(default_factory=Resources)
    frames: Frames = field(default_factory=Frames)
    storage: Storage = field(default_factory=Storage)
    tables: Tables = field(default_factory=Tables)
    figures: Figures = field(default_factory=Figures)
    tracking: Tracking = field(default_factory=Tracking)
    corpora: dict[str, CorpusPlace] = field(default_factory=_corpora)
    # In place of the seeds that a grid's own file gives.
    seeds: tuple[int, ...] | None = None
    # In place of the selection that a grid's own file gives: a word or several (grid.specs.table.SELECTIONS).
    select: Any = None
    # Folders of models, approaches, corpora and metrics of one's own (`grid.specs.plugins`).
    plugins: tuple[str, ...] = ()
