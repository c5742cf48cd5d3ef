"""Files of weights say which model they are of, and ``python -m hd2s predict`` builds that one."""

import numpy as np
import pytest
import torch
from PIL import Image

from hd2s import build_model, export_weights, load_weights, save_weights
from hd2s.__main__ import main
from hd2s.commands import predict
from hd2s.weights.checkpoints import WeightsError
from hd2s.weights.recognition import candidates
from tests.hd2s.published import random_state

SMALL = {"clip_length": 8, "height": 32, "width": 64}
VARIANTS = [
    ("hd2s", {"conspicuity": (3,), "fusion_gain": 2.0}),
    ("hd2s_da", {"conspicuity": (2, 4), "bn_momentum": np.float64(0.1)}),
    ("hd2s_dsl", {"domains": ("LEDOV", "DHF1K"), "priors": False, "max_sigma": 5.0}),
    ("hd2s_calibrated", {"height": np.int64(64)}),
]


@pytest.fixture
def built(monkeypatch):
    """Return what the command has built."""
    models = []

    def build(*arguments, **options):
        models.append(build_model(*arguments, **options))
        return models[-1]

    monkeypatch.setattr(predict, "build_model", build)
    return models


def run(tmp_path, weights, *arguments) -> int:
    folder = tmp_path / "still"
    folder.mkdir(exist_ok=True)
    Image.fromarray(np.full((40, 70, 3), 90, np.uint8)).save(folder / "1.png")
    given = ["predict", folder, "--weights", weights, "--out", tmp_path / "out", "--device", "cpu"]
    return main([*map(str, given), *arguments])


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_predict_builds_what_a_checkpoint_tells(tmp_path, built, name, options):
    model = build_model(name, seed=1, **SMALL | options)
    save_weights(model, tmp_path / "model.pt")
    assert run(tmp_path, tmp_path / "model.pt", *(["--domain", "DHF1K"] * (name == "hd2s_dsl"))) == 0
    assert [(each.zoo_name, each.config) for each in built] == [(name, model.config)]
    assert (tmp_path / "out" / "still" / "maps" / "0001.png").exists()


def test_the_command_line_s_size_goes_before_the_checkpoint_s(tmp_path, built):
    save_weights(build_model("hd2s", seed=1, **SMALL), tmp_path / "model.pt")
    assert run(tmp_path, tmp_path / "model.pt", "--height", "64") == 0
    assert (built[0].config.height, built[0].config.width) == (64, 64)


def test_older_checkpoints_are_still_read(tmp_path, built):
    model = build_model("hd2s", seed=1, **SMALL)
    save_weights(model, tmp_path / "model.pt")
    content = torch.load(tmp_path / "model.pt", weights_only=True)
    del content["model"]
    torch.save(content, tmp_path / "older.pt")
    assert load_weights(build_model("hd2s", **SMALL), tmp_path / "older.pt") == "own"
    assert run(tmp_path, tmp_path / "older.pt", "--height", "32", "--width", "32") == 0
    assert built[0].zoo_name == "hd2s"


@pytest.mark.parametrize(("protocol", "quantise"), [("paper", False), ("released", True)])
def test_the_released_protocol_rounds_before_learned_smoothing(tmp_path, built, protocol, quantise):
    torch.save(random_state("hd2s_dsl"), tmp_path / "released.pth")
    size = ("--clip-length", "8", "--height", "32", "--width", "32", "--domain", "DHF1K")
    assert run(tmp_path, tmp_path / "released.pth", *size, "--protocol", protocol) == 0
    assert built[-1].zoo_name == "hd2s_dsl"
    assert built[-1].config.quantise == quantise


def test_the_domains_of_published_weights_are_read_from_them(tmp_path):
    options = {"domains": ("DHF1K", "Hollywood2"), "smoothing": False}
    export_weights(build_model("hd2s_dsl", seed=0, **SMALL, **options), tmp_path / "two.pth")
    found = dict(candidates(tmp_path / "two.pth"))["hd2s_dsl"]
    assert found == {**options, "batch_norm": True, "priors": True, "fusion": True}


def test_of_misfits_the_nearest_is_told(tmp_path, capsys):
    state = random_state("hd2s_dsl")
    del state["GL__dhf1k.sigma"]
    torch.save(state, tmp_path / "released.pth")
    assert run(tmp_path, tmp_path / "released.pth", "--domain", "DHF1K") == 2
    assert "(1 problems): missing GL__dhf1k.sigma" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["kinetics", "torchvision"])
def test_weights_without_decoders_are_refused(tmp_path, capsys, kind):
    torch.save(random_state(kind), tmp_path / "s3d.pth")
    assert run(tmp_path, tmp_path / "s3d.pth") == 2
    assert "have no decoders for saliency" in capsys.readouterr().err


def test_a_damaged_description_is_a_plain_error(tmp_path):
    save_weights(build_model("hd2s", seed=1, **SMALL), tmp_path / "model.pt")
    content = torch.load(tmp_path / "model.pt", weights_only=True)
    torch.save(content | {"model": "hd2s"}, tmp_path / "model.pt")
    with pytest.raises(WeightsError, match="no name and configuration"):
        candidates(tmp_path / "model.pt")
