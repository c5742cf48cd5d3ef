"""Gradients on the device against the processor's, and trainings that go on as if not interrupted."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch, Progress
from hd2s.approaches.declaration import PLAIN_SUPERVISION, Approach
from hd2s.approaches.learners.adaptation import AdversarialLearner
from hd2s.approaches.registry import approaches
from hd2s.models.declaration import Model
from hd2s.training.captured import CapturedPasses
from hd2s.training.execution import Execution
from hd2s.training.iteration import Recipe, take_iteration
from hd2s.training.optimiser import Optimiser, OptimiserOptions
from tests.gpu.report import Row
from tests.gpu.subjects import SOURCE, TARGET, Bench, batch_of, fixed, without_dropout

LIMITS = {"found": 1e-4, "output": 1e-4, "terms": 5e-2}
"""Of the largest gradient, of the largest value of the maps, and of the losses, whose rounding grows through
batch norms with the statistics of a small batch. Where a value is further off, as much is allowed as weights
that are rounded once more move it: next to a kink or an eigenvalue's cut that is no fault of a device."""
ROUNDINGS, MARGIN = 3, 4
OF_OPTIMISER = {"optimiser": "kind", "lr": "lr", "weight_decay": "weight_decay", "momentum": "momentum"}


@dataclass(frozen=True)
class Variant:
    """A model as an approach trains it.

    Attributes:
        model: which.
        approach: the first of those that train it so.
        options: of the configuration, beside the size.
        title: all of those.
    """

    model: Model
    approach: Approach
    options: Mapping[str, Any]
    title: str

    @property
    def capturable(self) -> bool:
        """Whether it may be recorded as a CUDA graph."""
        built = fixed(self.model.word, True, **self.options)
        return self.approach.learner.loaded.capturable and built.capturable

    def learner(self, bench: Bench) -> Learner:
        """Return it on the processor, with the fixed weights."""
        model = copy.deepcopy(fixed(self.model.word, bench.tiny, **self.options))
        return self.approach.learner(model, LearnerOptions())

    def drawn(self, learner: Learner, batch: int, seed: int) -> tuple[list[MicroBatch], list[MicroBatch]]:
        """Return the micro-batches that its losses take, alike for one seed, where the learner is."""
        labelled = batch_of(learner.model, batch, SOURCE, seed=seed)
        unlabelled = batch_of(learner.model, batch, TARGET, seed=seed + 100, labelled=False)
        return [labelled], [unlabelled] if self.approach.unlabelled((SOURCE,), TARGET) else []


def variants(model: Model, bench: Bench) -> list[Variant]:
    """Return a model with each approach whose needs it meets, once where several train it alike.

    Approaches are no model's: all are checked with the first alone, other models with supervision and
    gradient reversal.
    """
    found: dict[tuple[object, ...], Variant] = {}
    for approach in approaches().values():
        config = fixed(model.word, bench.tiny).config
        # One that follows no gradient has none to compare.
        if not approach.trains or approach.iterations or approach.lacking(model, config):
            continue
        if bench.approaches and approach.word not in bench.approaches:
            continue
        plain = approach.learner.loaded in (Learner, AdversarialLearner)
        if model.word != bench.models[0].word and not plain:
            continue
        sources = (SOURCE, TARGET) if approach.pools else (SOURCE,)
        options = {name: tuple(value) for name, value in approach.options(sources).items()}
        key = approach.learner, bool(approach.unlabelled((SOURCE,), TARGET)), *options.items()
        known = found.get(key)
        title = f"{known.title}, {approach.word}" if known else approach.word
        found[key] = Variant(model, known.approach if known else approach, options, title)
    return sorted(found.values(), key=lambda it: (it.approach.learner != PLAIN_SUPERVISION, bool(it.options)))


@dataclass(frozen=True)
class Outcome:
    """What a learner makes of its micro-batches, float64 on the processor.

    Attributes:
        maps: of the labelled clips.
        terms: of the losses, with the batches' own statistics in batch norms, as a training has them.
        gradients: of the parameters by name, with the statistics that batch norms hold: through those of a
            small batch rounding grows to the size of the gradients themselves, on any device.
    """

    maps: Tensor
    terms: Tensor
    gradients: dict[str, Tensor]

    @property
    def largest(self) -> float:
        """The largest gradient."""
        return max(gradient.abs().max().item() for gradient in self.gradients.values())


def gradients(bench: Bench, variant: Variant) -> Row:
    """Compare maps and gradients in float32 with float64's, small ones with the processor's."""
    batch, reference = 2, torch.device("cpu") if bench.tiny else bench.device
    exact = outcome(variant.learner(bench).double().to(reference), variant, batch)
    devices = apart(outcome(variant.learner(bench).to(bench.device), variant, batch), exact)
    processors = devices
    if bench.gpu and bench.tiny:
        processors = apart(outcome(variant.learner(bench), variant, batch), exact)
    limits = LIMITS
    if not within(devices, limits):
        learners = (rounded(variant, bench, seed).to(reference) for seed in range(ROUNDINGS))
        moved = [apart(outcome(learner, variant, batch), exact) for learner in learners]
        limits = {name: max(limit, *(MARGIN * row[name] for row in moved)) for name, limit in LIMITS.items()}
    return {
        **devices,
        "processor's": processors["found"],
        "limit": limits["found"],
        "ok": within(devices, limits),
    }


def within(row: Row, limits: Mapping[str, float]) -> bool:
    """Return whether no value is beyond its limit; NaN is."""
    return all(row[name] <= limit for name, limit in limits.items())


def rounded(variant: Variant, bench: Bench, seed: int) -> Learner:
    """Return a learner in float64 whose weights are off by about a rounding of float32."""
    learner, generator = variant.learner(bench).double(), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in learner.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            parameter.mul_(1 + torch.finfo(torch.float32).eps * noise)
    return learner


def outcome(learner: Learner, variant: Variant, batch: int) -> Outcome:
    """Return what a learner makes of the first micro-batches."""
    labelled, unlabelled = variant.drawn(learner, batch, seed=0)
    learner.eval()
    with torch.no_grad():
        maps = learner.result()(labelled[0].clips, domain=labelled[0].domain).saliency
    # What is drawn, such as how clips are changed, is alike.
    torch.manual_seed(0)
    for loss, _ in learner.losses(labelled, unlabelled, Progress(1, 2)):
        loss.backward()
    found = {name: p.grad.double().cpu() for name, p in learner.named_parameters() if p.grad is not None}
    learner.train()
    without_dropout(learner)
    torch.manual_seed(0)
    with torch.no_grad():
        terms = torch.stack([loss for loss, _ in learner.losses(labelled, unlabelled, Progress(1, 2))])
    return Outcome(maps.double().cpu(), terms.double().cpu(), found)


def apart(one: Outcome, exact: Outcome) -> Row:
    """Return the largest differences, relative to the largest gradient and the largest value of a map."""
    if one.gradients.keys() != exact.gradients.keys():
        missing = sorted(one.gradients.keys() ^ exact.gradients.keys())
        raise ValueError(f"gradients of other parameters: {', '.join(missing[:3])}")
    differences = {name: _largest(one.gradients[name] - each) for name, each in exact.gradients.items()}
    # max() passes over NaN, wherever it stands.
    worst = max(differences, key=lambda name: (differences[name] != differences[name], differences[name]))
    scale = exact.maps.abs().max().item()
    return {
        "found": differences[worst] / exact.largest,
        "output": _largest(one.maps - exact.maps) / scale,
        "terms": _largest(one.terms - exact.terms) / exact.terms.abs().max().item(),
        "at": worst,
    }


def _largest(tensor: Tensor) -> float:
    return tensor.abs().max().item()


def resumption(bench: Bench, variant: Variant) -> Row:
    """Compare four iterations with two, a state, and two more, bit for bit, as a training computes.

    A GPU that adds up in another order each time is no fault of resumption: there the same four iterations
    once more say how far apart two trainings may be.
    """
    with in_one_order():
        whole, resumed = train(bench, variant), train(bench, variant, interrupted=True)
        found = furthest(whole, resumed)
        again = furthest(whole, train(bench, variant)) if found else 0.0
    row = {"found": found, "limit": MARGIN * again, "ok": found <= MARGIN * again}
    return row | ({"at": f"the same four iterations once more: {again:.2g} apart"} if found else {})


@contextmanager
def in_one_order() -> Iterator[None]:
    """Have sums added up in one order, by whatever way of doing so PyTorch has; it warns of what has none."""
    before = torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warns)


def train(bench: Bench, variant: Variant, *, interrupted: bool = False) -> dict[str, Tensor]:
    """Take four iterations; interrupted after two, go on from their state in new objects."""
    learner, optimiser, execution = begin(bench, variant)
    captured = CapturedPasses.of(learner, execution)
    for iteration in range(4):
        if interrupted and iteration == 2:
            file = io.BytesIO()
            torch.save({"learner": learner.state_dict(), "optimiser": optimiser.state_dict()}, file)
            learner, optimiser, execution = begin(bench, variant)
            captured = CapturedPasses.of(learner, execution)
            state = torch.load(io.BytesIO(file.getvalue()), weights_only=True)
            learner.load_state_dict(state["learner"])
            optimiser.load_state_dict(state["optimiser"])
        torch.manual_seed(iteration)
        drawn = variant.drawn(learner, 2, seed=iteration)
        recipe = replace(recipe_of(variant.model, micro_batches=1), iterations=4)
        take_iteration(
            learner, optimiser, recipe, iteration, iter([drawn]), execution=execution, captured=captured
        )
    return {name: value.cpu().clone() for name, value in learner.state_dict().items()}


def begin(bench: Bench, variant: Variant) -> tuple[Learner, Optimiser, Execution]:
    """Return what a training begins with, on the device."""
    learner = variant.learner(bench).to(bench.device)
    execution = replace(Execution(), mixed_precision=None if bench.gpu else False).resolve(bench.device)
    return learner, Optimiser(learner, optimiser_options(variant.model)), execution


def optimiser_options(model: Model) -> OptimiserOptions:
    """Return how a model's paper moves its weights."""
    given = {name: model.settings.get(f"train.{word}") for word, name in OF_OPTIMISER.items()}
    return OptimiserOptions(**{name: value for name, value in given.items() if value is not None})


def recipe_of(model: Model, *, micro_batches: int | None = None) -> Recipe:
    """Return what a model's paper does in an iteration; its number of micro-batches, unless one is given."""
    accumulate = micro_batches or int(model.settings.get("train.accumulate", 25))
    return Recipe(accumulate=accumulate, clip_gradient=model.settings.get("train.clip_gradient"))


def furthest(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    """Return the largest difference of two states; NaN that stands in both is none."""
    pairs = [(value.double(), other[name].double()) for name, value in one.items()]
    unlike = [(a != b) & ~(a.isnan() & b.isnan()) for a, b in pairs]
    return largest((a - b)[where] for (a, b), where in zip(pairs, unlike, strict=True) if where.any())


def largest(differences: Iterable[Tensor]) -> float:
    """Return the largest absolute value, NaN if one is that: max() passes over NaN; 0 of nothing."""
    found = [difference.abs().max() for difference in differences]
    return torch.stack(found).max().item() if found else 0.0
