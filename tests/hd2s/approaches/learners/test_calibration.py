"""Calibration: an identity at first, which alone learns, and learns what a target's maps are like."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.linalg import expm
from scipy.ndimage import gaussian_filter
from torch import nn

from hd2s import build_model, export_weights, load_weights, save_weights
from hd2s.approaches.contract import LearnerOptions, MicroBatch
from hd2s.approaches.learners.calibration import CalibratedModel, Calibration, CalibrationLearner
from hd2s.losses import kld
from hd2s.models.contract import Prediction
from hd2s.prediction.open_checkpoint import open_checkpoint
from hd2s.training.iteration import Recipe, take_iteration
from hd2s.training.optimiser import Optimiser, OptimiserOptions
from hd2s.weights.checkpoints import WeightsError
from tests.hd2s.models.hd2s.published import random_state
from tests.hd2s.models.small_models import SMALL, clips, frames_of, predict_clip, same
from tests.hd2s.models.toy_models import TOY, OrderSensitive, declared

pytestmark = pytest.mark.slow


PARAMETERS = {"sharpness", "prior_weight", "prior_mean", "prior_spread", "blur", "bias"}


def calibration(**values):
    module = Calibration()
    module.reset_parameters()
    with torch.no_grad():
        for name, value in values.items():
            getattr(module, name).copy_(torch.tensor(value))
    return module


def blobs(batch=4, size=(32, 48), sigma=3.0, seed=0):
    """Maps of a Gaussian blob each, anywhere, over a faint texture."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]]
    texture = 0.02 + 0.02 * generator.random((batch, *size))
    centres = generator.uniform(0.2, 0.8, (batch, 2)) * size
    blobs = [np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * sigma**2)) for cy, cx in centres]
    return torch.from_numpy(texture + 0.7 * np.stack(blobs)).float()


@pytest.fixture(scope="module")
def source():
    """A source model of lively maps, whose running statistics have seen clips."""
    model = build_model("hd2s", seed=0, bn_momentum=0.5, fusion_gain=2.0, **SMALL)
    torch.manual_seed(0)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (nn.Conv2d, nn.Conv3d)) and module is not model.fusion:
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        for seed in range(2):
            model(clips(seed=seed))
    return model.eval()


@pytest.fixture
def learner(source, tmp_path):
    """A learner on a model that has loaded the source's own checkpoint."""
    save_weights(source, tmp_path / "source.pt")
    model = build_model("hd2s", seed=1, bn_momentum=0.5, fusion_gain=2.0, **SMALL)
    assert load_weights(model, tmp_path / "source.pt") == "own"
    return CalibrationLearner(model, LearnerOptions(seed=1))


@pytest.fixture
def calibrated(learner):
    return learner.result()


def test_it_starts_as_the_source_model(source, calibrated):
    expected, found = source(clips()), calibrated(clips())
    assert expected.saliency.std() > 0.03
    torch.testing.assert_close(found.saliency, expected.saliency, rtol=0, atol=1e-6)
    assert found.auxiliary.keys() == expected.auxiliary.keys()
    assert same(dict(found.auxiliary), dict(expected.auxiliary))
    assert same(dict(found.features), dict(expected.features))


@pytest.mark.parametrize("peak", [1.0, 0.5, 1e-3])
def test_the_identity_holds_for_maps_of_any_range(peak):
    maps = blobs() * peak
    maps[0, :5] = 0
    torch.testing.assert_close(calibration()(maps), maps, rtol=0, atol=1e-6 * peak)


def test_fewer_than_20_parameters_are_trained(calibrated):
    trained = {name: p.numel() for name, p in calibrated.named_parameters() if p.requires_grad}
    assert trained.keys() == {f"calibration.{name}" for name in PARAMETERS}
    assert sum(trained.values()) == 8


def test_nothing_but_the_calibration_moves(source, learner):
    """Through the training's own iteration, with a weight decay that would show."""
    optimiser = Optimiser(learner, OptimiserOptions(lr=1e-2, weight_decay=0.1))
    batches = (
        ([MicroBatch(clips(seed=k), blobs(2, (32, 32), seed=k)[:, None])], []) for k in itertools.count()
    )
    for iteration in range(3):
        take_iteration(learner, optimiser, Recipe(iterations=3, accumulate=2), iteration, batches)
    after = learner.result().state_dict()
    before = {f"model.{name}": value for name, value in source.state_dict().items()}
    assert after.keys() - before.keys() == {f"calibration.{name}" for name in PARAMETERS}
    assert all(torch.equal(after[name], before[name]) for name in before)
    start = calibration().state_dict()
    assert all(not torch.equal(after[f"calibration.{name}"], start[name]) for name in PARAMETERS)
    assert not any(module.training for module in learner.result().modules())


def adapted(maps, targets, steps=400):
    """Fit a calibration as a training does, at the paper's learning rate."""
    module = calibration()
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-3, weight_decay=2e-7)
    for _ in range(steps):
        optimiser.zero_grad()
        kld(module(maps), targets).mean().backward()
        optimiser.step()
    return module


@torch.no_grad()
def held_out(module, deform):
    """KLD on other maps than those learnt from: as they are, and calibrated."""
    maps = blobs(8, seed=1)
    return kld(maps, deform(maps)).mean().item(), kld(module(maps), deform(maps)).mean().item()


def blurred(maps):
    return torch.from_numpy(gaussian_filter(maps.numpy(), (0, 4, 4)))


def sharpened(maps):
    return maps**2


def moved(maps):
    """Viewers who prefer what lies to the left, a little above the middle."""
    y, x = np.mgrid[:32, :48]
    prior = np.exp(-((y / 31 - 0.4) ** 2 / (2 * 0.3**2)) - ((x / 47 - 0.25) ** 2 / (2 * 0.15**2)))
    return maps * torch.from_numpy(np.exp(3 * prior)).float()


def raised(maps):
    return maps + 0.1


@pytest.mark.parametrize("deform", [blurred, sharpened, moved, raised])
def test_it_learns_what_a_target_does_otherwise(deform):
    module = adapted(blobs(8), deform(blobs(8)))
    before, after = held_out(module, deform)
    assert before > 0.03
    assert after < 0.05 * before


def test_what_is_learnt_can_be_read():
    wide = adapted(blobs(8), blurred(blobs(8)))
    assert abs(wide.blur.item()) * 32 == pytest.approx(4, rel=0.15)
    assert math.exp(10 * adapted(blobs(8), sharpened(blobs(8))).sharpness.item()) == pytest.approx(
        2, rel=0.05
    )
    left = adapted(blobs(8), moved(blobs(8)), steps=800)
    assert left.prior_mean.tolist() == pytest.approx([-0.1, -0.25], abs=0.03)
    spread = [0.2 * math.exp(10 * value) for value in left.prior_spread.tolist()]
    assert spread == pytest.approx([0.3, 0.15], rel=0.15)
    assert 10 * left.prior_weight.item() == pytest.approx(3, rel=0.15)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 2.0, 6.0])
def test_blur_is_diffusion_between_neighbouring_pixels(sigma):
    """Against the matrix exponential of the second difference with a mirrored border."""

    def diffusion(n):
        laplacian = np.diag(np.full(n - 1, 1.0), 1) + np.diag(np.full(n - 1, 1.0), -1) - 2 * np.eye(n)
        laplacian[0, 0] = laplacian[-1, -1] = -1
        return expm(sigma**2 / 2 * laplacian)

    maps = blobs(2)
    expected = diffusion(32) @ maps.double().numpy() @ diffusion(48)
    expected *= (maps.amax((1, 2)).numpy() / expected.max((1, 2)))[:, None, None]
    found = calibration(blur=sigma / 32)(maps).detach()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    if sigma >= 2:
        sampled = gaussian_filter(maps.numpy(), (0, sigma, sigma))
        sampled *= (maps.amax((1, 2)).numpy() / sampled.max((1, 2)))[:, None, None]
        np.testing.assert_allclose(found, sampled, atol=0.01)


def test_maps_stay_maps_whatever_is_learnt():
    extreme = calibration(
        sharpness=0.3, prior_weight=-1.0, prior_mean=[0.9, -0.9], prior_spread=[0.2, -0.2], blur=1.0, bias=2.0
    )
    maps = blobs()
    maps[0] = 0.25
    maps[1, :5] = 0
    found = extreme(maps)
    assert found.min() > 0
    torch.testing.assert_close(found.amax((1, 2)), maps.amax((1, 2)))
    kld(found, blobs(seed=3)).sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in extreme.parameters())


@pytest.fixture
def trained(calibrated):
    values = calibration(sharpness=0.1, prior_weight=0.1, prior_mean=[0.1, -0.2], blur=0.05, bias=0.1)
    calibrated.calibration.load_state_dict(values.state_dict())
    return calibrated


def test_the_fast_way_predicts_as_the_plain_one(trained):
    plain, fast = (predict_clip(trained, frames_of(19), method=method) for method in ("plain", "fast"))
    np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-5)
    assert np.ptp(plain) > 0.05


def test_no_fixed_smoothing_follows(trained):
    default, none = (predict_clip(trained, frames_of(9), **o) for o in ({}, {"smoothing_sigma": None}))
    np.testing.assert_array_equal(default, none)


class EveryFrame(OrderSensitive):
    """Answers with the frames themselves, so that every answer differs from the others."""

    def forward(self, clips, domain=None, *, unlabelled=False):
        return Prediction(clips[:, 0].abs() + 0.1)


def test_every_answered_frame_is_calibrated_by_itself():
    toy = replace(TOY, build=EveryFrame)
    model = CalibratedModel(declared(toy, frames=3, answers="every"))
    model.calibration.load_state_dict(calibration(sharpness=0.1, blur=0.2, bias=0.3).state_dict())
    windows = torch.rand(2, 3, 3, 6, 7)
    found, plain = model(windows).saliency, model.model(windows).saliency
    assert found.shape == (2, 3, 6, 7)
    for clip in range(2):
        for answer in range(3):
            expected = model.calibration(plain[clip, answer][None])[0]
            torch.testing.assert_close(found[clip, answer], expected)


def test_its_own_checkpoint_comes_back_and_is_no_plain_models(trained, tmp_path):
    save_weights(trained, tmp_path / "calibrated.pt", "calibration")
    other = CalibratedModel(build_model("hd2s", seed=2, **SMALL))
    assert load_weights(other, tmp_path / "calibrated.pt") == "own"
    assert same(other.state_dict(), trained.state_dict())
    assert same(open_checkpoint(tmp_path / "calibrated.pt").state_dict(), trained.state_dict())
    with pytest.raises(WeightsError, match=r"unexpected calibration\.bias"):
        load_weights(build_model("hd2s", **SMALL), tmp_path / "calibrated.pt")


def test_half_a_calibration_is_refused(trained, tmp_path):
    save_weights(trained, tmp_path / "calibrated.pt", "calibration")
    content = torch.load(tmp_path / "calibrated.pt", weights_only=True)
    del content["state"]["calibration.blur"], content["digest"]
    torch.save(content, tmp_path / "half.pt")
    with pytest.raises(WeightsError, match=r"1 problems\): missing calibration\.blur"):
        load_weights(trained, tmp_path / "half.pt")


def test_the_authors_layout_can_be_calibrated_but_not_hold_it(source, trained, tmp_path):
    export_weights(source, tmp_path / "published.pt")
    before = {name: value.clone() for name, value in trained.calibration.state_dict().items()}
    for value in trained.model.state_dict().values():
        value.zero_()
    assert load_weights(trained, tmp_path / "published.pt") == "published"
    assert same(trained.model.state_dict(), source.state_dict())
    assert same(trained.calibration.state_dict(), before)
    with pytest.raises(WeightsError, match=r"no place for calibration\.bias, calibration\.blur"):
        export_weights(trained, tmp_path / "exported.pt")
    assert not (tmp_path / "exported.pt").exists()


def test_weights_that_start_a_training_start_the_model_inside(trained, tmp_path):
    torch.save(random_state("kinetics"), tmp_path / "s3d.pt")
    plain = build_model("hd2s", seed=2, **SMALL)
    assert load_weights(plain, tmp_path / "s3d.pt") == load_weights(trained, tmp_path / "s3d.pt")
    assert same(trained.model.backbone.state_dict(), plain.backbone.state_dict())
