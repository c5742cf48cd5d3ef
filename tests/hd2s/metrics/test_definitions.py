"""What is declared of the metrics is true of their numbers, and more metrics can be added from outside."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
import torch

from hd2s.metrics import definitions
from hd2s.metrics.definitions import METRICS, Metric, find_metric, known_metrics, register
from hd2s.metrics.scores import score_frames
from tests.hd2s.metrics.plain_metrics import KINDS, example
from tests.places import REPOSITORY

PLUGIN = """
from hd2s.metrics.definitions import Metric


def mean_at_fixations(frame):
    if not len(frame.fixated):
        return float("nan")
    return float(frame.saliency.values[frame.fixated].mean())


METRIC = Metric("mean", 0.0, 1.0, larger_is_better=True, of_frame=mean_at_fixations)
"""


@pytest.fixture
def registry(monkeypatch):
    """What a test adds is gone after it."""
    monkeypatch.setattr(definitions, "_REGISTERED", dict(definitions._REGISTERED))


@pytest.fixture
def plugin(tmp_path, registry):
    (tmp_path / "plugin.py").write_text(PLUGIN)
    spec = importlib.util.spec_from_file_location("plugin", tmp_path / "plugin.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    register(module.METRIC)
    return module.METRIC


def test_the_six_stand_in_the_order_of_their_columns():
    assert METRICS == ("NSS", "CC", "SIM", "AUC-J", "s-AUC", "KLD")
    assert known_metrics() == METRICS
    assert [find_metric(name).name for name in METRICS] == list(METRICS)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_lie_in_their_ranges(kind):
    frames = [example(seed, kind=kind) for seed in range(8)]
    saliency, points, truth, others = (list(part) for part in zip(*frames, strict=True))
    for name, column in score_frames(np.stack(saliency), points, np.stack(truth), others).items():
        metric = find_metric(name)
        assert (column >= metric.low).all(), name
        assert (column <= metric.high).all(), name


def test_the_true_map_is_better_than_its_opposite_by_every_metric():
    _, points, truth, others = example(2)
    maps = np.stack([truth, 255 - truth])
    for name, (right, wrong) in score_frames(maps, [points] * 2, np.stack([truth] * 2), others).items():
        assert (right > wrong) == find_metric(name).larger_is_better, name


def test_arrays_are_scored_and_ranges_asked_for_without_pytorch():
    code = (
        "import sys, numpy as np\n"
        "from hd2s.metrics import BENCHMARK, METRICS, score_frames\n"
        "from hd2s.metrics.definitions import find_metric\n"
        "image, points = np.arange(12.0).reshape(1, 3, 4), np.array([[2, 3]])\n"
        "scores = score_frames(image, [points], image, points, convention=BENCHMARK)\n"
        "assert tuple(scores) == METRICS and scores['CC'][0] == find_metric('CC').high\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_metric_of_one_s_own_is_scored_by_its_name(plugin):
    saliency, points, truth, others = example(0)
    assert known_metrics() == (*METRICS, "mean")
    frames = np.stack([saliency] * 2), [points, points[:0]], np.stack([truth] * 2), others
    got = score_frames(*frames, metrics=("mean", "NSS"))
    assert list(got) == ["mean", "NSS"]
    assert got["mean"][0] == pytest.approx(np.mean([saliency[y, x] for y, x in points]))
    assert np.isnan(got["mean"][1])
    assert got["NSS"][0] == score_frames(*frames)["NSS"][0]
    assert "mean" not in score_frames(*frames), "only where it is asked for"


def test_a_name_is_given_once(plugin):
    register(plugin)
    for name in ("mean", "NSS"):
        with pytest.raises(ValueError, match=f"metric {name}: expected a name that is free"):
            register(Metric(name, 0.0, 1.0, larger_is_better=True, of_frame=lambda frame: 0.5))
    assert find_metric("mean") is plugin


def test_an_unknown_name_is_told_with_its_neighbour():
    with pytest.raises(ValueError, match=r"Unknown metric NNS\. Did you mean NSS\? Available: NSS, CC, SIM"):
        find_metric("NNS")
    saliency, points, truth, others = example(0)
    with pytest.raises(ValueError, match=r"Unknown metric AUC\. "):
        score_frames(saliency[None], [points], truth[None], others, metrics=("AUC",))


class _OnGPU(torch.Tensor):
    """A tensor that says of itself what one on a GPU says."""

    is_cuda = True


@pytest.mark.parametrize(("of_batch", "form"), [(lambda batch: torch.ones(2), 1.0), (None, 0.0)])
def test_a_batch_form_is_taken_for_tensors_on_a_gpu_where_there_is_one(registry, of_batch, form):
    register(Metric("form", 0.0, 1.0, larger_is_better=True, of_frame=lambda frame: 0.0, of_batch=of_batch))
    saliency, points, truth, others = example(0)
    saliency = torch.from_numpy(np.stack([saliency] * 2)).as_subclass(_OnGPU)
    frames = saliency, [points] * 2, torch.from_numpy(np.stack([truth] * 2)), others
    assert score_frames(*frames, metrics=["form"])["form"].tolist() == [form] * 2
