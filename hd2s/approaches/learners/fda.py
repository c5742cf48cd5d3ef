"""The learner of FDA; what that is, and whose, says `hd2s.approaches.fda`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from hd2s.approaches.contract import Learner, MicroBatch, Progress, Terms
from hd2s.approaches.fda import FDASettings
from hd2s.approaches.pixel_values import from_pixels, to_pixels


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
    """Return clips (B, 3, T, H, W) whose low frequencies have the amplitudes of others, (B, 3, T', H', W').

    They may leave the range of colours, as the paper's do.
    """
    spectrum = torch.fft.fft2(source)
    amplitudes = _at_size(torch.fft.fft2(target).abs().mean(2, keepdim=True), source.shape[-2:])
    half = int(beta * min(*source.shape[-2:], *target.shape[-2:]))
    rows, columns = (_frequencies(side, source.device) <= half for side in source.shape[-2:])
    mixed = torch.where(rows[:, None] & columns, amplitudes, spectrum.abs())
    return torch.fft.ifft2(torch.polar(mixed, spectrum.angle())).real


def _at_size(amplitudes: Tensor, size: Sequence[int]) -> Tensor:
    """Return amplitudes as a picture of another size has them, whose frequencies count as many periods."""
    own = amplitudes.shape[-2:]
    if own == tuple(size):
        return amplitudes
    for dim, side in zip((-2, -1), size, strict=True):
        places = torch.arange(side, device=amplitudes.device)
        periods = torch.where(places <= side - places, places, places - side)
        amplitudes = amplitudes.index_select(dim, periods % amplitudes.shape[dim])
    return amplitudes * (math.prod(size) / math.prod(own))


def _frequencies(side: int, device: torch.device) -> Tensor:
    """Return the absolute frequency, in periods, of each place of a spectrum."""
    places = torch.arange(side, device=device)
    return torch.minimum(places, side - places)
