"""Fourier domain adaptation: the source's clips in the target's low frequencies (Yang and Soatto, 2020).

"FDA: Fourier Domain Adaptation for Semantic Segmentation", CVPR 2020, Eq. 3. A source clip keeps its phases,
and its maps; the amplitudes of its lowest frequencies are a target clip's. All frames of the clip take the
same amplitudes, the mean over the target clip's frames: with each frame's own the picture would flicker,
which a video model sees as motion. The paper's entropy of the target's predictions is left out: it is one of
classes, and that of a saliency map says how far fixations spread, not how sure a model is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hd2s.approaches.contract import Approach, Learner, MicroBatch, Progress, Terms, target_alone
from hd2s.approaches.pixel_values import from_pixels, to_pixels
from hd2s.models.config import Fault, PlainConfig


@dataclass(frozen=True)
class FDASettings(PlainConfig):
    """Which frequencies are the target's.

    Attributes:
        beta: half the side of the square of frequencies, in shares of the shorter side, rounded down: at 0.01
            and 128 rows those of at most one period, at less than 100 rows the mean colour alone.
    """

    beta: float = 0.01

    def faults(self) -> Iterable[Fault]:
        """List what cannot work."""
        if not 0 <= self.beta < 0.5:
            yield "beta", "0 or more and less than 0.5"


class FDALearner(Learner):
    """Plain supervision on clips in another's colours."""

    def losses(
        self, labelled: Sequence[MicroBatch], unlabelled: Sequence[MicroBatch], progress: Progress
    ) -> Iterator[tuple[Tensor, Terms]]:
        """Yield the source's loss, each clip in the amplitudes of a target clip beside it."""
        (source,), (target,) = labelled, unlabelled
        settings = self.options.settings or FDASettings()
        beside = torch.arange(len(source.clips), device=target.clips.device) % len(target.clips)
        with torch.no_grad():
            own, other = (to_pixels(self.model, clips) for clips in (source.clips, target.clips[beside]))
            clips = from_pixels(self.model, with_amplitudes(own, other, settings.beta))
        yield from super().losses([replace(source, clips=clips)], [], progress)


def with_amplitudes(source: Tensor, target: Tensor, beta: float) -> Tensor:
    """Return clips (B, 3, T, H, W) whose low frequencies have the amplitudes of others, of the same shape.

    They may leave the range of colours, as the paper's do.
    """
    spectrum = torch.fft.fft2(source)
    amplitudes = torch.fft.fft2(target).abs().mean(2, keepdim=True)
    half = int(beta * min(source.shape[-2:]))
    rows, columns = (_frequencies(side, source.device) <= half for side in source.shape[-2:])
    mixed = torch.where(rows[:, None] & columns, amplitudes, spectrum.abs())
    return torch.fft.ifft2(torch.polar(mixed, spectrum.angle())).real


def _frequencies(side: int, device: torch.device) -> Tensor:
    """Return the absolute frequency, in periods, of each place of a spectrum."""
    places = torch.arange(side, device=device)
    return torch.minimum(places, side - places)


APPROACH = Approach(
    word="fda",
    title="FDA",
    unlabelled=target_alone,
    learner=FDALearner,
    needs_target=True,
    settings=FDASettings,
    follows_lambda=False,
    colour="#999933",
    improves_on="generalization",
)
