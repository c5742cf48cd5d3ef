"""What every file and folder in the output folder is called, and in a storage elsewhere.

All names are relative to the folder or the storage, with slashes between their parts.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal

Kind = Literal["training", "evaluation"]

LOCK = ".lock"
STOP = ".stop"
RESULTS = "results"
EXTERNAL = f"{RESULTS}/external"
COSTS = f"{RESULTS}/costs"
CHECKPOINTS = "checkpoints"
STATES = "resume"
PARTS = "parts"
PICTURES = "pictures"
TABLES = "tables"
FIGURES = "figures"
REPORTS = "reports"
FRAMES = "frames"
CALLS = "grids"
CORPORA = "corpora"
MANIFESTS = "manifests"
LOGS = "logs"
TUNE = f"{LOGS}/sweep"
SCRATCH = f"{LOGS}/.scratch"
MLFLOW_STORE = "mlflow.db"
MLFLOW_ARTIFACTS = "mlflow-artifacts"

RESULT_SUFFIX = ".parquet"
CHECKPOINT_SUFFIX = ".pt"
FAILURE_SUFFIX = ".error.txt"
STOPPED_SUFFIX = ".stopped.json"
PICTURE_SUFFIX = ".png"
STATE_FILE = "state.pt"


def result(kind: Kind, unit: str) -> str:
    """Name the file whose existence means that a training or an evaluation is done."""
    return f"{RESULTS}/{kind}-{unit}{RESULT_SUFFIX}"


def unit_of(result: PurePath, kind: Kind) -> str:
    """Return the unit that a result is named after."""
    return result.name.removeprefix(f"{kind}-").removesuffix(RESULT_SUFFIX)


def checkpoint(training: str, chosen: str = "") -> str:
    """Name a training's best weights, or those that another criterion has chosen (`grid.plan.Criterion`)."""
    return f"{CHECKPOINTS}/{'.'.join(filter(None, (training, chosen)))}{CHECKPOINT_SUFFIX}"


def states(training: str) -> str:
    """Name the folder of a training's states, which nobody needs when it is done."""
    return f"{STATES}/{training}"


def state(training: str, step: int, save: str) -> str:
    """Name a state, so that names sort by step; `save` keeps one attempt to write it apart from another."""
    return f"{states(training)}/checkpoint_{step:08d}_{save}/{STATE_FILE}"


def parts(evaluation: str) -> str:
    """Name the folder of an evaluation's parts, which nobody needs when its result is there."""
    return f"{PARTS}/{evaluation}"


def part(evaluation: str, number: int) -> str:
    """Name the rows of one part of an evaluation."""
    return f"{parts(evaluation)}/{number}.parquet"


def pictures(evaluation: str) -> str:
    """Name the folder of an evaluation's pictures."""
    return f"{PICTURES}/{evaluation}"


def picture(evaluation: str, clip: str) -> str:
    """Name the picture of a clip."""
    return f"{pictures(evaluation)}/{clip.replace('/', '_')}{PICTURE_SUFFIX}"


def failure(unit: str) -> str:
    """Name the file that says why a unit failed."""
    return f"{LOGS}/{unit}{FAILURE_SUFFIX}"


def stopped(training: str) -> str:
    """Name the file that says where a training was stopped early."""
    return f"{LOGS}/{training}{STOPPED_SUFFIX}"


def log(grid: str, started: str) -> str:
    """Name the file that takes all output of a run but its progress."""
    return f"{LOGS}/{grid}-{started}.log"


def call(grid: str) -> str:
    """Name the file that says how a grid was last called."""
    return f"{CALLS}/{grid}.json"


def report(grid: str) -> str:
    """Name the page of a grid; grids share the folder."""
    return f"{REPORTS}/{grid}.html"


def demo_manifest(word: str) -> str:
    """Name the folder of the manifest of a demo corpus."""
    return f"{MANIFESTS}/{word}"


def shared_manifest(corpus: str, digest: str) -> str:
    """Name the folder of a manifest in the storage, for machines that do not see its own."""
    return f"{MANIFESTS}/{corpus}-{digest}"


def shared_weights(digest: str) -> str:
    """Name a file of initial weights in the storage, by its SHA-256, for machines that do not see its own."""
    return f"weights/{digest}.pt"


def shared_plugin(name: str, digest: str) -> str:
    """Name the folder of a plug-in in the storage, by its content, for machines that do not see its own."""
    return f"plugins/{digest}/{name}"
