"""The learner of Calibration; what that is, and whose, says `hd2s.approaches.calibration`."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hd2s.approaches.contract import Learner, LearnerOptions
from hd2s.approaches.frozen import FrozenModel
from hd2s.filters import cosine_matrix
from hd2s.layers.domains import gaussian_profiles
from hd2s.layers.initialisation import initialise
from hd2s.layers.matrices import on_device
from hd2s.models.contract import SaliencyModel

# Adam moves a parameter by about the learning rate in each iteration, whatever its gradient. At 1e-3 what
# is a logarithm would take thousands of them, so that it is ten times its parameter.
_GAIN = 10.0


_LOG_SPREAD = math.log(
    0.2
)  # of the prior at first, as of an unfitted centre prior (hd2s.models.centre_prior)


# Not 0, where a square has no slope; too small to be seen in a map.
_ALMOST_NONE = 1e-6


class Calibration(nn.Module):
    """Sharpness, centre prior, blur and bias of saliency maps; at first the identity.

    Every parameter is a departure from the identity. Signs of `blur` and `bias` mean nothing. The map keeps
    its peak, since neither the KLD nor the benchmark's metrics see a scale.

    Attributes:
        sharpness: the map is raised to the power exp(10·`sharpness`).
        prior_weight: the map's logarithm gains 10·`prior_weight` at the peak of a Gaussian, less around it; a
            negative weight pushes the map away.
        prior_mean: (y, x), where that peak lies, from the centre, in shares of the sides.
        prior_spread: (y, x), by which its σ is exp(10·`prior_spread`) of a fifth of the side.
        blur: σ of a Gaussian filter in shares of the map's height, mirrored at the border.
        bias: its square, in shares of the peak, is added everywhere.
    """

    def __init__(self):
        super().__init__()
        self.sharpness = nn.Parameter(torch.empty(()))
        self.prior_weight = nn.Parameter(torch.empty(()))
        self.prior_mean = nn.Parameter(torch.empty(2))
        self.prior_spread = nn.Parameter(torch.empty(2))
        self.blur = nn.Parameter(torch.empty(()))
        self.bias = nn.Parameter(torch.empty(()))

    def reset_parameters(self) -> None:
        """Start from the identity."""
        for name, parameter in self.named_parameters():
            nn.init.constant_(parameter, _ALMOST_NONE if name in ("blur", "bias") else 0.0)

    def forward(self, maps: Tensor) -> Tensor:
        """Calibrate (B, H, W), in (0, 1)."""
        height, width = maps.shape[1:]
        logarithm = maps.clamp_min(torch.finfo(maps.dtype).tiny).log()
        logarithm = logarithm * (_GAIN * self.sharpness).exp() + self._log_prior(height, width)
        sharpened = (logarithm - _peak(logarithm)).exp()
        variance = (self.blur.double() * height) ** 2
        rows, columns = (_diffusion(side, variance).to(maps.dtype) for side in (height, width))
        blurred = rows @ sharpened @ columns
        floor = self.bias**2
        return _peak(maps) * (blurred / _peak(blurred) + floor) / (1 + floor)

    def _log_prior(self, height: int, width: int) -> Tensor:
        """Evaluate the prior's part of the logarithm, (H, W)."""
        axes = torch.stack([0.5 + self.prior_mean, _LOG_SPREAD + _GAIN * self.prior_spread], dim=1)
        rows, columns = gaussian_profiles(axes[:1], height), gaussian_profiles(axes[1:], width)
        return _GAIN * self.prior_weight * rows.T * columns


class CalibratedModel(FrozenModel):
    """A model, frozen, with a calibration of its maps behind it: nothing else of it can be trained."""

    def __init__(self, model: SaliencyModel):
        super().__init__(model)
        self.calibration = Calibration()
        self.train()

    @property
    def learns_smoothing(self) -> bool:
        """A calibration learns how blurred its maps are to be; a fixed Gaussian after it would undo that."""
        return True

    def behind(self, maps: Tensor) -> Tensor:
        """Calibrate maps."""
        return self.calibration(maps)


class CalibrationLearner(Learner):
    """The calibration of a model that stays as it is."""

    def __init__(self, model: SaliencyModel, options: LearnerOptions):
        calibrated = CalibratedModel(model)
        super().__init__(calibrated, options)
        initialise(calibrated.calibration, options.seed, "calibration")


def _peak(maps: Tensor) -> Tensor:
    return maps.amax((-2, -1), keepdim=True)


def _diffusion(n: int, variance: Tensor) -> Tensor:
    """Blur along an axis of n pixels, mirrored at the border: float64 (n, n), symmetric, rows of sum 1.

    The discrete Gaussian, which is diffusion from pixel to pixel: it has exactly this variance, and a slope
    in it down to 0. A Gaussian sampled at the pixels has none there, so that a model which starts without
    blur could not learn any. In float64, lest rounding disturb what is far from a peak and nearly 0.
    """
    cosines = on_device(cosine_matrix, n, dtype=torch.float64, device=variance.device)
    decay = 1 - torch.cos(torch.arange(n, dtype=cosines.dtype, device=variance.device) * (math.pi / n))
    return (cosines.T @ ((-variance * decay).exp()[:, None] * cosines)).clamp_min(0)
