"""A training inside Ray Train's worker; the only place of this room that knows Ray."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

import torch
from ray import train, tune
from ray.exceptions import RayError
from ray.train.torch import get_device
from torch import distributed

from grid.plan import Row
from grid.results.provenance import assert_ours
from grid.specs import plugins
from grid.training.decode import fill
from grid.training.loop import fit
from grid.training.states import SavedStates
from hd2s.weights.checkpoints import WeightsError
from manifests.problem import ExchangedError, ProblemError

MAY_PASS = OSError, RuntimeError, RayError
"""What the machine may have done, or Ray."""


def worker(config: dict[str, Any]) -> dict[str, Any]:
    """Run the training inside Ray Train's worker; return its summary, where it was stopped, or its error.

    Ray starts a worker again whatever it died of. What would happen again all the same, such as a loss that
    is not finite or a clip that has changed, is therefore returned; `MAY_PASS` is raised.
    What is no failure of the training, but will not go away by itself, is returned as "interrupted".

    Args:
        config: the "job", the "storage", and whether the worker is a trial's own process, on processors
            ("here").
    """
    assert_ours()
    storage, here = config["storage"], config.get("here", False)
    try:
        job = config["job"].brought(storage)
        plugins.load(job.plugins)
        context = _RayContext(SavedStates(storage, job.id), here=here)
        if storage.url:
            fill(job)
        summary = fit(job, context)
        if not context.rank and "stopped" not in summary:
            for weights in (*job.kept.values(), job.weights):
                storage.publish(weights)
        return summary
    except MAY_PASS:
        raise
    except ExchangedError as error:
        return {"interrupted": str(error)}
    except (ProblemError, WeightsError) as error:
        return {"error": str(error)}
    except Exception:  # noqa: BLE001 - see above
        return {"error": traceback.format_exc()}


class _RayContext:
    """`grid.training.loop.Context` by Ray Train."""

    def __init__(self, states: SavedStates, *, here: bool) -> None:
        # In local mode Ray Train takes an accelerator wherever it sees one, and keeps reports to itself.
        self.device = torch.device("cpu") if here else get_device()
        self.rank = 0 if here else train.get_context().get_world_rank()
        self._alone = here or train.get_context().get_world_size() == 1
        self._tell = tune.report if here else train.report
        self._states, self._heard = states, False

    def latest(self) -> dict[str, Any] | None:
        state = self._states.newest()
        if not self._alone:
            _require_one_step(state, self.device)
        return state

    def asked_to_stop(self) -> bool:
        self._heard, before = self._states.asked_to_stop(), self._heard
        return self._heard and not before

    def stopped(self) -> bool:
        if self._alone:
            return self._states.stopped()
        # None may end while others wait for its gradients.
        found = torch.tensor(float(self._states.stopped()), device=self.device)
        distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return bool(found.item())

    def report(self, rows: list[Row], state: dict[str, Any] | None) -> None:
        if state is not None and not self.rank:
            self._states.save(state["progress"]["step"], state)
        self._tell({"rows": rows})


def _require_one_step(state: Mapping[str, Any] | None, device: torch.device) -> None:
    """Make sure that all workers go on from one step: each reads by itself, and files may come meanwhile.

    Raises:
        RuntimeError: they would not; started again, they look again.
    """
    step = float(state["progress"]["step"]) if state else 0.0
    ends = torch.tensor([step, -step], device=device)
    distributed.all_reduce(ends, distributed.ReduceOp.MAX)
    last, first = int(ends[0]), -int(ends[1])
    if first != last:
        raise RuntimeError(f"workers would go on from unlike states, of the iterations {first} and {last}")
