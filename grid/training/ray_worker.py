"""A training inside Ray Train's worker; the only place of this room that knows Ray."""

from __future__ import annotations

import traceback
from typing import Any

from ray import train
from ray.exceptions import RayError
from ray.train.torch import get_device

from grid.plan import Row
from grid.results.provenance import assert_ours
from grid.specs import plugins
from grid.training.decode import fill
from grid.training.loop import fit
from grid.training.states import SavedStates
from hd2s.weights.checkpoints import WeightsError
from manifests.problem import ExchangedError, ProblemError


def worker(config: dict[str, Any]) -> dict[str, Any]:
    """Run the training inside Ray Train's worker; return its summary, or its error.

    Ray starts a worker again whatever it died of. What would happen again all the same, such as a loss that
    is not finite or a clip that has changed, is therefore returned; what the machine may have done, or Ray,
    is raised.
    What is no failure of the training, but will not go away by itself, is returned as "interrupted".
    """
    assert_ours()
    storage = config["storage"]
    try:
        job = config["job"].brought(storage)
        plugins.load(job.plugins)
        context = _RayContext(SavedStates(storage, job.id))
        if storage.url:
            fill(job)
        summary = fit(job, context)
        if not context.rank:
            for weights in (*job.kept.values(), job.weights):
                storage.publish(weights)
        return summary
    except (OSError, RuntimeError, RayError):
        raise
    except ExchangedError as error:
        return {"interrupted": str(error)}
    except (ProblemError, WeightsError) as error:
        return {"error": str(error)}
    except Exception:  # noqa: BLE001 - see above
        return {"error": traceback.format_exc()}


class _RayContext:
    """`grid.training.loop.Context` by Ray Train."""

    def __init__(self, states: SavedStates) -> None:
        self.device, self.rank = get_device(), train.get_context().get_world_rank()
        self._states, self._heard = states, False

    def latest(self) -> dict[str, Any] | None:
        return self._states.newest()

    def asked_to_stop(self) -> bool:
        self._heard, before = self._states.asked_to_stop(), self._heard
        return self._heard and not before

    def report(self, rows: list[Row], state: dict[str, Any] | None) -> None:
        if state is not None and not self.rank:
            self._states.save(state["progress"]["step"], state)
        train.report({"rows": rows})
