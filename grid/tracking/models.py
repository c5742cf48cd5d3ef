"""A training's best weights as a model that `mlflow.pyfunc.load_model` loads, to predict clips."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grid.plan import ModelSpec, Plan, Training
from grid.specs.plugins import Origin, origin_of
from grid.tracking.runs import Run, RunStore, dataset_of

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature

_EXAMPLE_FRAMES = 2
_LOSS = "training/best_kld"


def log_model(
    store: RunStore,
    run: Run,
    training: Training,
    weights: Path,
    options: Mapping[str, Any],
    *,
    copy: bool,
) -> str:
    """Log a training's checkpoint as a model of its run; return the model's id.

    The model's folder holds this project's `hd2s` and an example (under 3 MB at the paper's size), so that it
    loads wherever PyTorch is. The weights, 30 to 40 million parameters, it holds only if told to.

    Args:
        store: where to.
        run: the training's, whose parameters, commit and validation loss are the model's too.
        training: whose weights they are.
        weights: the checkpoint.
        options: of `hd2s.prediction.predictor.Predictor`.
        copy: log the weights too; else a reference to where they are.
    """
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus, Metric  # noqa: PLC0415
    from mlflow.models import Model  # noqa: PLC0415

    from hd2s.prediction import served  # noqa: PLC0415 - loads PyTorch

    client = store.client
    tags = {"model": training.model, "approach": training.approach, "id": training.id}
    tags |= {name: run.tags[name] for name in ("commit",) if name in run.tags}
    made = client.create_logged_model(
        store.experiment_id, training.id, run.run_id, tags, run.params, model_type="video saliency"
    )
    try:
        with tempfile.TemporaryDirectory() as folder:
            modules = [origin.module for origin in _origins(training)]
            served.describe(Path(folder) / "data", weights, options, modules, copy=copy)
            metadata = {"training": training.id, "weights": "copy" if copy else "reference"}
            model = Model(run_id=run.run_id, model_id=made.model_id, metadata=metadata)
            _save(Path(folder), model, training)
            client.log_model_artifacts(made.model_id, str(Path(folder) / "model"))
    except Exception:
        client.finalize_logged_model(made.model_id, LoggedModelStatus.FAILED)
        raise
    client.finalize_logged_model(made.model_id, LoggedModelStatus.READY)
    client.log_outputs(run.run_id, [LoggedModelOutput(made.model_id, step=0)])
    if _LOSS in run.metrics:
        validated = dataset_of(training.spec.validation.corpus, training.spec.validation.digest)
        loss = Metric(_LOSS, run.metrics[_LOSS], int(time.time() * 1000), 0, made.model_id, *validated)
        client.log_batch(run.run_id, [loss])
    return made.model_id


def predictor_options(plan: Plan, training: Training) -> dict[str, Any]:
    """Say how the grid predicts with a training: as its first evaluation does."""
    tested = plan.tested(training.id)
    return tested.predictor_options if tested else {}


def _origins(training: Training) -> list[Origin]:
    """List the plug-ins that a model and its approach come from."""
    origins = (origin_of(training.spec.model.declaration), origin_of(training.spec.approach.declaration))
    return list(dict.fromkeys(filter(None, origins)))


def _save(folder: Path, model: Model, training: Training) -> None:
    """Write the folder `model` beside the folder `data`."""
    import mlflow.pyfunc  # noqa: PLC0415

    import hd2s  # noqa: PLC0415

    # Of a plug-in the whole folder goes along, by whose name its files are imported.
    folders = {origin.folder for origin in _origins(training)}

    mlflow.pyfunc.save_model(
        folder / "model",
        loader_module="hd2s.prediction.served",
        data_path=str(folder / "data"),
        code_paths=[str(Path(hd2s.__file__).parent), *map(str, sorted(folders))],
        mlflow_model=model,
        signature=_signature(training.spec.model),
        input_example=_example(*training.spec.model.config.input.size),
        pip_requirements=[f"{name}=={version(name)}" for name in ("mlflow", "torch", "numpy")],
    )


def _signature(model: ModelSpec) -> ModelSignature:
    """Describe input and output: a clip uint8 (N, H, W, 3) and its maps float32 (N, H, W)."""
    from mlflow.models import ModelSignature  # noqa: PLC0415
    from mlflow.types import ParamSchema, ParamSpec, Schema, TensorSpec  # noqa: PLC0415

    size, domains = model.config.input.size, model.options.get("domains")
    params = ParamSchema([ParamSpec("domain", "string", domains[0])]) if domains else None
    return ModelSignature(
        inputs=Schema([TensorSpec(np.dtype("uint8"), (-1, *size, 3))]),
        outputs=Schema([TensorSpec(np.dtype("float32"), (-1, *size))]),
        # MLflow's own default is None, which its types leave out.
        params=params,  # type: ignore[arg-type]
    )


def _example(height: int, width: int) -> np.ndarray:
    """Draw a white square that moves over black: MLflow keeps examples as text, in which 0 is short."""
    frames = np.zeros((_EXAMPLE_FRAMES, height, width, 3), np.uint8)
    side = min(height, width) // 4
    for i, frame in enumerate(frames):
        left = side + i * side // 2
        frame[side : 2 * side, left : left + side] = 255
    return frames
