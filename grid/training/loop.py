"""One training from its first step to its best weights, whoever runs it: Ray stays outside.

Clips, weights and dropout are keyed by (seed, name, step), never by the order of calls, so a training
that was interrupted goes on exactly as if it had not been.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import distributed

from grid.plan import Read, Row
from grid.results import output_folder
from grid.results.files import explained
from grid.training.feed import Feed
from grid.training.states import tensor_bytes
from hd2s import build_model, load_weights, save_weights
from hd2s.losses import kld
from hd2s.training.execution import Execution
from hd2s.training.iteration import NonFiniteError, Recipe, take_iteration
from hd2s.training.protocol import find_protocol


@dataclass(frozen=True)
class Job:
    """A training and its places (`grid.running.places`). Nothing but `spec` changes its weights.

    Attributes:
        id: the training's id.
        spec: as in `grid.plan.Training`.
        reads: the clips that it reads, and whether with their maps.
        manifests: corpus -> (folder of the manifest, root of the files or None for the manifest's own).
        frames: the folder of decoded frames.
        frames_limit: bytes that they may take; None for no bound.
        weights: the file to write, last and atomically.
        parent: the weights to start from, or None.
        backbone: a state dict to start the backbone from, or None.
        checkpoint_every: iterations between checkpoints.
        loader_workers: processes that read clips.
        threads: of PyTorch, on a processor.
        execution: options of `hd2s.training.execution.Execution`, but for the precision.
    """

    id: str
    spec: Mapping[str, Any]
    reads: tuple[tuple[Read, bool], ...]
    manifests: Mapping[str, tuple[str, str | None]]
    frames: str
    frames_limit: int | None
    weights: str
    parent: str | None
    backbone: str | None
    checkpoint_every: int
    loader_workers: int
    threads: int
    execution: Mapping[str, bool | None]


# A report makes the training wait for whoever listens, so that there are few between validations.
_TELL_S = 10.0
# Of a misfit that PyTorch lists entry by entry.
_TOLD = 200


class Context(Protocol):
    """What a training asks of whoever runs it."""

    device: torch.device
    rank: int

    def latest(self) -> dict[str, Any] | None:
        """Return the state last saved, or None."""

    def report(self, rows: list[Row], state: dict[str, Any] | None) -> None:
        """Take the curve's new rows, and a state to save if there is one. Workers report together."""


@dataclass
class _Progress:
    """What, beside weights and optimiser, an interrupted training must get back."""

    step: int = 0
    seconds: float = 0.0
    resumed: int = 0
    skipped: int = 0
    best_kld: float = float("inf")
    best_step: int = -1
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)
    curve: list[Row] = field(default_factory=list)


class TrainingError(Exception):
    """A training cannot go on; the text says at which step and why."""


def fit(job: Job, context: Context) -> dict[str, Any]:
    """Train, select by the lowest validation KLD (Sect. 4.2), write the best weights; return the summary.

    Raises:
        TrainingError: a loss or the validation is not finite.
    """
    torch.set_num_threads(job.threads)
    fitting = _Fitting(job, context)
    seen, told = len(fitting.progress.curve), time.monotonic()
    alone = job.spec["train"]["world_size"] == 1
    for step in range(fitting.progress.step, fitting.iterations):
        fitting.iterate(step)
        last = step + 1 == fitting.iterations
        if (step + 1) % job.spec["train"]["validate_every"] == 0 or last:
            fitting.validate(step + 1)
        save = (step + 1) % job.checkpoint_every == 0 and not last
        # Several workers report together, so that no clock of one may decide it.
        late = alone and time.monotonic() - told > _TELL_S
        if save or fitting.validated(step + 1) or late:
            context.report(fitting.progress.curve[seen:], fitting.state() if save else None)
            seen, told = len(fitting.progress.curve), time.monotonic()
    return fitting.finish()


class _Fitting:
    """The moving parts of one training on one worker."""

    def __init__(self, job: Job, context: Context) -> None:
        self.job, self.spec, self.context = job, job.spec, context
        self.train = self.spec["train"]
        self.iterations: int = self.train["iterations"]
        self.recipe = Recipe(
            step=self.spec["step"],
            iterations=self.iterations,
            accumulate=self.train["accumulate"] // self.train["world_size"],
            multi_level=self.train["multi_level"],
            lambda_max=self.train["lambda_max"],
            protocol=find_protocol(self.train["protocol"]),
            non_finite=self.train["non_finite"],
        )
        execution = Execution(mixed_precision=self.train["mixed_precision"], **job.execution)
        self.execution = execution.resolve(context.device)
        self.model = self.execution.prepare(self._build().to(context.device))
        self.optimiser = torch.optim.Adam(
            self.model.parameters(), lr=self.train["lr"], weight_decay=self.train["weight_decay"], fused=True
        )
        self.progress = _Progress()
        self._restore(context.latest())
        self._started = time.monotonic() - self.progress.seconds
        self.feed = Feed(
            self.spec,
            job.manifests,
            job.frames,
            job.frames_limit,
            job.loader_workers,
            context.device,
            context.rank,
        )
        self.micro_batches = self.feed.micro_batches(self.progress.step * self.recipe.accumulate)

    def iterate(self, step: int) -> None:
        """Take one optimiser step over the accumulated micro-batches."""
        torch.manual_seed(_key(self.spec["seed"], "dropout", step, self.context.rank))
        try:
            done = take_iteration(
                self.model, self.optimiser, self.recipe, step, self.micro_batches, execution=self.execution
            )
        except NonFiniteError as error:
            raise TrainingError(f"{self.job.id}: {error}") from error
        self.progress.step = step + 1
        self.progress.skipped += done.skipped
        rows = {f"train/{name}": value for name, value in done.terms.items()} | done.accuracies
        if self.spec["unlabelled"]:
            rows["lambda"] = done.grl_lambda
        if self.progress.skipped:
            rows["skipped"] = float(self.progress.skipped)
        self._record(step + 1, rows)

    @torch.inference_mode()
    def validate(self, step: int) -> None:
        """Take the mean KLD of the saliency maps over the validation windows; keep the best weights."""
        self.model.eval()
        # In double precision, so that the shares of several workers add up to what one would find.
        total = torch.zeros(2, dtype=torch.float64, device=self.context.device)
        for batch in self.feed.validation(step):
            with self.execution.autocast(self.context.device):
                prediction = self.model(batch.clips, domain=batch.domain)
            values = kld(prediction.saliency.float(), batch.maps)
            total += torch.stack([values.double().sum(), torch.tensor(float(len(values))).to(total)])
        if self.train["world_size"] > 1:
            distributed.all_reduce(total)
        found = (total[0] / total[1]).item()
        if not torch.tensor(found).isfinite():
            raise TrainingError(f"{self.job.id}: after iteration {step} the validation KLD is {found}")
        self._record(step, {"val/kld": found})
        if found < self.progress.best_kld:
            self.progress.best_kld, self.progress.best_step = found, step
            weights = self.model.state_dict()
            self.progress.best_weights = {name: value.cpu().clone() for name, value in weights.items()}

    def validated(self, step: int) -> bool:
        """Whether the curve's last rows are of a validation at `step`."""
        last = self.progress.curve[-1]
        return last["step"] == step and last["name"] == "val/kld"

    def state(self) -> dict[str, Any]:
        """Return everything needed to go on."""
        self.progress.seconds = time.monotonic() - self._started
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "progress": vars(self.progress),
        }

    def finish(self) -> dict[str, Any]:
        """Write the best weights, and return the summary with the curve in it."""
        progress = self.progress
        self.model.load_state_dict(progress.best_weights)
        if self.context.rank == 0:
            weights = Path(self.job.weights)
            with explained(weights, tensor_bytes(progress.best_weights)):
                save_weights(self.model, weights)
        return {
            "best_kld": progress.best_kld,
            "best_step": progress.best_step,
            "iterations": progress.step,
            "seconds": time.monotonic() - self._started,
            "resumed": progress.resumed,
            "skipped": progress.skipped,
            "curve": progress.curve,
        }

    def _build(self) -> torch.nn.Module:
        options = dict(self.spec["model"])
        options.pop("backbone_weights")
        model = build_model(options.pop("name"), seed=self.spec["seed"], **options)
        for path in (self.job.backbone, self.job.parent):
            if path:
                load_weights(model, Path(path))
        return model

    def _restore(self, state: dict[str, Any] | None) -> None:
        if not state:
            return
        try:
            self.model.load_state_dict(state["model"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.progress = _Progress(**state["progress"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            told = " ".join(str(error).split())[:_TOLD]
            raise TrainingError(
                f"{self.job.id}: its saved states are another model's or another version's ({told} …)."
                f" Delete {output_folder.states(self.job.id)} in the output folder and run again with"
                " --retry-failed: it starts afresh."
            ) from error
        self.progress.resumed += 1

    def _record(self, step: int, values: Mapping[str, float]) -> None:
        self.progress.curve += [
            {"step": step, "name": name, "value": value} for name, value in values.items()
        ]


def _key(*names: int | str) -> int:
    return zlib.crc32("/".join(map(str, names)).encode())
