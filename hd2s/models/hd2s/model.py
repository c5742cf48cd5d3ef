"""HD2S, hierarchical decoding for dynamic saliency (Bellitto et al., IJCV 2021, Sect. 3)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn

from hd2s.layers.domains import N_PRIORS, DomainBatchNorm2d, GaussianPriors, GaussianSmoothing, of_domain
from hd2s.layers.folded import Casting
from hd2s.layers.known import known_as
from hd2s.layers.precision import full_precision
from hd2s.layers.s3d.network import S3D
from hd2s.losses import kld_terms
from hd2s.models.clips import check_clips
from hd2s.models.config import check_domain
from hd2s.models.contract import Prediction, SaliencyModel
from hd2s.models.hd2s.config import HD2SConfig
from hd2s.models.hd2s.conspicuity import ConspicuityNet
from hd2s.models.hd2s.fast import FastHD2S
from hd2s.models.learnt import Learnt


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
            nn.init.constant_(self.get_parameter("bias"), -2 * self.gain)


class HD2S(SaliencyModel):
    """Backbone, a conspicuity network per level and their fusion; domains may have parts of their own."""

    config: HD2SConfig
    capturable = True
    memory_format = torch.channels_last_3d

    def __init__(self, config: HD2SConfig):
        super().__init__(config)
        domains, priors = config.domains, bool(config.domains) and config.priors
        own_norm = partial(DomainBatchNorm2d, domains=domains, momentum=config.domain_bn_momentum)
        net = partial(
            ConspicuityNet,
            bn_momentum=config.bn_momentum,
            channels_extra=N_PRIORS * priors,
            domain_norm=own_norm if domains and config.batch_norm else None,
        )
        self.backbone = S3D(bn_momentum=config.bn_momentum)
        self.conspicuity = nn.ModuleDict(
            {str(level): net(level, t) for level, (_, t, _, _) in config.level_shapes.items()}
        )
        self.priors = nn.ModuleDict({level: GaussianPriors(domains) for level in self.conspicuity if priors})
        self.fusion = self._make_fusion()
        self.smoothing = nn.ModuleDict(
            {name: GaussianSmoothing(config.max_sigma) for name in domains if config.smoothing}
        )

    def _make_fusion(self) -> nn.Module | None:
        n_maps, gain = len(self.config.conspicuity), self.config.fusion_gain
        if n_maps == 1:
            return None
        if self.config.domains and self.config.fusion:
            return nn.ModuleDict({name: Fusion(n_maps, gain) for name in self.config.domains})
        return Fusion(n_maps, gain)

    def forward(self, clips: Tensor, domain: str | None = None, *, unlabelled: bool = False) -> Prediction:
        """Predict the saliency of the last frame of each clip, in (0, 1).

        Args:
            clips: (B, 3, T, H, W), RGB, float in [-1, 1].
            domain: the corpus the clips come from; a model without domains ignores it.
            unlabelled: they have no ground truth: in training the decoders see them (their batch norms as
                well), and no gradient is kept.

        Returns:
            `saliency` (B, 1, H, W); `auxiliary`: of more levels than one, the map "conspicuity_<level>" of
            each, the shallowest first, and "unsmoothed" before a smoothing that the model learns;
            `features`: level → (B, C, H, W) after temporal removal.

        Raises:
            ValueError: clips of another size than the model's, or a domain that it needs and does not know.
        """
        check_clips(clips, self.config.input)
        check_domain(domain, self.config.domains)
        # Convolutions run in channels-last memory, where their 2-D forms are views (hd2s.layers.convolution).
        taps = self.backbone(clips.contiguous(memory_format=self.memory_format))
        features = {level: self.net(level).remove_time(taps[int(level)]) for level in self.conspicuity}
        with torch.set_grad_enabled(torch.is_grad_enabled() and not unlabelled):
            maps = torch.cat([self._decode(level, x, domain) for level, x in features.items()], dim=1)
            with full_precision(clips.device):
                unsmoothed = self.fuse(maps, domain)
                saliency = self.smooth(unsmoothed, domain)
        return Prediction(saliency[:, None], self._auxiliary(maps, unsmoothed), features)

    def losses(
        self, prediction: Prediction, maps: Tensor, *, auxiliary: bool = True, fixations: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the terms of Eq. 1; without `auxiliary` the saliency map alone is supervised (Table 3)."""
        del fixations
        levels = {name: x for name, x in prediction.auxiliary.items() if name != "unsmoothed" and auxiliary}
        return kld_terms({"saliency": prediction.saliency} | levels, maps)

    def blocks(self) -> Iterator[nn.Module]:
        """Yield the convolutions of the backbone, of temporal removal and of the decoders, by stages."""
        for stage in range(1, 6):
            yield from getattr(self.backbone, f"block{stage}")
        for net in map(self.net, self.conspicuity):
            yield net.temporal_removal
            yield from net.stages

    def net(self, level: str) -> ConspicuityNet:
        """Return the conspicuity network of a level, "1" to "4", the shallowest first."""
        return known_as(ConspicuityNet, self.conspicuity[level])

    def stream(self, cast: Casting) -> FastHD2S:
        """Return the model folded, computing once what neighbouring windows share."""
        check_domain(cast.domain, self.config.domains)
        return FastHD2S(self, cast)

    @torch.no_grad()
    def learnt(self, domain: str | None) -> Learnt:
        """Return fusion weights, and of a domain its priors by level and its filter."""
        check_domain(domain, self.config.domains)
        fusion, smoothing, sigma = {}, None, None
        if (layer := self._fusion(domain)) is not None:
            weights = layer.get_parameter("weight").flatten().flip(0).tolist()
            fusion = dict(zip(map(_conspicuity, self.conspicuity), weights, strict=True))
        if self.smoothing:
            own = known_as(GaussianSmoothing, of_domain(self.smoothing, domain))
            smoothing, sigma = own.kernel().cpu().numpy(), abs(own.sigma.item())
        priors = {
            f"level {level}": known_as(GaussianPriors, gaussians).shares(str(domain)).cpu().numpy()
            for level, gaussians in self.priors.items()
        }
        return Learnt(fusion, priors, smoothing, sigma)

    def fuse(self, maps: Tensor, domain: str | None) -> Tensor:
        """Fuse conspicuity maps (B, levels, H, W), the shallowest first, to (B, H, W)."""
        fusion = self._fusion(domain)
        # The published fusion weights expect the deepest map first.
        return maps.squeeze(1) if fusion is None else fusion(maps.flip(1)).sigmoid().squeeze(1)

    def _fusion(self, domain: str | None) -> nn.Module | None:
        return of_domain(self.fusion, domain) if isinstance(self.fusion, nn.ModuleDict) else self.fusion

    def smooth(self, saliency: Tensor, domain: str | None) -> Tensor:
        """Smooth (B, H, W) as the domain has learnt to; as it is without domains."""
        if not self.smoothing:
            return saliency
        if self.config.quantise:
            saliency = (saliency.detach() * 255).floor() / 255
        return of_domain(self.smoothing, domain)(saliency)

    def _decode(self, level: str, features: Tensor, domain: str | None) -> Tensor:
        if self.priors:
            features = self.priors[level](features, domain)
        return self.net(level).decode(features, domain)

    def _auxiliary(self, maps: Tensor, unsmoothed: Tensor) -> dict[str, Tensor]:
        found = {}
        if self.fusion is not None:
            levels = zip(self.conspicuity, maps.unbind(1), strict=True)
            found = {_conspicuity(level): single[:, None] for level, single in levels}
        return found | ({"unsmoothed": unsmoothed[:, None]} if self.smoothing else {})


def _conspicuity(level: str) -> str:
    return f"conspicuity_{level}"
