"""A Ray Train run begun again where Ray itself gives up, and what that leaves reserved given back.

Ray Train restarts its workers when one dies in mid-training, or before it is told what to do. In the
moment between (seen with 2.60: its node is lost while the training function is sent to it) it ends the whole
run, and forgets to return the placement group, which keeps its share of the cluster until the job's end.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import ray

# A message that protobuf makes when it is imported, which no type checker sees.
from ray.core.generated.gcs_pb2 import PlacementGroupTableData  # type: ignore[attr-defined]
from ray.exceptions import RayActorError
from ray.train import ControllerError, Result
from ray.train.torch import TorchTrainer
from ray.util.placement_group import PlacementGroup, remove_placement_group

from grid.training.ray_worker import MAY_PASS

_LOG = logging.getLogger(__name__)
# Ray notices within seconds that the one who reserved something has ended, and on a cluster after a dozen
# that a node is lost (clusters/environment.sh): until then it would place workers there again.
_UNTIL_RAY_NOTICES_S = 10.0


def fit(trainer: TorchTrainer, failures: int) -> Result:
    """Run a trainer, again where Ray Train ends it for reasons of its own; it goes on from its last state.

    Args:
        trainer: what its workers die of in mid-training is not counted here, see `ray.train.FailureConfig`.
        failures: times that it is run again.

    Raises:
        ControllerError: it has ended once too often.
        TrainingFailedError: its workers have.
    """
    return _again(trainer, failures, (ControllerError, RayActorError), _UNTIL_RAY_NOTICES_S)


def fit_here(trainer: TorchTrainer, failures: int) -> Result:
    """Run a trainer in local mode, again where what it raises may pass; it goes on from its last state.

    Args:
        trainer: whose worker is this process, so that Ray Train restarts nothing.
        failures: times that it is run again.

    Raises:
        OSError, RuntimeError, RayError: it was raised once too often.
    """
    return _again(trainer, failures, MAY_PASS, 0.0)


def _again(
    trainer: TorchTrainer, failures: int, errors: tuple[type[Exception], ...], noticed_s: float
) -> Result:
    """Run a trainer, again where it ends in one of some errors, after so many seconds for each time."""
    tried = 0
    while True:
        try:
            return trainer.fit()
        except errors as error:
            tried += 1
            _LOG.warning("a training has ended, time %d: %s", tried, error)
            _give_back(tried * noticed_s)
            if tried > failures:
                raise


def give_back_abandoned() -> None:
    """Return what those who have died have left reserved."""
    for group in _abandoned():
        remove_placement_group(group)


def _give_back(seconds: float) -> None:
    """Return what nobody uses any more, for as long as Ray may take to notice that it is so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        give_back_abandoned()
        time.sleep(0.5)


def _abandoned() -> Iterator[PlacementGroup]:
    """Find this job's placement groups whose creator has ended; Ray's public table says nothing of it."""
    job = ray.get_runtime_context().get_job_id()
    for row in ray._private.state.state._connect_and_get_accessor().get_placement_group_table():
        group = PlacementGroupTableData.FromString(row)
        # Those that the driver has made, Tune's, have no actor that could have ended.
        made_here = group.creator_job_id.hex() == job and not ray.ActorID(group.creator_actor_id).is_nil()
        if made_here and group.creator_actor_dead and group.state != PlacementGroupTableData.REMOVED:
            yield PlacementGroup(ray.PlacementGroupID(group.placement_group_id))
