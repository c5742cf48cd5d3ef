"""S3D's first blocks along a clip against the same blocks window by window, in double precision."""

import pytest
import torch
from torch import nn

from hd2s.layers.folded import Casting
from hd2s.layers.s3d.network import S3D
from hd2s.layers.s3d.stream import FirstBlocks, Sweep, kinds

CAST = Casting(torch.device("cpu"), torch.float64, None)


@pytest.fixture(scope="module")
def backbone():
    """Batch norms with statistics far from their first ones."""
    torch.manual_seed(0)
    model = S3D(bn_momentum=0.1).double().eval()
    for module in (*model.block1.modules(), *model.block2.modules()):
        if isinstance(module, nn.BatchNorm3d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    return model


def frames_of(n):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(n, 16, 24, 3, generator=generator, dtype=torch.float64) * 2 - 1


def tap_of(backbone, window):
    """The first tap of one window (T, H, W, 3): (T/2, H/8, W/8, 192)."""
    clip = window.permute(3, 0, 1, 2)[None]
    tap = backbone.pool2(backbone.block2(backbone.pool1(backbone.block1(clip))))
    return tap[0].permute(1, 2, 3, 0)


def swept(backbone, frames, length, pieces, n_windows=None):
    sweep = Sweep(FirstBlocks(backbone, length, CAST), n_windows)
    found = [sweep.push(piece) for piece in frames.split(pieces)]
    return torch.cat([taps for taps in found if taps is not None])


@torch.inference_mode()
@pytest.mark.parametrize("length", [8, 16, 24])
@pytest.mark.parametrize("pieces", [1, 5, 40])
def test_every_window_has_the_tap_that_it_would_have_alone(backbone, length, pieces):
    frames = frames_of(length + 9)
    expected = torch.stack([tap_of(backbone, frames[w : w + length]) for w in range(10)])
    torch.testing.assert_close(swept(backbone, frames, length, pieces), expected, rtol=0, atol=1e-11)
    assert expected.std() > 0.05


@torch.inference_mode()
@pytest.mark.parametrize("n_windows", [1, 4])
def test_no_more_windows_are_given_than_are_asked_for(backbone, n_windows):
    frames = frames_of(20)
    found = swept(backbone, frames, 8, 6, n_windows)
    torch.testing.assert_close(found, swept(backbone, frames, 8, 6)[:n_windows], rtol=0, atol=1e-12)


def test_what_a_sweep_remembers_does_not_grow(backbone):
    sweep, sizes = Sweep(FirstBlocks(backbone, 16, CAST)), []
    with torch.inference_mode():
        for _ in range(20):
            sweep.push(frames_of(4))
            tracks = [sweep._spatial, *sweep._segments, *sweep._terms.values()]
            sizes.append(sum(len(data) for track in tracks for _, data in track._pieces))
            sizes[-1] += len(sweep._done)
    assert sizes[10] == sizes[-1]


def test_windows_differ_at_their_ends_only():
    assert len(set(kinds(8))) == 6
    assert kinds(16)[3:13] == [kinds(8)[3]] * 10
    assert [kinds(8)[j] for j in (0, 1, 2, 6, 7)] == [kinds(16)[j] for j in (0, 1, 2, 14, 15)]
