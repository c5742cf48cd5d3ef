import numpy as np
import pytest

from hd2s.models.centre_prior import center_prior


@pytest.mark.parametrize("size", [(36, 64), (37, 51)])
def test_the_prior_is_centred_and_stretched_like_the_frame(size):
    prior = center_prior(*size)
    assert prior.shape == size
    assert prior.dtype == np.float32
    np.testing.assert_allclose(prior, prior[::-1, ::-1])
    rows, columns = np.mgrid[: size[0], : size[1]]
    mass = prior / prior.sum()
    spread_y = np.sqrt((mass * (rows - (size[0] - 1) / 2) ** 2).sum()) / size[0]
    spread_x = np.sqrt((mass * (columns - (size[1] - 1) / 2) ** 2).sum()) / size[1]
    assert spread_y == pytest.approx(spread_x, rel=0.01)
    assert 0.17 < spread_y < 0.2, "σ is a fifth of the side, less what the border cuts off"
    assert prior.max() == prior[size[0] // 2, size[1] // 2]
    assert prior.max() <= 1


def test_a_spread_can_be_given():
    assert center_prior(20, 20, spread=0.1).sum() < center_prior(20, 20).sum()
