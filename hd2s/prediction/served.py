"""A checkpoint as `mlflow.pyfunc` loads it: the frames of a clip in, their saliency maps out.

MLflow itself stays outside: it names this module in the folder of a model, and calls `_load_pyfunc` with what
`describe` has written there. The weights lie beside the description, or where the training has left them.
"""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hd2s import plugins
from hd2s.files import sha256_of
from hd2s.prediction.open_checkpoint import open_checkpoint
from hd2s.prediction.predictor import Predictor
from hd2s.weights.checkpoints import WeightsError

_DESCRIPTION, _WEIGHTS = "model.json", "weights.pt"


def describe(
    folder: Path, weights: Path, options: Mapping[str, Any], modules: Sequence[str] = (), *, copy: bool
) -> None:
    """Write what `_load_pyfunc` reads.

    Args:
        folder: where to, made if it is not there.
        weights: a checkpoint of our own.
        options: of `hd2s.prediction.predictor.Predictor`, JSON-able.
        modules: names of those that declare the model and its approach, where they are not this project's.
        copy: put the weights beside the description; else it refers to where they are, and by folder and name
            to what lies so beside any folder above: both may move together.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if copy:
        shutil.copyfile(weights, folder / _WEIGHTS)
    content = {
        "weights": _WEIGHTS if copy else str(weights.resolve()),
        "beside": "" if copy else f"{weights.resolve().parent.name}/{weights.name}",
        "sha256": sha256_of(weights),
        "predictor": dict(options),
        "modules": list(modules),
    }
    (folder / _DESCRIPTION).write_text(json.dumps(content, indent=2), encoding="utf-8")


class ServedModel:
    """Predicts clips with a checkpoint, as MLflow asks it to.

    Args:
        weights: a checkpoint that says what it is of (`hd2s.save_weights`), perhaps how its test predicts.
        options: of `hd2s.prediction.predictor.Predictor`, which go before what the checkpoint says.
    """

    def __init__(self, weights: Path, options: Mapping[str, Any]) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = open_checkpoint(weights).to(self.device)
        tested = self.model.tested
        self.options = {**(tested.predictor_options if tested else {}), **options}
        self._predictor = lru_cache(maxsize=None)(self._make_predictor)

    def predict(self, model_input: np.ndarray, params: Mapping[str, Any] | None = None) -> np.ndarray:
        """Return the saliency maps of a clip's N frames, float32 (N, H, W).

        Args:
            model_input: uint8 (N, H, W, 3), RGB, at the size that the model was built for.
            params: `domain`: the corpus whose own layers a domain-specific model takes.
        """
        domain = (params or {}).get("domain")
        return np.stack(list(self._predictor(domain)(np.asarray(model_input))))

    def _make_predictor(self, domain: str | None) -> Predictor:
        return Predictor(self.model, domain=domain, device=self.device, **self.options)


def _load_pyfunc(path: str) -> ServedModel:
    """Load what `describe` has written into a folder; MLflow calls it by this name.

    Raises:
        WeightsError: the weights that are referred to are gone, or others by now.
    """
    folder = Path(path)
    content = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
    weights = _found(folder, content)
    if weights is None:
        raise WeightsError(
            f"{folder / content['weights']}: the weights of this model are not there. It was logged by"
            " reference: mount the output folder of its grid, or log models with tracking.models=copy."
        )
    for name in content.get("modules", ()):
        plugins.register(importlib.import_module(name))
    return ServedModel(weights, content["predictor"])


def _found(folder: Path, content: Mapping[str, Any]) -> Path | None:
    """Return the weights that a description in a folder refers to; None where there are none.

    Raises:
        WeightsError: there are others.
    """
    beside = content.get("beside", "")
    places = [above / beside for above in folder.resolve().parents] if beside else []
    there = [place for place in (*places, folder / content["weights"]) if place.is_file()]
    same = [place for place in there if sha256_of(place) == content["sha256"]]
    if there and not same:
        raise WeightsError(f"{there[0]}: other weights than those that were logged; train and log them again")
    return same[0] if same else None
