"""HD2S, hierarchical decoding for dynamic saliency (Bellitto et al., IJCV 2021, Sect. 3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hd2s.checks import settle_types
from hd2s.layers.domain_classifiers import DomainClassifiers
from hd2s.layers.domains import (
    N_PRIORS,
    DomainBatchNorm2d,
    DomainSpecificConfig,
    GaussianPriors,
    GaussianSmoothing,
)
from hd2s.layers.s3d import S3D, feature_shapes
from hd2s.models.hd2s.conspicuity import ConspicuityNet
from hd2s.training.execution import full_precision


@dataclass(frozen=True)
class HD2SConfig:
    """What shapes an HD2S; the defaults are the paper's.

    `clip_length` (T, divisible by 8), `height` and `width` (divisible by 32) are the size of the clips it is
    built for. `conspicuity` lists the levels that are decoded, ascending; the map of a single one is the
    saliency map, without fusion (the encoder-decoder baselines of Tables 3 and 4).

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
        if problems := settle_types(self) or self._problems():
            raise ValueError(f"{type(self).__name__}: " + "; ".join(problems))

    def _problems(self) -> list[str]:
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
        return problems

    @property
    def feature_shapes(self) -> dict[int, tuple[int, int, int, int]]:
        """Decoded level → (C, T, H, W) of its features, before temporal removal."""
        shapes = feature_shapes(self.clip_length, self.height, self.width)
        return {level: shapes[level] for level in self.conspicuity}


@dataclass(frozen=True)
class HD2SDSLConfig(HD2SConfig, DomainSpecificConfig):
    """What shapes an HD2S with domain-specific learning: `HD2SConfig` and `DomainSpecificConfig` together."""

    def _problems(self) -> list[str]:
        return super()._problems() + self.domain_problems()


@dataclass(frozen=True)
class Prediction:
    """What an HD2S returns, in training and evaluation alike; all maps are in (0, 1), in the weights' dtype.

    `saliency` (B, H, W): for the last frame of each clip. `unsmoothed` (B, H, W): before any smoothing that
    the model learns; without one, the same tensor. `conspicuity` (B, levels, H, W): one map for each of
    `levels`, shallowest first. `domain_logits`: per level, shallowest first, log-probabilities (B, 2) of
    source (0) and target (1).
    """

    saliency: Tensor
    unsmoothed: Tensor
    conspicuity: Tensor
    domain_logits: list[Tensor] | None = None
    levels: tuple[int, ...] = (1, 2, 3, 4)


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
    """Backbone, a conspicuity network per level and their fusion.

    `adversarial` adds domain branches (Sect. 3.5), `domains` the parts specific to a domain (Sect. 3.6).
    """

    def __init__(
        self,
        config: HD2SConfig,
        adversarial: DomainClassifiers | None = None,
        domains: DomainSpecificConfig | None = None,
    ):
        super().__init__()
        self.config, self.domains = config, domains
        self.zoo_name: str | None = None  # of `hd2s.build_model`, which sets it
        self.memory_format = torch.channels_last_3d
        priors = domains is not None and domains.priors
        options = {"bn_momentum": config.bn_momentum, "channels_extra": N_PRIORS * priors}
        if domains is not None and domains.batch_norm:
            names, momentum = domains.domains, domains.domain_bn_momentum
            options["domain_norm"] = lambda channels: DomainBatchNorm2d(channels, names, momentum)
        self.backbone = S3D(bn_momentum=config.bn_momentum)
        self.conspicuity = nn.ModuleDict(
            {
                str(level): ConspicuityNet(level, t, **options)
                for level, (_, t, _, _) in config.feature_shapes.items()
            }
        )
        self.priors = nn.ModuleDict(
            {level: GaussianPriors(domains.domains) for level in self.conspicuity if priors}
        )
        self.fusion = self._make_fusion()
        self.smoothing = nn.ModuleDict(
            {name: GaussianSmoothing(domains.max_sigma) for name in domains.domains if domains.smoothing}
            if domains
            else {}
        )
        self.adversarial = adversarial

    def _make_fusion(self) -> nn.Module | None:
        n_maps, gain = len(self.config.conspicuity), self.config.fusion_gain
        if n_maps == 1:
            return None
        if self.domains is not None and self.domains.fusion:
            return nn.ModuleDict({name: Fusion(n_maps, gain) for name in self.domains.domains})
        return Fusion(n_maps, gain)

    @property
    def learns_smoothing(self) -> bool:
        """Whether it has learnt to smooth its maps itself, so that no fixed Gaussian is to follow."""
        return bool(self.smoothing)

    def forward(
        self,
        clips: Tensor,
        domain: str | None = None,
        grl_lambda: float | None = None,
        *,
        unlabelled: bool = False,
    ) -> Prediction:
        """Predict the saliency of the last frame of each clip.

        `clips`: (B, 3, T, H, W), RGB, float in [-1, 1]. `domain`, the corpus the clips come from, chooses
        among domain-specific parts; a model without them ignores it. With `grl_lambda` the domain branches
        run, and their gradients reach the shared features times −`grl_lambda`. `unlabelled` clips have no
        ground truth: in training the decoders see them (their batch norms as well), and no gradient is kept.

        Raises ValueError for clips of another size than the model's, for a `domain` that the model needs
        and does not know, and for `grl_lambda` given to a model without domain branches.
        """
        self._check(clips, domain, grl_lambda)
        # Convolutions run in channels-last memory, where their 2-D forms are views (hd2s.layers.convolution).
        features = self.backbone(clips.contiguous(memory_format=self.memory_format))
        features = {
            int(level): net.remove_time(features[int(level)]) for level, net in self.conspicuity.items()
        }
        with torch.set_grad_enabled(torch.is_grad_enabled() and not unlabelled):
            maps = torch.cat([self._decode(level, x, domain) for level, x in features.items()], dim=1)
            with full_precision(clips.device):
                unsmoothed = self._fuse(maps, domain)
                saliency = self._smooth(unsmoothed, domain)
        domain_logits = None if grl_lambda is None else self.adversarial(features, grl_lambda)
        return Prediction(saliency, unsmoothed, maps, domain_logits, self.config.conspicuity)

    def _decode(self, level: int, features: Tensor, domain: str | None) -> Tensor:
        if self.priors:
            features = self.priors[str(level)](features, domain)
        return self.conspicuity[str(level)].decode(features, domain)

    def _fuse(self, maps: Tensor, domain: str | None) -> Tensor:
        if self.fusion is None:
            return maps.squeeze(1)
        fusion = self.fusion[domain] if isinstance(self.fusion, nn.ModuleDict) else self.fusion
        # The published fusion weights expect the deepest map first.
        return fusion(maps.flip(1)).sigmoid().squeeze(1)

    def _smooth(self, saliency: Tensor, domain: str | None) -> Tensor:
        if not self.smoothing:
            return saliency
        if self.domains.quantise:
            saliency = (saliency.detach() * 255).floor() / 255
        return self.smoothing[domain](saliency)

    def _check(self, clips: Tensor, domain: str | None, grl_lambda: float | None) -> None:
        expected = (3, self.config.clip_length, self.config.height, self.config.width)
        if clips.dim() != 5 or clips.shape[1:] != expected:
            raise ValueError(
                f"This model takes clips of shape (B, 3, T, H, W) with (3, T, H, W) = {expected}, "
                f"found {tuple(clips.shape)}: resize them, or build it with their size."
            )
        if self.domains is not None:
            self.domains.check_domain(domain)
        if grl_lambda is not None and self.adversarial is None:
            raise ValueError(
                f"grl_lambda={grl_lambda} asks for domain branches, and this model has none: build 'hd2s_da'."
            )
