"""Fourier domain adaptation against spectra by NumPy."""

import numpy as np
import pytest
import torch

from hd2s import build_model
from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch, Progress
from hd2s.approaches.fda import FDASettings
from hd2s.approaches.learners.fda import FDALearner, with_amplitudes
from tests.hd2s.models.small_models import SMALL, clips, micro_batch

NOW = Progress(1, 10)


def by_hand(source, target, half):
    """One frame and channel after the other, in centred spectra."""
    found = np.empty_like(source)
    height, width = source.shape[-2:]
    middle = (
        slice(height // 2 - half, height // 2 + half + 1),
        slice(width // 2 - half, width // 2 + half + 1),
    )
    for clip, channel in np.ndindex(*source.shape[:2]):
        theirs = [np.abs(np.fft.fftshift(np.fft.fft2(frame))) for frame in target[clip, channel]]
        theirs = np.mean(theirs, axis=0)
        for k, frame in enumerate(source[clip, channel]):
            spectrum = np.fft.fftshift(np.fft.fft2(frame))
            amplitude = np.abs(spectrum)
            amplitude[middle] = theirs[middle]
            mixed = np.fft.ifftshift(amplitude * np.exp(1j * np.angle(spectrum)))
            found[clip, channel, k] = np.fft.ifft2(mixed).real
    return found


@pytest.mark.parametrize(
    ("size", "beta", "half"), [((16, 20), 0.2, 3), ((15, 17), 0.1, 1), ((16, 20), 0.01, 0)]
)
def test_the_square_of_low_frequencies_has_the_targets_amplitudes(size, beta, half):
    generator = torch.Generator().manual_seed(0)
    source, target = torch.rand(2, 2, 3, 4, *size, generator=generator, dtype=torch.float64)
    found = with_amplitudes(source, target, beta)
    np.testing.assert_allclose(found, by_hand(source.numpy(), target.numpy(), half), atol=1e-12)


def test_a_still_clip_stays_still():
    source = torch.rand(1, 3, 1, 16, 16).expand(1, 3, 5, 16, 16)
    found = with_amplitudes(source, torch.rand(1, 3, 5, 16, 16), 0.2)
    torch.testing.assert_close(found, found[:, :, :1].expand_as(found))
    assert (found - source).abs().max() > 0.05


def test_the_model_learns_from_the_source_in_the_targets_colours():
    model = build_model("hd2s", seed=0, **SMALL).double().eval()
    learner = FDALearner(model, LearnerOptions(settings=FDASettings(0.1)))
    source, target = micro_batch(dtype=torch.float64), MicroBatch(clips(1, 5, torch.float64) * 0.5 + 0.5)
    ((loss, terms),) = learner.losses([source], [target], NOW)
    styled = with_amplitudes((source.clips + 1) / 2, ((target.clips + 1) / 2).expand_as(source.clips), 0.1)
    changed = MicroBatch(styled * 2 - 1, source.maps)
    ((expected, _),) = Learner(model, LearnerOptions()).losses([changed], [], NOW)
    torch.testing.assert_close(loss, expected)
    assert next(iter(terms)) == "kld/saliency"
    loss.backward()
    assert model.fusion.weight.grad is not None


def waves(height, width):
    """One picture of few periods, at the pixels of a size."""
    y, x = (torch.arange(side, dtype=torch.float64) / side * 2 * np.pi for side in (height, width))
    picture = 0.5 + 0.2 * torch.sin(y)[:, None] + 0.1 * torch.cos(y[:, None] - x) + 0.15 * torch.sin(x)
    return picture.expand(1, 3, 2, height, width)


def test_targets_of_another_size_give_the_same_colours():
    """UNISAL may show each corpus at a size of its own."""
    source = torch.rand(1, 3, 4, 16, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = with_amplitudes(source, waves(16, 20), 0.1)
    for size in ((24, 20), (16, 36), (12, 15)):
        torch.testing.assert_close(with_amplitudes(source, waves(*size), 0.1), expected)
