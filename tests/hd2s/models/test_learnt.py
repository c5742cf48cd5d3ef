"""What is read off models' weights."""

import numpy as np
import pytest
import torch

from hd2s import build_model
from hd2s.approaches.registry import approaches
from hd2s.models.learnt import deviation
from tests.hd2s.models.small_models import SMALL
from tests.hd2s.models.toy_models import TOY, declared

DOMAINS = ("DHF1K", "UCFSports")


def test_of_most_models_there_is_nothing():
    found = declared(TOY).learnt(None)
    assert (found.fusion, found.priors, found.smoothing, found.sigma) == ({}, {}, None, None)


def test_hd2s_tells_fusion_weights_from_the_shallowest_on():
    model = build_model("hd2s", **SMALL)
    with torch.no_grad():
        model.fusion.weight.copy_(torch.tensor([4.0, 3, 2, 1]).reshape(1, 4, 1, 1))
    found = model.learnt(None)
    assert found.fusion == {f"conspicuity_{level}": level for level in (1, 2, 3, 4)}
    assert (found.priors, found.sigma) == ({}, None)


def test_hd2s_tells_each_domain_s_own():
    model = build_model("hd2s", **SMALL, conspicuity=(1, 2), domains=DOMAINS)
    with torch.no_grad():
        model.smoothing["UCFSports"].sigma.fill_(2.0)
        model.priors["2"].gaussians["UCFSports"][0] = torch.tensor([[0.1, 0.0], [0.9, -1.0]])
    own, other = model.learnt("UCFSports"), model.learnt("DHF1K")
    assert (own.sigma, other.sigma) == (2.0, 5.0)
    assert own.smoothing.sum() == pytest.approx(1)
    assert deviation(own.smoothing) == pytest.approx(2.0, abs=1e-3)
    np.testing.assert_allclose(own.priors["level 2"][0], [[0.1, 1.0], [0.9, np.exp(-1)]], rtol=1e-6)
    np.testing.assert_allclose(other.priors["level 2"][0], [[0.25, np.exp(-1.5)]] * 2, rtol=1e-6)
    with pytest.raises(ValueError, match="domain"):
        model.learnt(None)


def test_unisal_tells_priors_and_the_width_of_its_filter():
    found = build_model("unisal", domains=DOMAINS).learnt("DHF1K")
    assert found.priors["encoded"].shape == (16, 2, 2)
    assert found.smoothing.shape == (41, 41)
    assert found.sigma == pytest.approx(5.54, abs=0.01)


def test_a_filter_without_a_variance_has_no_width():
    assert deviation(-np.ones((3, 3))) is None
    sharp = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0.0]])
    assert deviation(sharp) is None
    assert deviation(np.ones((3, 3))) == pytest.approx((2 / 3) ** 0.5)


def test_a_model_inside_another_tells_the_same():
    model = build_model("hd2s", **SMALL, conspicuity=(1, 2))
    around = approaches()["calibration"].around
    assert around(model).learnt(None) == model.learnt(None)
