"""UNISAL, unified image and video saliency modelling (Droste, Jiao and Noble, ECCV 2020)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hd2s.layers.domains import N_PRIORS, GaussianPriors
from hd2s.layers.folded import Casting
from hd2s.layers.known import known_as
from hd2s.layers.precision import full_precision
from hd2s.losses import cc, kld_of_log, nss
from hd2s.models.config import check_domain
from hd2s.models.contract import ParameterGroup, Prediction, SaliencyModel
from hd2s.models.learnt import Learnt, deviation
from hd2s.models.unisal.config import SHARED, UnisalConfig
from hd2s.models.unisal.convgru import ConvGRU
from hd2s.models.unisal.decoder import UPSAMPLED, Decoding, DomainUnit, PostCNN, SkipConnection, doubled
from hd2s.models.unisal.densities import log_density_in, log_density_of
from hd2s.models.unisal.fast import FastUnisal
from hd2s.models.unisal.mobilenet import ENCODED, MobileNetV2, Tapped
from hd2s.models.unisal.sequences import check_sequences, normalised
from hd2s.models.unisal.smoothing import LearnedSmoothing

_WIDTHS = 256, 128, 64  # channels at 1/32, 1/16 and 1/8 of the input's sides


class Unisal(SaliencyModel):
    """MobileNetV2, learnt priors, a recurrence that photographs leave out, a decoder and a learnt filter."""

    config: UnisalConfig
    capturable = True
    memory_format = torch.channels_last

    def __init__(self, config: UnisalConfig):
        super().__init__(config)
        top, middle, last = _WIDTHS
        skip_2x, skip_4x = (middle, last) if config.skips else (0, 0)
        self.encoder = MobileNetV2()
        self.priors = GaussianPriors(config.keys(config.domain_priors)) if config.priors else None
        self.post_cnn = PostCNN(ENCODED + N_PRIORS * config.priors, top, config.bn_momentum)
        self.rnn = ConvGRU(config, top) if config.recurrence else None
        self.post_rnn = DomainUnit(config, nn.Conv2d(top, top, 1, bias=False)) if config.recurrence else None
        # Hidden in the release are 320 channels; Table 1 of the paper says 256.
        self.skip_2x = SkipConnection(config, 160, 320, skip_2x) if config.skips else None
        self.skip_4x = SkipConnection(config, 64, 128, skip_4x) if config.skips else None
        self.upsampling = Decoding(config, top + skip_2x, middle)
        self.post_upsampling = Decoding(config, middle + skip_4x, last)
        self.fusion = nn.ModuleDict({key: nn.Conv2d(last, 1, 1) for key in config.keys(config.domain_fusion)})
        filtered = config.keys(config.domain_smoothing) if config.smoothing else ()
        self.smoothing = nn.ModuleDict({key: LearnedSmoothing() for key in filtered})
        self._static: dict[str, bool] = {}  # of training, what is known without asking buffers of a GPU

    def train(self, mode: bool = True) -> Unisal:
        """Train all but the statistics of the encoder's batch norms, which keep those of ImageNet."""
        super().train(mode)
        self.encoder.train(mode and self.config.encoder_statistics == "learned")
        return self

    def normalise(self, clips: Tensor) -> Tensor:
        """Make of clips uint8 (B, T, H, W, 3) what the model takes; see `hd2s.models.unisal.sequences`."""
        return normalised(clips)

    def forward(
        self,
        clips: Tensor,
        domain: str | None = None,
        *,
        unlabelled: bool = False,
        static: bool | None = None,
        target_size: tuple[int, int] | None = None,
        state: Tensor | None = None,
    ) -> Prediction:
        """Predict the saliency of every frame of some sequences.

        Args:
            clips: (B, 3, T, H, W), RGB as `normalise` gives it, of any T and of sides divisible by 32.
            domain: the corpus that they come from; a model without domains ignores it.
            unlabelled: they have no ground truth: in training all that follows the post-CNN sees them (its
                batch norms as well), and no gradient is kept.
            static: leave the recurrence out; None: of sequences of one frame, and of all that nothing is
                learnt from by their maps, where a test leaves it out (`is_static`).
            target_size: of the maps, by bilinear interpolation of logits; None for the clips' own.
            state: of the recurrence after the frames before; None at the beginning of the sequences.

        Returns:
            `saliency`, float (B, T, H, W), which sums to one over each frame, and `log_density`, its
            logarithm; `features`: "post_cnn", the mean over time, (B, 256, H/32, W/32); `state`, as large.

        Raises:
            ValueError: clips of another shape, or a domain that is needed and is none of the model's.
        """
        check_sequences(clips)
        check_domain(domain, self.config.domains)
        steps = clips.shape[2]
        taps = self.encode(clips)
        apart = steps if self.training and self.config.statistics == "frame" else 1
        found = [self.post_cnn(group) for group in self._with_priors(taps.encoded, domain).chunk(apart)]
        features = torch.cat(found).unflatten(0, (steps, -1)).mean(0)
        learnt = self.training and not unlabelled
        static = (self._bypassed(steps, domain, learnt) if static is None else static) and self.config.bypass
        if unlabelled:
            found, taps = [x.detach() for x in found], Tapped(*(x.detach() for x in taps))
        with torch.set_grad_enabled(torch.is_grad_enabled() and not unlabelled):
            if not static:
                if learnt:
                    self._static[self.config.key(self.config.domain_batch_norm, domain)] = False
                found, state = self.recur(found, steps, state, domain)
            maps = self.decode(found, taps, domain)
            log_density = self.density(maps, domain, target_size or (clips.shape[3], clips.shape[4]))
        log_density = log_density.unflatten(0, (steps, -1)).transpose(0, 1)
        return Prediction(
            log_density.exp(), features={"post_cnn": features}, log_density=log_density, state=state
        )

    def answer(self, clips: Tensor, domain: str | None = None, state: Any = None) -> Prediction:
        """Predict frames that follow on others of the same sequences; see `SaliencyModel.answer`."""
        return self(clips, domain, static=True if self.is_static(domain) else None, state=state)

    def is_static(self, domain: str | None) -> bool:
        """Whether a domain's videos are predicted frame by frame, as photographs are.

        Those of a domain of photographs are, as released, unless videos fine-tuned its own layers; and those
        of a model of photographs alone, whose recurrence is as it was drawn.
        """
        if self.post_rnn is None or not self.config.bypass:
            return self.post_rnn is None
        key, photographs = self.config.key(self.config.domain_batch_norm, domain), self.config.photographs
        seen, followed = self._met(key)
        if followed:
            return domain in photographs and key == SHARED
        return domain in photographs or seen

    def _met(self, key: str) -> tuple[bool, bool]:
        """Whether the decoder, and the recurrence, were trained on a domain's clips; a GPU is asked once."""
        units = [unit for unit in (self.post_upsampling.project, self.post_rnn) if unit is not None]
        norms = [unit.norm[key] for unit in units]
        counts = [
            norm.get_buffer("num_batches_tracked") for norm in norms if isinstance(norm, nn.BatchNorm2d)
        ]
        # Where operations are counted there are fewer, or they have no values.
        if len(counts) < 2 or any(count.is_meta for count in counts):
            return False, False
        seen, followed = torch.stack(counts).tolist()
        return seen > 0, followed > 0

    def _bypassed(self, steps: int, domain: str | None, learnt: bool) -> bool:
        """Whether sequences leave the recurrence out: as it was drawn it may be no part of what is tested."""
        if steps == 1 or learnt:
            return steps == 1
        key = self.config.key(self.config.domain_batch_norm, domain)
        if self.training and key in self._static:
            return self._static[key]
        found = self.is_static(domain)
        # What has been trained stays so, and a training that goes on finds it so.
        if self.training and (found or self._met(key)[1]):
            self._static[key] = found
        return found

    def recorded_as(self) -> frozenset[str]:
        """Tell of which domains' videos leave the recurrence out that might go through it later."""
        return frozenset(key for key, static in self._static.items() if static)

    def losses(
        self, prediction: Prediction, maps: Tensor, *, auxiliary: bool = True, fixations: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return KLD − 0.1 CC − 0.1 NSS (Sect. 4.1), each the mean over time and batch, with sign and weight.

        Args:
            prediction: of a batch.
            maps: ground truth (B, T, H, W), not negative, any scale; the prediction is brought to its size.
            auxiliary: ignored.
            fixations: how many fall into each pixel of the maps; without any there is no NSS.
        """
        del auxiliary
        released = self.config.loss == "released"
        if released:
            maps = maps.masked_fill(~(maps.sum((-2, -1), keepdim=True) > 0), 1.0)
        prediction = self.sized(prediction, maps)
        density, log_density = prediction.saliency, log_density_in(prediction)
        terms = {
            "kld/saliency": kld_of_log(log_density, maps).mean(),
            "cc/saliency": -self.config.cc_weight * cc(density, maps).mean(),
        }
        if fixations is not None:
            found = nss(density, fixations, empty=1.0 if released else 0.0)
            terms["nss/saliency"] = -self.config.nss_weight * found.mean()
        return terms

    def sized(self, prediction: Prediction, maps: Tensor) -> Prediction:
        """Return a prediction at the size of its ground truth (B, T, H, W), as if by `target_size`."""
        size = (maps.shape[-2], maps.shape[-1])
        if prediction.saliency.shape[-2:] == size:
            return prediction
        # Log-densities differ from their logits by a number, which interpolation leaves as it is.
        found = log_density_of(log_density_in(prediction).flatten(0, 1).unsqueeze(1), size).view(maps.shape)
        return Prediction(found.exp(), log_density=found)

    def lr_share(self, clips: Tensor) -> float:
        """Move the weights by less for photographs, (B, 3, 1, H, W), of which there are more (Sect. 4.1)."""
        return self.config.photograph_lr if clips.shape[2] == 1 else 1.0

    def parameter_groups(self) -> list[ParameterGroup]:
        """Return the encoder, which is frozen at first and slow then, and the rest (Sect. 4.1)."""
        config, encoder = self.config, list(self.encoder.parameters())
        own = {id(parameter) for parameter in encoder}
        return [
            ParameterGroup(
                encoder, config.encoder_lr, config.encoder_weight_decay, frozen_periods=config.encoder_frozen
            ),
            ParameterGroup([parameter for parameter in self.parameters() if id(parameter) not in own]),
        ]

    def of_one_domain(self, domain: str) -> SaliencyModel:
        """Return a model with the parts of one of its domains alone, on the CPU."""
        check_domain(domain, self.config.domains)
        if not self.config.domains:
            return super().of_one_domain(domain)
        alone = Unisal(replace(self.config, domains=(domain,)))
        alone.declaration = self.declaration
        own = self.state_dict()
        alone.load_state_dict({name: own[name] for name in alone.state_dict()})
        return alone.train(self.training)

    @torch.no_grad()
    def learnt(self, domain: str | None) -> Learnt:
        """Return a domain's priors and its filter."""
        check_domain(domain, self.config.domains)
        priors, smoothing, sigma = {}, None, None
        if self.priors is not None:
            key = self.config.key(self.config.domain_priors, domain)
            priors["encoded"] = self.priors.shares(key).cpu().numpy()
        if self.smoothing:
            filtered = self.smoothing[self.config.key(self.config.domain_smoothing, domain)]
            smoothing = filtered.get_parameter("weight")[0, 0].cpu().numpy()
            sigma = deviation(smoothing)
        return Learnt({}, priors, smoothing, sigma)

    def blocks(self) -> Iterator[nn.Module]:
        """Yield the encoder's layers; in training those of the decoder run frame by frame."""
        yield from self.encoder.features

    def stream(self, cast: Casting) -> FastUnisal:
        """Return the model folded, following as many interleaved sequences as its step says."""
        check_domain(cast.domain, self.config.domains)
        return FastUnisal(self, cast)

    def encode(self, clips: Tensor) -> Tapped:
        """Encode sequences (B, 3, T, H, W), frame by frame in the order of time: (T · B, …) each."""
        frames = clips.permute(2, 0, 1, 3, 4).flatten(0, 1).to(next(self.parameters()).dtype)
        return self.encoder(frames.contiguous(memory_format=self.memory_format))

    def recur(
        self, groups: Sequence[Tensor], steps: int, state: Tensor | None, domain: str | None
    ) -> tuple[list[Tensor], Tensor | None]:
        """Send frames, grouped as `ConvGRU` takes them, through the recurrence; return them and its state."""
        if self.rnn is None or self.post_rnn is None:
            return list(groups), None
        key = self.config.key(self.config.domain_batch_norm, domain)
        states, state = self.rnn(groups, steps, state, key)
        found = [self.post_rnn(each, key) for each in states]
        if self.config.residual:
            found = [x + y for x, y in zip(groups, found, strict=True)]
        return found, state

    def decode(self, groups: Sequence[Tensor], taps: Tapped, domain: str | None) -> Tensor:
        """Decode frames, in groups that batch norms see together, to (N, 64, H/8, W/8)."""
        key = self.config.key(self.config.domain_batch_norm, domain)
        decoded = []
        halves, quarters = taps.half.chunk(len(groups)), taps.quarter.chunk(len(groups))
        for group, half, quarter in zip(groups, halves, quarters, strict=True):
            skip_2x = [self.skip_2x(half, key)] if self.skip_2x is not None else []
            x = doubled(self.upsampling([doubled(group), *skip_2x], key))
            skip_4x = [self.skip_4x(quarter, key)] if self.skip_4x is not None else []
            decoded.append(self.post_upsampling([x, *skip_4x], key))
        return torch.cat(decoded)

    def density(self, features: Tensor, domain: str | None, size: tuple[int, int]) -> Tensor:
        """Fuse, upsample, smooth and resize (N, 64, H/8, W/8) to log-densities (N, *size)."""
        with full_precision(features.device):
            fusion = known_as(nn.Conv2d, self.fusion[self.config.key(self.config.domain_fusion, domain)])
            x = fusion(features.to(fusion.weight.dtype))
            if self.config.smoothing:
                x = self.smoothing[self.config.key(self.config.domain_smoothing, domain)](x, UPSAMPLED)
            else:
                x = F.interpolate(x, scale_factor=UPSAMPLED, mode="nearest")
            return log_density_of(x, size)

    def _with_priors(self, encoded: Tensor, domain: str | None) -> Tensor:
        if self.priors is None:
            return encoded
        return self.priors(encoded, self.config.key(self.config.domain_priors, domain))
