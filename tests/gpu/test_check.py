"""The check for machines with a GPU, on a processor: it runs, and it notices what is wrong."""

import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from hd2s.models import registry
from hd2s.models.config import Input, ModelConfig
from hd2s.models.contract import Prediction, SaliencyModel
from hd2s.models.declaration import Model
from tests.gpu import check
from tests.gpu.right.training import furthest
from tests.places import REPOSITORY

ABSENT = ("ray", "mlflow", "omegaconf")
# One loss, two with one backward pass, a loss of features, layers of domains' own.
ONE_OF_A_KIND = ("generalization", "adaptation", "coral", "domain-specific")


@dataclass(frozen=True)
class SmallConfig(ModelConfig):
    @property
    def input(self) -> Input:
        return Input(3, 16, 16)


class Small(SaliencyModel):
    """A convolution, its mean over time and a sigmoid; and something wrong with it, if that is asked for."""

    times = 0
    """That any of them was trained on."""

    def __init__(self, config: SmallConfig, fault: str):
        super().__init__(config)
        self.fault, self.steps = fault, 0
        self.conv, self.norm = nn.Conv3d(3, 1, 3, padding=1), nn.BatchNorm3d(1)

    def forward(self, clips, domain=None, *, unlabelled=False):
        del domain, unlabelled
        found = self.norm(self.conv(clips)).mean(2).sigmoid()
        in_single = found.dtype == torch.float32
        if self.fault == "output" and in_single:
            found = found.bfloat16().float()
        if self.fault == "gradient" and in_single and found.requires_grad:
            found.register_hook(lambda gradient: gradient * 1.001)
        if self.fault == "memory" and self.training:
            self.steps += 1  # which is part of no state
            found = found ** (1 + self.steps / 10)
        if self.fault == "unsteady" and self.training:
            Small.times += 1  # as a GPU that adds up in another order each time
            found = found * (1 + 1e-7 * Small.times)
        return Prediction(found)

    def stream(self, cast):
        del cast
        return Windows(self, 1.001 if self.fault == "stream" else 1.0)


class Windows:
    def __init__(self, model: Small, factor: float):
        self.model, self.factor = model, factor

    def begin(self, n_windows=None):
        del n_windows
        held, T = [], self.model.config.input.frames

        def push(frames):
            held.extend(frames.unbind(2))
            maps = []
            while len(held) >= T:
                maps.append(self.model(torch.stack(held[:T], dim=2)).saliency[:, 0] * self.factor)
                held.pop(0)
            return torch.cat(maps) if maps else None

        return push


def run(out, *options):
    status = check.main(["--out", str(out), "--device", "cpu", "--tiny", *options])
    return status, json.loads((out / "check.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "noticed"),
    [
        ("none", set()),
        ("output", {"output and gradients"}),
        ("gradient", {"output and gradients"}),
        ("stream", {"fast way of prediction"}),
        ("memory", {"resumption"}),
        ("unsteady", set()),
    ],
)
def test_a_model_made_wrong_on_purpose_makes_the_check_fail(tmp_path, monkeypatch, fault, noticed):
    monkeypatch.setattr(registry.MODELS, "plugged_in", {})
    word = f"small_{fault}"
    registry.register(Model(word, "Small", SmallConfig, lambda config: Small(config, fault)))
    status, found = run(tmp_path, "--parts", "right", "--models", word)
    rows = found["parts"]["right"]["rows"]
    assert {row["check"] for row in rows if not row.get("ok", True)} == noticed
    assert (status, found["right"]) == (1 if noticed else 0, not noticed)


def test_what_fails_is_written_down_and_the_next_part_goes_on(tmp_path, monkeypatch):
    missing = check.PARTS["training"]._replace(module="tests.gpu.no_such_module")
    monkeypatch.setitem(check.PARTS, "training", missing)
    status, found = run(tmp_path, "--parts", "training", "hours")
    training, hours = (found["parts"][word] for word in ("training", "hours"))
    assert (training["state"], training["error"][:19]) == ("failed", "ModuleNotFoundError")
    assert (hours["state"], status) == ("done", 0)
    assert all("left out" in row for row in hours["rows"])


@pytest.mark.slow
def test_a_part_ends_when_its_time_is_up_and_what_was_not_checked_is_not_right(tmp_path):
    status, found = run(tmp_path, "--parts", "right", "hours", "--minutes", "0.001")
    assert found["parts"]["right"]["error"].startswith("OutOfTime: not finished")
    assert found["parts"]["hours"]["state"] == "done", "what is left of no time is enough for it"
    assert (status, found["right"]) == (1, False)


def test_a_difference_that_is_not_a_number_is_larger_than_any_other():
    one = {"a": torch.tensor([1.0, 2.0]), "b": torch.tensor([0.5, math.nan])}
    other = {"a": torch.tensor([1.0, 2.5]), "b": torch.tensor([0.5, 0.0])}
    assert math.isnan(furthest(one, other))
    assert furthest(one, one) == 0
    assert furthest({"a": one["a"]}, {"a": other["a"]}) == 0.5


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Run the command as a person does, on a processor, where Ray and MLflow are not installed."""
    folder = tmp_path_factory.mktemp("check")
    for name in ABSENT:
        (folder / f"{name}.py").write_text("raise ImportError('absent')\n")
    # Seconds on a machine of one's own; what other tests beside it leave of the time is not what is tested.
    options = ["--out", str(folder / "out"), "--device", "cpu", "--tiny", "--minutes", "30"]
    options += ["--approaches", *ONE_OF_A_KIND]
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "tests" / "gpu" / "check.py"), *options],
        env={**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "out"


@pytest.mark.slow
def test_on_a_processor_everything_runs_and_is_right(whole):
    found = json.loads((whole / "check.json").read_text())
    assert {word: part["state"] for word, part in found["parts"].items()} == dict.fromkeys(
        check.PARTS, "done"
    )
    rows = [row for part in found["parts"].values() for row in part["rows"]]
    assert [row for row in rows if "error" in row] == []
    checks = [row for row in rows if "ok" in row]
    assert found["right"]
    assert all(row["ok"] for row in checks)
    trained = [word for word, model in registry.models().items() if model.trains]
    for word in trained:
        assert {row["check"] for row in checks if row.get("model") == word} == {
            "output and gradients",
            "fast way of prediction",
            "resumption",
        }
        measured = [part for part in found["parts"] if part != "right"]
        for part in measured:
            assert any(row.get("model") == word for row in found["parts"][part]["rows"]), (word, part)


@pytest.mark.slow
def test_a_model_that_an_approach_is_not_checked_with_has_no_such_rows(tmp_path):
    status, found = run(tmp_path, "--parts", "right", "--models", "unisal", "--approaches", "coral")
    checks = {row["check"] for row in found["parts"]["right"]["rows"]}
    assert (status, found["parts"]["right"]["state"]) == (0, "done")
    assert "fast way of prediction" in checks


@pytest.mark.long
def test_all_approaches_are_right(tmp_path):
    status, found = run(tmp_path, "--parts", "right", "--models", "hd2s", "--minutes", "30")
    compared = [row["with"] for row in found["parts"]["right"]["rows"] if "gradients" in row["check"]]
    assert {word for words in compared for word in words.split(", ")} > {*ONE_OF_A_KIND, "mmd", "dare-gram"}
    assert status == 0


@pytest.mark.slow
def test_what_needs_cuda_is_listed_as_left_out(whole):
    found = json.loads((whole / "check.json").read_text())
    left_out = [row for row in found["parts"]["training"]["rows"] if row.get("left out") == "needs CUDA"]
    assert {row["way"] for row in left_out} == {"CUDA graph", "compiled"}


@pytest.mark.slow
def test_the_table_tells_device_date_versions_and_commit(whole):
    found, text = json.loads((whole / "check.json").read_text()), (whole / "check.md").read_text()
    for name in ("device", "date", "torch", "commit"):
        assert f"| {name} | {found[name]} |" in text
    for part in found["parts"].values():
        assert f"## {part['title']}" in text
