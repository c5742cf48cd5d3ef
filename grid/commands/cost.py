"""What a grid will cost before it is paid for: clips, operations, hours of a device and disk."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from datasets.loading.windows import eligible, validation_windows
from grid.commands.devices import Device
from grid.plan import Evaluation, Training
from grid.planning import frames
from grid.planning.prepare import Grid
from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch, Progress
from hd2s.approaches.registry import approaches
from hd2s.layers.folded import Casting
from hd2s.metrics.definitions import METRICS
from hd2s.models.contract import SaliencyModel
from hd2s.models.registry import find_model, on_meta
from hd2s.training.iteration import Drawn

# Of states to resume from two are kept, and a third is there while it is written.
_STATES = 3
# A frame's row of results: its number, its fixations and a float64 for each metric.
_ROW_BYTES = 4 + 4 + 8 * len(METRICS)


@dataclass(frozen=True)
class Work:
    """What a training, an evaluation or all of them together process.

    Attributes:
        clips: forward and backward.
        validation_clips: forward, to select the weights.
        frames: of test splits, each predicted once.
        flops: floating-point operations of all of these, 2 for a multiplication with an addition.
        device_hours: of one GPU, which no run falls below, or of one processor core, about; None for a
            device of which nothing is known.
    """

    clips: int = 0
    validation_clips: int = 0
    frames: int = 0
    flops: int = 0
    device_hours: float | None = 0.0

    def __add__(self, other: Work) -> Work:
        known = [hours for hours in (self.device_hours, other.device_hours) if hours is not None]
        return Work(
            self.clips + other.clips,
            self.validation_clips + other.validation_clips,
            self.frames + other.frames,
            self.flops + other.flops,
            sum(known) if len(known) == 2 else None,
        )


@dataclass(frozen=True)
class Disk:
    """Bytes that will be written: best weights, states to resume from at most, frames decoded, results."""

    weights: int
    states: int
    frames: int
    results: int

    @property
    def total(self) -> int:
        """All together, in bytes."""
        return sum(vars(self).values())


@dataclass(frozen=True)
class Estimate:
    """A grid's cost: of each training and evaluation by its id, whether done or not, and of what is left."""

    device: Device
    trainings: Mapping[str, Work]
    evaluations: Mapping[str, Work]
    left: Work
    disk: Disk

    def as_json(self) -> dict[str, Any]:
        """Return what is left as plain fields; disk in bytes."""
        device = {name: getattr(self.device, name) for name in ("name", "count", "unit")}
        disk = asdict(self.disk) | {"total": self.disk.total}
        lower_bound = self.device.unit == "GPU"
        return {"device": device, "lower_bound": lower_bound, **asdict(self.left), "disk_bytes": disk}


def estimate(grid: Grid, device: Device) -> Estimate:
    """Estimate every unit of a grid, and the whole of those that are neither done nor failed, on a device.

    Left out is what the models do not do: reading and decoding, metrics, starting and waiting.
    """
    plan, ledger = grid.plan, grid.ledger
    trainings = {unit.id: _training(grid, unit, device) for unit in plan.trainings.values()}
    evaluations = {unit.id: _evaluation(grid, unit, device) for unit in plan.evaluations.values()}
    to_train = [unit for unit in plan.trainings.values() if ledger.status(unit.id, "training") == "todo"]
    to_test = [unit for unit in plan.evaluations if ledger.status(unit, "evaluation") == "todo"]
    works = [*(trainings[unit.id] for unit in to_train), *(evaluations[unit] for unit in to_test)]
    left = sum(works, Work())
    weights = [_costs(unit).weights for unit in to_train]
    disk = Disk(
        weights=sum(weights),
        states=_states(grid, to_train, device),
        frames=frames.missing(grid, to_train),
        results=left.frames * _ROW_BYTES,
    )
    return Estimate(device, trainings, evaluations, left, disk)


def _training(grid: Grid, training: Training, device: Device) -> Work:
    train, costs = training.spec.train, _costs(training)
    drawn = training.iterations * train.accumulate * train.micro_batch
    # A model without weights is looked at once.
    validations = -(-training.iterations // train.validate_every) or 1
    validated = validations * _windows(grid, training)
    flops = drawn * costs.step + validated * costs.forward
    traffic = training.spec.model.declaration.traffic
    hours = device.hours(flops, traffic.training if traffic else None)
    return Work(clips=training.clips, validation_clips=validated, flops=flops, device_hours=hours)


def _windows(grid: Grid, training: Training) -> int:
    """Count the windows of one validation."""
    spec, window = training.spec, training.spec.model.config.input
    clips, _ = eligible(grid.manifests[spec.validation.corpus].clips("val"), window.span)
    return len(validation_windows(clips, window.frames, spec.train.validation_windows, window.step))


def _evaluation(grid: Grid, evaluation: Evaluation, device: Device) -> Work:
    found, training = grid.manifests[evaluation.test].frames["test"], grid.plan.trainings[evaluation.training]
    flops, traffic = found * _costs(training).frame, training.spec.model.declaration.traffic
    hours = device.hours(flops, traffic.prediction if traffic else None)
    return Work(frames=found, flops=flops, device_hours=hours)


def _states(grid: Grid, trainings: Collection[Training], device: Device) -> int:
    """Bytes of the states of all trainings that run at a time."""
    saving = [unit for unit in trainings if grid.config.train.checkpoint_every < unit.iterations]
    unit, workers = grid.config.resources.train, grid.config.train.world_size
    share = unit.cpu if device.unit == "core" else (unit.gpu if unit.gpu > 0 else 1.0)
    at_once = max(1, int(device.count / (share * workers)))
    largest = sorted((_costs(training).state for training in saving), reverse=True)[:at_once]
    return _STATES * sum(largest)


@dataclass(frozen=True)
class _Costs:
    """Operations of a model, and the bytes of its weights.

    Attributes:
        step: operations of a training step on one clip of each corpus that it draws from.
        forward: of a forward pass.
        frame: of a frame in prediction, with what neighbouring windows have in common computed once.
        weights: bytes.
        trained: bytes of all that is trained, with what is left behind.
    """

    step: int
    forward: int
    frame: int
    weights: int
    trained: int

    @property
    def state(self) -> int:
        """Bytes of a state to resume from: what is trained with two moments of it, and the best weights."""
        return 3 * self.trained + self.weights


def _costs(training: Training) -> _Costs:
    spec = training.spec
    options = json.dumps(dict(spec.model.options), sort_keys=True)
    domain = spec.model.config.domain_of(spec.labelled[0].corpus)
    return _count(spec.model.name, options, spec.approach.name, domain, bool(spec.unlabelled))


@cache
def _count(model: str, options: str, approach: str, domain: str | None, unlabelled: bool) -> _Costs:
    """Count on the meta device, where tensors have shapes and no values: nothing is computed."""
    built = on_meta(find_model(model).model, json.loads(options))
    with torch.device("meta"):
        learner = approaches()[approach].learner(built, LearnerOptions())
    weights, trained = _bytes(learner.result()), _bytes(learner)
    frame = _count_frame(learner.result(), domain)
    # Batch norms count as no operations, and finding shapes through them takes most of the time.
    for module in list(learner.modules()):
        for name, child in module.named_children():
            if isinstance(child, _BatchNorm):
                setattr(module, name, nn.Identity())
    window = built.config.input
    clips = built.normalise(torch.empty(1, window.frames, *window.size, 3, dtype=torch.uint8, device="meta"))
    answered = 1 if window.answers == "last" else window.frames
    maps = torch.empty(1, answered, *window.size, device="meta")
    batches = [MicroBatch(clips, maps, domain=domain)], [MicroBatch(clips)] if unlabelled else []
    step, forward = _count_step(learner, batches)
    return _Costs(step, forward, frame, weights, trained)


def _bytes(module: nn.Module) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())


def _count_step(learner: Learner, batches: Drawn) -> tuple[int, int]:
    """Count a whole step, and the forward pass in it."""
    losses = learner.losses(*batches, Progress(1, 1))
    with _counter() as counter:
        loss, _ = next(losses)
        # A domain branch beside the maps adds 0.2 %.
        forward = counter.get_total_flops()
        if not loss.requires_grad:
            return 0, forward
        loss.backward()
        for loss, _ in losses:
            loss.backward()
    return counter.get_total_flops(), forward


def _counter() -> FlopCounterMode:
    mapping = {torch.ops.aten.convolution_backward: _convolution_backward}
    return FlopCounterMode(display=False, custom_mapping=mapping)


def _convolution_backward(gradient, inputs, weight, *options, out_shape) -> int:
    """Count a convolution's gradients from shapes, each as much as its forward pass.

    PyTorch's own formula counts the weights' as if every channel met every other, in depthwise ones too.
    """
    transposed, wanted = options[4], options[7]
    return conv_flop_count(inputs, weight, gradient, transposed) * sum(wanted[:2])


@torch.inference_mode()
def _count_frame(model: SaliencyModel, domain: str | None) -> int:
    """Count one more frame of a clip that has begun; the plain way, where there is no other."""
    window, meta = model.config.input, torch.device("meta")
    stream = model.stream(Casting(meta, torch.float32, domain))
    if stream is None:
        clips = model.normalise(
            torch.empty(1, window.frames, *window.size, 3, dtype=torch.uint8, device=meta)
        )
        with _counter() as counter:
            model(clips, domain=domain)
        return counter.get_total_flops() // (1 if window.answers == "last" else window.frames)
    push = stream.begin()
    for n in filter(None, (window.span - 1, 1)):
        frames = model.normalise(torch.empty(1, n, *window.size, 3, dtype=torch.uint8, device=meta))
        with _counter() as counter:
            push(frames)
    return counter.get_total_flops()
