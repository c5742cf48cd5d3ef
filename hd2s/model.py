"""HD2S, hierarchical decoding for dynamic saliency (Bellitto et al., IJCV 2021, Sect. 3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hd2s.adversarial import DomainClassifiers
from hd2s.conspicuity import ConspicuityNet
from hd2s.s3d import S3D, feature_shapes


@dataclass(frozen=True)
class HD2SConfig:
    """What shapes an HD2S; the defaults are the paper's.

    `clip_length` (T, divisible by 8), `height` and `width` (divisible by 32) are the size of the clips it is
    built for. `conspicuity` lists the levels that are decoded, ascending.

    `bn_momentum` is the share of each batch in the running statistics of the batch norms that the authors
    set to 0.001: those of the backbone, of temporal removal and of the first convolution of each decoder
    stage. All others keep PyTorch's 0.1. After a few dozen steps 0.001 leaves the statistics near their
    initial values and evaluation meaningless, so that a short profile asks for 0.1 here as well.

    `fusion_gain` g > 0 starts the fusion at the mean m of the conspicuity maps, steepened:
    sigmoid(4g(m - ½)). 0 leaves it to PyTorch's initialisation, whose weights may be negative; a short
    profile cannot wait until their signs have turned.

    Raises ValueError, listing everything that is not allowed.
    """

    clip_length: int = 16
    height: int = 128
    width: int = 192
    conspicuity: tuple[int, ...] = (1, 2, 3, 4)
    bn_momentum: float = 0.001
    fusion_gain: float = 0.0

    def __post_init__(self):
        object.__setattr__(self, "conspicuity", tuple(self.conspicuity))
        problems = [
            f"{name} must be a positive multiple of {step}, found {value}"
            for name, step in (("clip_length", 8), ("height", 32), ("width", 32))
            if (value := getattr(self, name)) < step or value % step
        ]
        levels = self.conspicuity
        if not levels or list(levels) != sorted({1, 2, 3, 4}.intersection(levels)):
            problems.append(f"conspicuity must be levels out of 1, 2, 3, 4, ascending, found {levels}")
        if not 0 < self.bn_momentum <= 1:
            problems.append(f"bn_momentum must lie in (0, 1], found {self.bn_momentum}")
        if self.fusion_gain < 0:
            problems.append(f"fusion_gain must not be negative, found {self.fusion_gain}")
        if problems:
            raise ValueError("HD2SConfig: " + "; ".join(problems))

    @property
    def feature_shapes(self) -> dict[int, tuple[int, int, int, int]]:
        """Decoded level → (C, T, H, W) of its features, before temporal removal."""
        shapes = feature_shapes(self.clip_length, self.height, self.width)
        return {level: shapes[level] for level in self.conspicuity}


@dataclass(frozen=True)
class Prediction:
    """What an HD2S returns, in training and evaluation alike; all maps are float in (0, 1).

    `saliency` (B, H, W): for the last frame of each clip. `unsmoothed` (B, H, W): before any smoothing that
    the model learns; without one, the same tensor. `conspicuity` (B, levels, H, W): shallowest first.
    `domain_logits`: per level, shallowest first, log-probabilities (B, 2) of source (0) and target (1).
    """

    saliency: Tensor
    unsmoothed: Tensor
    conspicuity: Tensor
    domain_logits: list[Tensor] | None = None


class Fusion(nn.Conv2d):
    """The pixel-wise fusion of conspicuity maps (Sect. 3.4), before its sigmoid."""

    def __init__(self, n_maps: int, gain: float):
        self.gain = gain
        super().__init__(n_maps, 1, 1)

    def reset_parameters(self) -> None:
        """Initialise weights and bias."""
        super().reset_parameters()
        if self.gain:
            nn.init.constant_(self.weight, 4 * self.gain / self.in_channels)
            nn.init.constant_(self.bias, -2 * self.gain)


class HD2S(nn.Module):
    """Backbone, a conspicuity network per level and their fusion; `adversarial` adds domain branches."""

    def __init__(self, config: HD2SConfig, adversarial: DomainClassifiers | None = None):
        super().__init__()
        self.config = config
        bn = {"bn_momentum": config.bn_momentum}
        self.backbone = S3D(**bn)
        self.conspicuity = nn.ModuleDict(
            {
                str(level): ConspicuityNet(level, t, **bn)
                for level, (_, t, _, _) in config.feature_shapes.items()
            }
        )
        self.fusion = Fusion(len(config.conspicuity), config.fusion_gain)
        self.adversarial = adversarial

    def forward(
        self, clips: Tensor, domain: str | None = None, grl_lambda: float | None = None
    ) -> Prediction:
        """Predict the saliency of the last frame of each clip.

        `clips`: (B, 3, T, H, W), RGB, float in [-1, 1]. `domain`, the corpus the clips come from, matters to
        models with domain-specific parts; this one has none. With `grl_lambda` the domain branches run, and
        their gradients reach the shared features times −`grl_lambda`.

        Raises ValueError for clips of another size than the model's, and for `grl_lambda` given to a model
        without domain branches.
        """
        self._check(clips, grl_lambda)
        # Convolutions run in channels-last memory, where their 2-D forms are views (hd2s.factorised).
        features = self.backbone(clips.contiguous(memory_format=torch.channels_last_3d))
        features = {
            int(level): net.remove_time(features[int(level)]) for level, net in self.conspicuity.items()
        }
        maps = torch.cat([self.conspicuity[str(level)].decode(x) for level, x in features.items()], dim=1)
        # The published fusion weights expect the deepest map first.
        saliency = self.fusion(maps.flip(1)).sigmoid().squeeze(1)
        domain_logits = None if grl_lambda is None else self.adversarial(features, grl_lambda)
        return Prediction(saliency, saliency, maps, domain_logits)

    def _check(self, clips: Tensor, grl_lambda: float | None) -> None:
        expected = (3, self.config.clip_length, self.config.height, self.config.width)
        if clips.dim() != 5 or clips.shape[1:] != expected:
            raise ValueError(
                f"This model takes clips of shape (B, 3, T, H, W) with (3, T, H, W) = {expected}, "
                f"found {tuple(clips.shape)}: resize them, or build it with their size."
            )
        if grl_lambda is not None and self.adversarial is None:
            raise ValueError(
                f"grl_lambda={grl_lambda} asks for domain branches, and this model has none: build 'hd2s_da'."
            )
