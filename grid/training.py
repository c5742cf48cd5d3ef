"""One training from its first step to its best weights, whoever runs it: Ray stays outside.

Clips, weights and dropout are keyed by (seed, name, step), never by the order of calls, so a training
that was interrupted goes on exactly as if it had not been.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from datasets.frame_store import FrameStore
from datasets.loading import ClipBatch, training_batches, validation_batches
from datasets.windows import eligible
from grid.events import Row
from hd2s import build_model, load_weights, save_weights
from hd2s.inference import normalise
from hd2s.losses import grl_lambda, kld
from hd2s.steps import STEPS, MicroBatch
from manifests.schema import Clip
from manifests.store import open_manifest


@dataclass(frozen=True)
class Job:
    """A training and the places that it needs. Nothing here but `spec` changes its weights.

    Attributes:
        id: the training's id.
        spec: as in `grid.plan.Training`.
        manifests: corpus -> (folder of the manifest, root of the files or None for the manifest's own).
        frames: the folder of decoded frames.
        weights: the file to write, last and atomically.
        parent: the weights to start from, or None.
        backbone: a state dict to start the backbone from, or None.
        checkpoint_every: iterations between checkpoints.
        loader_workers: processes that read clips.
        threads: of PyTorch, on a processor.
    """

    id: str
    spec: Mapping[str, Any]
    manifests: Mapping[str, tuple[str, str | None]]
    frames: str
    weights: str
    parent: str | None
    backbone: str | None
    checkpoint_every: int
    loader_workers: int
    threads: int


# A report makes the training wait for whoever listens, so that there are few between validations.
_TELL_S = 10.0


class Context(Protocol):
    """What a training asks of whoever runs it."""

    device: torch.device

    def latest(self) -> dict[str, Any] | None:
        """Return the state last saved, or None."""

    def report(self, rows: list[Row], state: dict[str, Any] | None) -> None:
        """Take the curve's new rows, and a state to save if there is one."""


@dataclass
class _Progress:
    """What, beside weights and optimiser, an interrupted training must get back."""

    step: int = 0
    seconds: float = 0.0
    resumed: int = 0
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
    for step in range(fitting.progress.step, fitting.iterations):
        fitting.iterate(step)
        last = step + 1 == fitting.iterations
        if (step + 1) % job.spec["train"]["validate_every"] == 0 or last:
            fitting.validate(step + 1)
        save = (step + 1) % job.checkpoint_every == 0 and not last
        if save or fitting.validated(step + 1) or time.monotonic() - told > _TELL_S:
            context.report(fitting.progress.curve[seen:], fitting.state() if save else None)
            seen, told = len(fitting.progress.curve), time.monotonic()
    return fitting.finish()


class _Fitting:
    """The moving parts of one training."""

    def __init__(self, job: Job, context: Context) -> None:
        self.job, self.spec, self.device = job, job.spec, context.device
        self.train = self.spec["train"]
        self.iterations: int = self.train["iterations"]
        options = dict(self.spec["model"])
        options.pop("backbone_weights")
        self.model = build_model(options.pop("name"), seed=self.spec["seed"], **options)
        for path in (job.backbone, job.parent):
            if path:
                load_weights(self.model, path)
        self.model.to(self.device)
        self.optimiser = torch.optim.Adam(
            self.model.parameters(), lr=self.train["lr"], weight_decay=self.train["weight_decay"], fused=True
        )
        self.progress = _Progress()
        self._restore(context.latest())
        self._started = time.monotonic() - self.progress.seconds
        stores = {name: self._store(name) for name in self._corpora("labelled", "unlabelled", "validation")}
        self.batches = {
            key: [self._batches(stores[name], labelled=key == "labelled") for name in self._corpora(key)]
            for key in ("labelled", "unlabelled")
        }
        (name,) = self._corpora("validation")
        self.validation = stores[name], self._long_enough(stores[name], "val")

    def iterate(self, step: int) -> None:
        """Take one optimiser step over the accumulated micro-batches.

        Their gradients are averaged, as those of one batch of 200 would be (Sect. 4.2). The released code
        sums them, which under Adam changes nothing but the weight of the weight decay.
        """
        torch.manual_seed(_key(self.spec["seed"], "dropout", step))
        self.model.train()
        self.optimiser.zero_grad()
        strength = grl_lambda(step / self.iterations)
        sums: dict[str, torch.Tensor] = {}
        for _ in range(self.train["accumulate"]):
            labelled, unlabelled = self._next("labelled"), self._next("unlabelled")
            for loss, terms in STEPS[self.spec["step"]](self.model, labelled, unlabelled, strength):
                (loss / self.train["accumulate"]).backward()
                for name, term in terms.items():
                    sums[name] = sums.get(name, 0) + term.detach() / self.train["accumulate"]
        rows = {f"train/{name}": value.item() for name, value in sums.items()}
        self._check_finite(step + 1, rows)
        self.optimiser.step()
        self.progress.step = step + 1
        if self.batches["unlabelled"]:
            rows["lambda"] = strength
        self._record(step + 1, rows)

    @torch.inference_mode()
    def validate(self, step: int) -> None:
        """Take the mean KLD of the saliency maps over the validation windows; keep the best weights."""
        self.model.eval()
        values = []
        for batch in self._validation_batches():
            prediction = self.model(normalise(batch.clips.to(self.device)))
            values.append(kld(prediction.saliency, _maps(batch, self.device)))
        found = torch.cat(values).mean().item()
        self._check_finite(step, {"val/kld": found})
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
        save_weights(self.model, self.job.weights)
        return {
            "best_kld": progress.best_kld,
            "best_step": progress.best_step,
            "iterations": progress.step,
            "seconds": time.monotonic() - self._started,
            "resumed": progress.resumed,
            "curve": progress.curve,
        }

    def _restore(self, state: dict[str, Any] | None) -> None:
        if state:
            self.model.load_state_dict(state["model"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.progress = _Progress(**state["progress"])
            self.progress.resumed += 1

    def _corpora(self, *keys: str) -> list[str]:
        return list(dict.fromkeys(entry["corpus"] for key in keys for entry in self.spec[key]))

    def _store(self, name: str) -> FrameStore:
        model = self.spec["model"]
        folder, root = self.job.manifests[name]
        return FrameStore(
            Path(self.job.frames), open_manifest(Path(folder), root), (model["height"], model["width"])
        )

    def _long_enough(self, store: FrameStore, split: str) -> list[Clip]:
        return eligible(store.manifest.clips(split), self.spec["model"]["clip_length"])[0]

    def _batches(self, store: FrameStore, *, labelled: bool) -> Iterator[ClipBatch]:
        return training_batches(
            store,
            self._long_enough(store, "train"),
            T=self.spec["model"]["clip_length"],
            batch=self.train["micro_batch"],
            seed=self.spec["seed"],
            first_step=self.progress.step * self.train["accumulate"],
            last_step=self.iterations * self.train["accumulate"],
            workers=self.job.loader_workers,
            labelled=labelled,
        )

    def _validation_batches(self) -> Iterator[ClipBatch]:
        return validation_batches(
            *self.validation,
            T=self.spec["model"]["clip_length"],
            batch=self.train["micro_batch"],
            per_clip=self.train["validation_windows"],
        )

    def _next(self, key: str) -> list[MicroBatch]:
        found = []
        for batches in self.batches[key]:
            batch = next(batches)
            maps = _maps(batch, self.device) if key == "labelled" else None
            found.append(MicroBatch(normalise(batch.clips.to(self.device)), maps))
        return found

    def _record(self, step: int, values: Mapping[str, float]) -> None:
        self.progress.curve += [
            {"step": step, "name": name, "value": value} for name, value in values.items()
        ]

    def _check_finite(self, step: int, values: Mapping[str, float]) -> None:
        wrong = {name: value for name, value in values.items() if not torch.tensor(value).isfinite()}
        if wrong:
            raise TrainingError(f"{self.job.id}: at step {step} not finite: {wrong}")


def _maps(batch: ClipBatch, device: torch.device) -> torch.Tensor:
    return batch.maps.to(device).float() / 255


def _key(*names: int | str) -> int:
    return zlib.crc32("/".join(map(str, names)).encode())
