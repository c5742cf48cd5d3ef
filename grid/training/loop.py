"""One training from its first step to its best weights, whoever runs it: Ray stays outside.

Clips, weights and dropout are keyed by (seed, name, step), never by the order of calls, so a training
that was interrupted goes on exactly as if it had not been.
"""

from __future__ import annotations

import logging
import math
import time
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch

from grid.plan import CorpusDigest, Row, Validated, validated
from grid.results import output_folder
from grid.results.files import explained
from grid.results.provenance import computed, device_name
from grid.results.sources import code_of
from grid.training.energy import EnergyMeter
from grid.training.feed import Feed
from grid.training.job import Job
from grid.training.progress import Progress, Weights
from grid.training.recipe import optimiser_options, recipe_of
from grid.training.starting import starting_model
from grid.training.states import tensor_bytes
from grid.training.validation import Validation
from hd2s import save_weights
from hd2s.approaches.contract import Learner, LearnerOptions
from hd2s.models.contract import SaliencyModel
from hd2s.prediction.processor import use_processor
from hd2s.training.captured import CapturedPasses
from hd2s.training.iteration import NoGradientError, NonFiniteError, take_iteration
from hd2s.training.optimiser import Optimiser
from hd2s.weights.origin import origin_of

# A report makes the training wait for whoever listens, so that there are few between validations.
_SECONDS_BETWEEN_REPORTS = 10.0
# Of a misfit that PyTorch lists entry by entry.
_ERROR_EXCERPT_CHARACTERS = 200

_LOG = logging.getLogger(__name__)


class Context(Protocol):
    """What a training asks of whoever runs it."""

    device: torch.device
    rank: int

    def latest(self) -> dict[str, Any] | None:
        """Return the state last saved, or None."""

    def asked_to_stop(self) -> bool:
        """Whether a state is wanted now, because the training will soon be ended; it is said once."""

    def stopped(self) -> bool:
        """Whether the training is to end as hopeless; several workers ask together."""

    def report(self, rows: list[Row], state: dict[str, Any] | None) -> None:
        """Take the curve's new rows, and a state to save if there is one. Workers report together."""


class TrainingError(Exception):
    """A training cannot go on; the text says at which step and why."""


def fit(job: Job, context: Context) -> dict[str, Any]:
    """Train, select by the lowest validation loss (Sect. 4.2), write the best weights; return the summary.

    What else is to choose (`Job.kept`) has its own weights written beside, from the same iterations.
    With `train.selection=last` the last weights are kept, the only ones that are validated.

    A model without weights is fitted to its sources' maps at once, in no iteration.
    One stopped early saves a state and returns `stopped` alone, the iterations taken.

    Raises:
        TrainingError: a loss or the validation is not finite, or no loss leads back to any weights.
    """
    use_processor(job.spec.train.threads)
    fitting = _Fitting(job, context)
    if not fitting.iterations:
        fitting.fit_at_once()
        context.report(fitting.progress.curve, None)
        return fitting.finish()
    seen, told = len(fitting.progress.curve), time.monotonic()
    alone = job.spec.train.world_size == 1
    for step in range(fitting.progress.step, fitting.iterations):
        fitting.iterate(step)
        last = step + 1 == fitting.iterations
        if last or (fitting.selects and (step + 1) % job.spec.train.validate_every == 0):
            fitting.validate(step + 1)
        # Several workers report together, so that no clock of one may decide it, nor when it looks.
        stop = alone and context.asked_to_stop()
        asks = job.may_stop and not last and (alone or fitting.validated(step + 1))
        over = asks and context.stopped()
        save = (over or stop or (step + 1) % job.checkpoint_every == 0) and not last
        late = alone and time.monotonic() - told > _SECONDS_BETWEEN_REPORTS
        if save or fitting.validated(step + 1) or late:
            context.report(fitting.progress.curve[seen:], fitting.state() if save else None)
            seen, told = len(fitting.progress.curve), time.monotonic()
        if over:
            return {"stopped": step + 1}
    return fitting.finish()


class _Fitting:
    """The moving parts of one training on one worker."""

    def __init__(self, job: Job, context: Context) -> None:
        self.job, self.spec, self.context = job, job.spec, context
        self.train, approach = self.spec.train, self.spec.approach.declaration
        self.selects = self.train.selection == "validation"
        self.iterations = self.train.iterations if self.spec.model.declaration.trains else 0
        self.recipe = recipe_of(self.spec, context.rank)
        execution = replace(
            job.execution, mixed_precision=self.train.mixed_precision and bool(self.iterations)
        )
        self.execution = execution.resolve(context.device)
        options = LearnerOptions(
            seed=self.spec.seed,
            auxiliary=self.train.multi_level,
            strength=self.train.lambda_max,
            protocol=self.recipe.protocol,
            settings=self.spec.approach.settings,
        )
        model = self.execution.prepare(starting_model(job))
        # What a learner draws beside the model is not to depend on what this process did before.
        torch.manual_seed(_key(self.spec.seed, "learner"))
        self.learner: Learner = approach.learner(model, options).to(context.device)
        self.captured = CapturedPasses.of(self.learner, self.execution)
        self.optimiser = Optimiser(self.learner, optimiser_options(self.train))
        parent = origin_of(job.parent).digest if job.parent else ""
        self.progress = Progress.beginning(job.kept, parent)
        self._restore(context.latest())
        self.progress.goes_on_with(code_of(job.modules), computed(context.device, self.train.threads))
        self._started = time.monotonic() - self.progress.seconds
        self._energy = EnergyMeter(context.device, self.progress.joules)
        self.feed = Feed(job, self.learner.model, context.device, context.rank)
        self.validation = Validation(self.feed, self.execution)
        self.micro_batches = self.feed.micro_batches(self.progress.step)

    def iterate(self, step: int) -> None:
        """Take one optimiser step over the accumulated micro-batches."""
        torch.manual_seed(_key(self.spec.seed, "dropout", step, self.context.rank))
        try:
            done = take_iteration(
                self.learner,
                self.optimiser,
                self.recipe,
                step,
                self.micro_batches,
                execution=self.execution,
                captured=self.captured,
            )
        except (NonFiniteError, NoGradientError) as error:
            raise TrainingError(f"{self.job.id}: {error}") from error
        self.progress.step = step + 1
        self.progress.skipped += done.skipped
        rows = {f"train/{name}": value for name, value in done.terms.items()} | done.watched
        if self.progress.skipped:
            rows["skipped"] = float(self.progress.skipped)
        self.progress.record(step + 1, rows)

    def fit_at_once(self) -> None:
        """Fit a model without weights to its sources' training maps."""
        self.learner.model.fit(maps.to(self.context.device) for maps in self.feed.maps())
        self.validate(0)

    @torch.inference_mode()
    def validate(self, step: int) -> None:
        """Take the mean KLD of the saliency maps on every validation split; keep the best weights."""
        began, own = time.monotonic(), self.spec.validation
        models = {word: model.eval() for word, model in self._models().items()}
        # The training's own comes last in the curve, by which its end is known.
        pairs = validated(own, self.job.kept)[::-1]
        losses = {
            (model, split): self.validation.losses(models[model], split.corpus, step)
            for model, split in pairs
        }
        for pair, found in losses.items():
            if not all(map(math.isfinite, found)):
                where = " ".join(filter(None, (pair[0], "on", pair[1].corpus)))
                told = f"after iteration {step} the validation KLD {where} is {found.kld}"
                raise TrainingError(f"{self.job.id}: {told}")
        self.progress.validation_seconds += time.monotonic() - began
        curves = {_curve_of(pair, own): loss.kld for pair, loss in losses.items()}
        if self.train.validation_loss != "kld":
            # Before those of the KLD, of which the last tells the curve's end.
            curves = {_curve_of(pair, own, "loss"): loss.selecting for pair, loss in losses.items()} | curves
        self.progress.record(step, self.validation.sigmas(models[""]) | curves)
        self.learner.after_validation(losses["", own].selecting)
        self.progress.choose(
            models,
            losses,
            own,
            self.job.kept,
            step=step,
            last=step == self.iterations,
            chooses=step > self.train.validation_from * self.train.validate_every,
            always=self.spec.approach.declaration.keeps == "last",
        )

    def _models(self) -> dict[str, SaliencyModel]:
        """Return the models of which weights may last, by their words, the result under ""."""
        return {"": self.learner.result(), **self.learner.further()}

    def validated(self, step: int) -> bool:
        """Whether the curve's last rows are of a validation at `step`."""
        # Nothing stands there yet of a learner that names no terms.
        return any((row["step"], row["name"]) == (step, "val/kld") for row in self.progress.curve[-1:])

    def state(self) -> dict[str, Any]:
        """Return everything needed to go on."""
        self.progress.seconds = time.monotonic() - self._started
        self.progress.joules = self._energy.joules()
        return {
            "learner": self.learner.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "progress": vars(self.progress),
        }

    def finish(self) -> dict[str, Any]:
        """Write the weights that were chosen, and return the summary with the curve in it."""
        progress, seconds = self.progress, time.monotonic() - self._started
        joules, models = self._energy.joules(), self._models()
        digests = {
            each.name: self._write(Path(place), models[each.model], progress.kept[each.name]["weights"])
            for each, place in self.job.kept.items()
        }
        digest = self._write(Path(self.job.weights), models[""], progress.best_weights)
        kept = {
            name: {**{key: each[key] for key in ("kld", "step")}, "weights": digests.get(name, "")}
            for name, each in progress.kept.items()
        }
        return {
            "best_kld": progress.best_kld,
            "best_step": progress.best_step,
            "iterations": progress.step,
            "seconds": seconds,
            **({"joules": joules} if joules else {}),
            # Of these seconds, what went into selecting weights.
            "validation_share": progress.validation_seconds / seconds,
            "device": device_name(self.context.device),
            "resumed": progress.resumed,
            "resumed_at": progress.resumed_at,
            "skipped": progress.skipped,
            "curve": progress.curve,
            "code": progress.code,
            "kept": kept,
            "weights": digest,
            **({"parent": progress.parent} if progress.parent else {}),
            "computed": progress.computed,
        }

    def _write(self, place: Path, model: SaliencyModel, weights: Weights) -> str:
        """Write weights; return their digest, which the first worker alone knows."""
        model.load_state_dict(weights)
        if self.context.rank:
            return ""
        with explained(place, tensor_bytes(weights)):
            return save_weights(model, place, self.spec.approach.name, self.job.tested, self.job.id)

    def _restore(self, state: dict[str, Any] | None) -> None:
        if not state:
            return
        begun, asked = state.get("progress", {}).get("kept", {}), self.progress.kept
        if asked.keys() - begun.keys():
            # Of the iterations behind it nobody knows what the others would have chosen.
            _LOG.warning("%s starts afresh: it was begun without %s", self.job.id, ", ".join(asked))
            return
        try:
            self.learner.load_state_dict(state["learner"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.progress = Progress(**state["progress"])
            self.progress.kept = {name: self.progress.kept[name] for name in asked}
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            told = " ".join(str(error).split())[:_ERROR_EXCERPT_CHARACTERS]
            raise TrainingError(
                f"{self.job.id}: its saved states are another model's or another version's ({told} …)."
                f" Delete {output_folder.states(self.job.id)} in the output folder and run again with"
                " --retry-failed: it starts afresh."
            ) from error
        self.progress.resumed += 1
        self.progress.resumed_at.append(self.progress.step)


def _curve_of(pair: Validated, own: CorpusDigest, loss: str = "kld") -> str:
    """Name the curve of what is validated: of which model, and on which corpus if not the training's own."""
    model, split = pair
    return "/".join(filter(None, (f"val/{loss}", model, split.corpus if split != own else "")))


def _key(*names: int | str) -> int:
    return zlib.crc32("/".join(map(str, names)).encode())
