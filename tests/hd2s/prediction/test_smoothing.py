import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from hd2s.prediction.smoothing import gaussian_smooth


@pytest.mark.parametrize("sigma", [0.7, 5.0, 7.0])
@pytest.mark.parametrize("size", [(128, 192), (37, 20), (5, 1)])  # the last two narrower than the kernel
def test_smoothing_equals_scipys(sigma, size):
    maps = np.random.default_rng(0).random((3, *size), dtype=np.float32)
    expected = np.stack([gaussian_filter(m.astype(np.float64), sigma) for m in maps])
    np.testing.assert_allclose(gaussian_smooth(torch.from_numpy(maps), sigma), expected, atol=1e-6)


def test_smoothing_keeps_float32_under_autocast():
    maps = torch.rand(2, 20, 30)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        smooth = gaussian_smooth(maps, 2.0)
    torch.testing.assert_close(smooth, gaussian_smooth(maps, 2.0), rtol=0, atol=0)
    assert gaussian_smooth(maps.bfloat16(), 2.0).dtype == torch.float32
