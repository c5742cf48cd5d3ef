"""How long a clip of training, or a frame of evaluation, has taken so far: from the results of a folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from grid.commands.devices import Device, recognise
from grid.plan import Evaluation, Plan, Training
from grid.results.ledger import Ledger
from grid.results.output_folder import Kind

_UNITS: Mapping[Kind, str] = {"training": "clips", "evaluation": "frames"}
# What a run comes to where none was measured, as a share of the calculated speed. Cores: the demo on two of
# them, 0.22 of it in training and 0.17 in evaluation.
_SHARE_OF_CORES = 0.2
# GPUs: HD2S's training from files on an H200 comes to what so much of its memory's TB/s would allow: 88
# clips/s, since it waits for the launch of one small kernel after the other, as it would on any other. Where
# memory is as slow as that, a quarter: assumed.
_TB_S_OF_LAUNCHES, _MOST_OF_GPUS = 0.094, 0.25


@dataclass(frozen=True)
class Paces:
    """Seconds of one device for a clip of each likeness of training, and a frame of each of evaluation."""

    device: Device
    known: Mapping[Kind, Mapping[str, float]] = field(default_factory=dict)

    def training(self, unit: Training) -> float | None:
        """Return the seconds of a whole training; None where none of its likeness was measured."""
        pace = self.known.get("training", {}).get(unit.likeness)
        return None if pace is None else pace * unit.clips

    def evaluation(self, plan: Plan, unit: Evaluation, frames: int) -> float | None:
        """Return the seconds of a whole evaluation; None where none of its likeness was measured."""
        pace = self.known.get("evaluation", {}).get(plan.likeness(unit))
        return None if pace is None else pace * frames

    @property
    def share(self) -> float:
        """The share of the calculated speed that is taken where nothing was measured."""
        if self.device.unit == "core":
            return _SHARE_OF_CORES
        memory = self.device.tb_per_s
        return min(_TB_S_OF_LAUNCHES / memory, _MOST_OF_GPUS) if memory else _MOST_OF_GPUS


def measured(ledger: Ledger, device: Device) -> Paces:
    """Read what the results of a folder tell of a device; all grids of the folder count."""
    known: dict[Kind, Mapping[str, float]] = {}
    for kind, unit in _UNITS.items():
        seconds: dict[str, float] = defaultdict(float)
        units: dict[str, int] = defaultdict(int)
        for summary in ledger.summaries(kind):
            # What was written before there were such notes tells nothing.
            if not _is(device, summary.get("device")) or not summary.get(unit):
                continue
            seconds[summary["likeness"]] += summary["seconds"]
            units[summary["likeness"]] += summary[unit]
        known[kind] = {likeness: seconds[likeness] / units[likeness] for likeness in units}
    return Paces(device, known)


def _is(device: Device, name: str | None) -> bool:
    """Whether results of a device of this name, as its driver gives it, tell of this one."""
    return bool(name) and device.name == (name if device.unit == "core" else recognise(str(name)).name)
