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
from grid.training.feed import domain_of
from hd2s.layers.folded import Casting, FoldedHD2S
from hd2s.layers.s3d_stream import FirstBlocks, Sweep
from hd2s.metrics.definitions import METRICS
from hd2s.models.registry import MODELS
from hd2s.training.turns import STEPS, MicroBatch, Step

# Bytes to and from a GPU's memory for each operation of HD2S in bfloat16, from its calculated limits at
# 4.8 TB/s: 4,650 clips of 64.2 GFLOP a second in training, run layer by layer, and 34,600 windows of 22.0
# GFLOP in prediction, with batch norms folded and ReLUs fused. Taken to be the same for other sizes.
_TRAINING_TRAFFIC = 4.8e12 / (4650 * 64.2e9)
_PREDICTION_TRAFFIC = 4.8e12 / (34600 * 22.0e9)

# A state to resume from holds the weights, Adam's two moments of them and the best weights so far. Two are
# kept, and a third is there while it is written.
_STATE_IN_WEIGHTS, _STATES = 4, 3
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
        unknown = self.device_hours is None or other.device_hours is None
        return Work(
            self.clips + other.clips,
            self.validation_clips + other.validation_clips,
            self.frames + other.frames,
            self.flops + other.flops,
            None if unknown else self.device_hours + other.device_hours,
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
    train, costs = training.spec["train"], _costs(training)
    drawn = training.iterations * train["accumulate"] * train["micro_batch"]
    validations = -(-training.iterations // train["validate_every"])
    validated = validations * _windows(grid, training)
    flops = drawn * costs.step + validated * costs.forward
    hours = device.hours(flops, _TRAINING_TRAFFIC)
    return Work(clips=training.clips, validation_clips=validated, flops=flops, device_hours=hours)


def _windows(grid: Grid, training: Training) -> int:
    """Count the windows of one validation."""
    length, per_clip = training.spec["model"]["clip_length"], training.spec["train"]["validation_windows"]
    (corpus,) = training.spec["validation"]
    clips, _ = eligible(grid.manifests[corpus["corpus"]].clips("val"), length)
    return len(validation_windows(clips, length, per_clip))


def _evaluation(grid: Grid, evaluation: Evaluation, device: Device) -> Work:
    found = grid.manifests[evaluation.test].frames["test"]
    flops = found * _costs(grid.plan.trainings[evaluation.training]).frame
    return Work(frames=found, flops=flops, device_hours=device.hours(flops, _PREDICTION_TRAFFIC))


def _states(grid: Grid, trainings: Collection[Training], device: Device) -> int:
    """Bytes of the states of all trainings that run at a time."""
    saving = [unit for unit in trainings if grid.config.train.checkpoint_every < unit.iterations]
    unit, workers = grid.config.resources.train, grid.config.train.world_size
    share = unit.cpu if device.unit == "core" else (unit.gpu if unit.gpu > 0 else 1.0)
    at_once = max(1, int(device.count / (share * workers)))
    largest = sorted((_costs(training).weights for training in saving), reverse=True)[:at_once]
    return _STATES * _STATE_IN_WEIGHTS * sum(largest)


@dataclass(frozen=True)
class _Costs:
    """Operations of a model, and the bytes of its weights.

    Attributes:
        step: operations of a training step on one clip of each corpus that it draws from.
        forward: of a forward pass.
        frame: of a frame in prediction, with what neighbouring windows have in common computed once.
        weights: bytes.
    """

    step: int
    forward: int
    frame: int
    weights: int


def _costs(training: Training) -> _Costs:
    spec = training.spec
    options = {name: value for name, value in spec["model"].items() if name != "backbone_weights"}
    domain = domain_of(options, spec["labelled"][0]["corpus"])
    return _count(json.dumps(options, sort_keys=True), STEPS[spec["step"]], domain, bool(spec["unlabelled"]))


@cache
def _count(options: str, step: Step, domain: str | None, unlabelled: bool) -> _Costs:
    """Count on the meta device, where tensors have shapes and no values: nothing is computed."""
    model = _build(json.loads(options))
    state = model.state_dict().values()
    weights = sum(tensor.numel() * tensor.element_size() for tensor in state)
    frame = _count_frame(model, domain)
    # Batch norms count as no operations, and finding shapes through them takes most of the time.
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, _BatchNorm):
                setattr(module, name, nn.Identity())
    size = model.config.height, model.config.width
    clips = torch.empty(1, 3, model.config.clip_length, *size, device="meta")
    labelled = [MicroBatch(clips, torch.empty(1, *size, device="meta"), domain=domain)]
    losses = step(model, labelled, [MicroBatch(clips)] if unlabelled else [], 1.0)
    with _counter() as counter:
        loss, _ = next(losses)
        # A domain branch beside the maps adds 0.2 %.
        forward = counter.get_total_flops()
        loss.backward()
        for loss, _ in losses:
            loss.backward()
    return _Costs(counter.get_total_flops(), forward, frame, weights)


def _counter() -> FlopCounterMode:
    mapping = {torch.ops.aten.convolution_backward: _convolution_backward}
    return FlopCounterMode(display=False, custom_mapping=mapping)


def _convolution_backward(gradient, inputs, weight, *options, out_shape) -> int:
    """Count a convolution's gradients from shapes, each as much as its forward pass.

    PyTorch's own formula counts the weights' as if every channel met every other, in depthwise ones too.
    """
    transposed, wanted = options[4], options[7]
    return conv_flop_count(inputs, weight, gradient, transposed) * sum(wanted[:2])


def _build(options: dict[str, Any]) -> nn.Module:
    config, build = MODELS[options.pop("name")]
    with torch.device("meta"):
        return build(config(**options))


@torch.inference_mode()
def _count_frame(model: nn.Module, domain: str | None) -> int:
    """Count one more frame of a clip that has begun."""
    config, meta = model.config, torch.device("meta")
    cast = Casting(meta, torch.float32, domain)
    sweep, rest = Sweep(FirstBlocks(model, cast)), FoldedHD2S(model, cast)
    sweep.push(torch.empty(config.clip_length - 1, config.height, config.width, 3, device=meta))
    with _counter() as counter:
        rest(sweep.push(torch.empty(1, config.height, config.width, 3, device=meta)))
    return counter.get_total_flops()
