"""What a grid will cost before it is paid for: clips, operations, hours of a device and disk."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from datasets.loading.windows import Starts, eligible, validation_windows
from grid.commands.devices import Device
from grid.commands.measured import Paces, measured
from grid.commands.operations import Costs, check_plugged_in, costs_of
from grid.plan import CorpusDigest, Evaluation, Training
from grid.planning import frames
from grid.planning.prepare import Grid
from grid.planning.stand_in import StandIn
from grid.specs.settings import Unit
from hd2s.metrics.definitions import METRICS
from manifests.clips import lengths, long_enough, stills
from manifests.folds import Splitting, folded
from manifests.schema import Clip

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
        likely_hours: the same as measured, or as a share of the calculated speed; None if neither is known.
        measured: units of this work whose hours are measured ones, and units in all.
    """

    clips: int = 0
    validation_clips: int = 0
    frames: int = 0
    flops: int = 0
    device_hours: float | None = 0.0
    likely_hours: float | None = 0.0
    measured: tuple[int, int] = (0, 0)

    def __add__(self, other: Work) -> Work:
        return Work(
            self.clips + other.clips,
            self.validation_clips + other.validation_clips,
            self.frames + other.frames,
            self.flops + other.flops,
            _sum(self.device_hours, other.device_hours),
            _sum(self.likely_hours, other.likely_hours),
            (self.measured[0] + other.measured[0], self.measured[1] + other.measured[1]),
        )


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


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
    """A grid's cost: of each training and evaluation by its id, whether done or not, and of what is left.

    `published`: the corpora of which only what is published of them is known. `may_stop`: of the trainings
    that are left, those that may be stopped early, though they are counted to their end.
    """

    device: Device
    trainings: Mapping[str, Work]
    evaluations: Mapping[str, Work]
    left: Work
    disk: Disk
    share: float
    published: tuple[str, ...] = ()
    may_stop: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return what is left as plain fields; disk in bytes."""
        device = {name: getattr(self.device, name) for name in ("name", "count", "unit")}
        disk = asdict(self.disk) | {"total": self.disk.total}
        lower_bound = self.device.unit == "GPU"
        basis = {"share_of_calculated_speed": self.share, "published": list(self.published)}
        return {
            "device": device,
            "lower_bound": lower_bound,
            **asdict(self.left),
            **basis,
            "may_stop": self.may_stop,
            "disk_bytes": disk,
        }


def estimate(grid: Grid, device: Device) -> Estimate:
    """Estimate every unit of a grid, and the whole of those that are neither done nor failed, on a device.

    Left out is what the models do not do: reading and decoding, metrics, starting and waiting.
    """
    plan, ledger = grid.plan, grid.ledger
    check_plugged_in(plan.trainings.values())
    paces = measured(ledger, device)
    read = _Splits(grid)
    trainings = {unit.id: _training(read, unit, paces) for unit in plan.trainings.values()}
    evaluations = {unit.id: _evaluation(read, unit, paces) for unit in plan.evaluations.values()}
    to_train = [unit for unit in plan.trainings.values() if ledger.status(unit.id, "training") == "todo"]
    to_test = [unit for unit in plan.evaluations if ledger.status(unit, "evaluation") == "todo"]
    works = [*(trainings[unit.id] for unit in to_train), *(evaluations[unit] for unit in to_test)]
    left = sum(works, Work())
    weights = [costs_of(unit).weights * (1 + len(unit.kept)) for unit in to_train]
    disk = Disk(
        weights=sum(weights),
        states=_states(grid, to_train, device),
        frames=frames.missing(grid, to_train),
        results=left.frames * _ROW_BYTES,
    )
    published = tuple(name for name, found in grid.manifests.items() if isinstance(found, StandIn))
    may_stop = sum(unit.id in plan.may_stop for unit in to_train)
    return Estimate(device, trainings, evaluations, left, disk, paces.share, published, may_stop)


class _Splits:
    """The splits of a grid's corpora, each read once however many units see it."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._found: dict[tuple[str, Splitting | None, str], Sequence[Clip]] = {}

    def __call__(self, entry: CorpusDigest, split: str) -> Sequence[Clip]:
        key = (entry.corpus, entry.fold, split)
        if key not in self._found:
            self._found[key] = folded(self.grid.manifests[entry.corpus], entry.fold).clips(split)
        return self._found[key]


def _training(read: _Splits, training: Training, paces: Paces) -> Work:
    train, costs = training.spec.train, costs_of(training)
    drawn = list(_drawn(read, training))
    validated_on = _validated(read, training)
    # A model without weights is looked at once.
    selects = train.selection == "validation"
    validations: float = (-(-training.iterations // train.validate_every) or 1) if selects else 1
    if train.validation_clips == "random half":
        validations /= 2
    validated = round(validations * sum(_windows(training, *each) for each in validated_on))
    whole = train.validation_windows is None
    predicted = sum(_predicting(training, *each) for each in validated_on) if whole else 0
    seen = round(validations * predicted) if whole else validated * costs.forward
    flops = round(sum(n * found.step for n, found in drawn)) + seen
    traffic = training.spec.model.declaration.traffic
    hours = paces.device.hours(flops, traffic.training if traffic else None)
    share = train.world_size * _share_of(read.grid.config.resources.train, paces.device)
    likely = _likely(hours, paces, paces.training(training), share)
    clips_seen = round(sum(n for n, _ in drawn)) * training.streams
    return Work(clips_seen, validated, flops=flops, device_hours=hours, **likely)


def _drawn(read: _Splits, training: Training) -> Iterator[tuple[float, Costs]]:
    """Yield how many clips of each corpus a training draws, and what one of them costs."""
    spec, train = training.spec, training.spec.train
    corpora = spec.labelled or (spec.validation,)
    shares = spec.shares or (1,) * len(corpora)
    for entry, share in zip(corpora, shares, strict=True):
        photographs = bool(stills(read(entry, "train")).any())
        micro_batches = training.iterations * train.accumulate * share / sum(shares)
        found = costs_of(training, entry.corpus, photographs=photographs)
        yield micro_batches * train.batch_of(photographs), found


def _likely(bound: float | None, paces: Paces, seconds: float | None, share: float) -> dict[str, Any]:
    """Return the device-hours that are likely, and whether they are measured ones.

    Args:
        bound: the calculated ones.
        paces: what was measured, and the share of the calculated speed that is taken otherwise.
        seconds: measured; None where none were.
        share: of the devices it takes so many.
    """
    if seconds is None:
        return {"likely_hours": None if bound is None else bound / paces.share, "measured": (0, 1)}
    return {"likely_hours": seconds / 3600 * share, "measured": (1, 1)}


def _share_of(unit: Unit, device: Device) -> float:
    """How many of a device's cores or GPUs a unit takes."""
    return unit.cpu if device.unit == "core" else abs(unit.gpu) or 1.0


def _validated(read: _Splits, training: Training) -> list[tuple[str, Sequence[Clip]]]:
    """Return corpus and clips of all that a training validates on to choose weights."""
    config = training.spec.model.config
    return [
        (split.corpus, eligible(read(split, "val"), config.shown(split.corpus).input.shortest)[0])
        for _, split in training.validated
    ]


def _windows(training: Training, corpus: str, clips: Sequence[Clip]) -> int:
    """Count the windows of one validation."""
    asked, shown = training.spec.train.validation_windows, training.spec.model.config.shown(corpus).input
    if asked is None:
        return int(lengths(clips).sum())
    starts = cast(Starts, training.spec.train.validation_starts)
    return len(validation_windows(clips, shown.frames, asked, shown.step, starts))


def _predicting(training: Training, corpus: str, clips: Sequence[Clip]) -> int:
    """Count the operations of predicting every frame of some clips; photographs have no frames in common."""
    if not len(clips):
        return 0
    found = costs_of(training, corpus)
    repeated = stills(clips) & (training.spec.model.config.input.photograph == "repeated")
    return int(repeated.sum()) * found.forward + int(lengths(clips)[~repeated].sum()) * found.frame


def _evaluation(read: _Splits, evaluation: Evaluation, paces: Paces) -> Work:
    grid, test = read.grid, evaluation.spec.test
    training = grid.plan.trainings[evaluation.training]
    clips = long_enough(read(test, "test"), evaluation.spec.protocol.min_frames)
    found = int(lengths(clips).sum())
    flops = _predicting(training, evaluation.test, clips)
    traffic = training.spec.model.declaration.traffic
    hours = paces.device.hours(flops, traffic.prediction if traffic else None)
    seconds = paces.evaluation(grid.plan, evaluation, found)
    likely = _likely(hours, paces, seconds, _share_of(grid.config.resources.evaluate, paces.device))
    return Work(frames=found, flops=flops, device_hours=hours, **likely)


def _states(grid: Grid, trainings: Collection[Training], device: Device) -> int:
    """Bytes of the states of all trainings that run at a time."""
    saving = [unit for unit in trainings if grid.config.train.checkpoint_every < unit.iterations]
    unit, workers = grid.config.resources.train, grid.config.train.world_size
    at_once = max(1, int(device.count / (_share_of(unit, device) * workers)))
    states = (costs_of(unit).state + len(unit.kept) * costs_of(unit).weights for unit in saving)
    largest = sorted(states, reverse=True)[:at_once]
    return _STATES * sum(largest)
