"""A training's weights as a model in MLflow: loaded from anywhere, they predict as the grid does."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from mlflow import MlflowClient

from grid.plan import ModelSpec
from grid.tracking.models import log_model, predictor_options
from grid.tracking.runs import RunStore
from hd2s import build_model, save_weights
from hd2s.prediction.predictor import Predictor
from hd2s.prediction.served import _load_pyfunc
from hd2s.weights.checkpoints import WeightsError
from tests.grid.invented import table5

SIZE = {"clip_length": 8, "height": 32, "width": 64, "conspicuity": (1, 2)}
LOAD = """
import sys
import mlflow, numpy
mlflow.set_tracking_uri(sys.argv[1])
model, clip = mlflow.pyfunc.load_model(sys.argv[2]), numpy.load("clip.npy")
found = {domain: model.predict(clip, params={"domain": domain}) for domain in sys.argv[3:]}
numpy.savez("maps.npz", default=model.predict(clip), **found)
import hd2s
print(hd2s.__file__)
"""


class Logged:
    """A model of random weights, logged for a training of the demo's Table 5."""

    def __init__(self, folder: Path, name: str, *, copy: bool, **options):
        self.folder, self.uri = folder, f"sqlite:///{folder / 'mlflow.db'}"
        plan = table5()
        training = next(iter(plan.trainings.values()))
        model = ModelSpec(name, {**SIZE, **options})
        self.training = replace(training, spec=replace(training.spec, model=model))
        self.network = build_model(name, seed=3, **SIZE, **options)
        self.weights = folder / "checkpoints" / "best.pt"
        self.weights.parent.mkdir()
        save_weights(self.network, self.weights)
        self.options = predictor_options(plan, training)
        if model.config.learns_smoothing:
            # Its evaluations would have none.
            del self.options["smoothing_sigma"]
        store = RunStore(self.uri, "models", folder / "artifacts")
        run = store.ensure(training.id, training.label, {}, {})
        self.id = log_model(store, run, self.training, self.weights, self.options, copy=copy)
        self.logged = MlflowClient(self.uri).get_logged_model(self.id)
        self.place = Path(self.logged.artifact_location.removeprefix("file://"))

    def predict(self, clip: np.ndarray, *domains: str) -> dict[str, np.ndarray]:
        """Load it in another process and folder; the maps by domain, and without one as "default"."""
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        np.save(elsewhere / "clip.npy", clip)
        command = [sys.executable, "-c", LOAD, self.uri, f"models:/{self.id}", *domains]
        answer = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr
        assert answer.stdout.startswith(str(self.place)), "the code comes with the model"
        return dict(np.load(elsewhere / "maps.npz"))

    def expected(self, clip: np.ndarray, **options) -> np.ndarray:
        predictor = Predictor(self.network.eval(), **self.options, **options)
        return np.stack(list(predictor(clip)))


def clip_of(n_frames: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n_frames, 32, 64, 3), np.uint8)


@pytest.fixture(scope="module")
def referred(tmp_path_factory) -> Logged:
    return Logged(tmp_path_factory.mktemp("referred"), "hd2s", copy=False)


@pytest.mark.slow
def test_it_predicts_a_clip_as_the_grid_does(referred):
    clip = clip_of(11)
    found = referred.predict(clip)["default"]
    assert referred.options["smoothing_sigma"] == 2.0, "the demo's"
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, referred.expected(clip), rtol=0, atol=1e-6)


@pytest.mark.slow
def test_it_has_a_signature_and_an_example_and_takes_little_room(referred):
    import mlflow

    model = mlflow.models.Model.load(referred.place)
    assert [spec.shape for spec in model.signature.inputs] == [(-1, 32, 64, 3)]
    assert [spec.shape for spec in model.signature.outputs] == [(-1, 32, 64)]
    example = model.load_input_example(referred.place)
    assert (example.dtype, example.shape) == (np.uint8, (2, 32, 64, 3))
    size = sum(path.stat().st_size for path in referred.place.rglob("*") if path.is_file())
    assert size < 2e6 < referred.weights.stat().st_size
    assert referred.logged.status == "READY"
    (output,) = MlflowClient(referred.uri).get_run(referred.logged.source_run_id).outputs.model_outputs
    assert output.model_id == referred.id


def test_weights_that_have_changed_or_gone_are_told(referred):
    data, content = next(referred.place.rglob("model.json")).parent, referred.weights.read_bytes()
    try:
        save_weights(build_model("hd2s", seed=4, **SIZE), referred.weights)
        with pytest.raises(WeightsError, match="other weights than those that were logged"):
            _load_pyfunc(str(data))
        referred.weights.unlink()
        with pytest.raises(WeightsError, match=r"tracking\.models=copy"):
            _load_pyfunc(str(data))
    finally:
        referred.weights.write_bytes(content)


@pytest.mark.parametrize("original", ["kept", "changed", "gone"])
def test_weights_move_with_their_output_folder(referred, tmp_path, original):
    """A moved folder's models, and a copy's, are those that lie in it, whatever became of the first."""
    moved = tmp_path / "moved"
    shutil.copytree(referred.folder, moved)
    data = next(moved.rglob("model.json")).parent
    content = referred.weights.read_bytes()
    try:
        if original != "kept":
            referred.weights.unlink()
        if original == "changed":
            save_weights(build_model("hd2s", seed=4, **SIZE), referred.weights)
        served = _load_pyfunc(str(data))
        (moved / "checkpoints" / "best.pt").unlink()
        if original == "kept":
            _load_pyfunc(str(data))
        else:
            with pytest.raises(WeightsError):
                _load_pyfunc(str(data))
    finally:
        referred.weights.write_bytes(content)
    assert all(map(torch.equal, served.model.state_dict().values(), referred.network.state_dict().values()))


@pytest.mark.slow
def test_a_copy_needs_no_checkpoint_and_a_domain_can_be_chosen(tmp_path):
    domains, clip = ("DHF1K", "UCFSports"), clip_of(9)
    logged = Logged(tmp_path, "hd2s", copy=True, domains=domains)
    logged.weights.unlink()
    found = logged.predict(clip, *domains)
    for domain in domains:
        np.testing.assert_allclose(found[domain], logged.expected(clip, domain=domain), rtol=0, atol=1e-6)
    assert np.array_equal(found["default"], found["DHF1K"]), "the first is the default"
    assert not np.array_equal(found["default"], found["UCFSports"])


def test_the_description_names_the_weights(referred):
    (description,) = referred.place.rglob("model.json")
    content = json.loads(description.read_text())
    assert content["weights"] == str(referred.weights)
    assert content["predictor"] == referred.options
