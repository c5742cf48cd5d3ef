import pytest
import torch

from hd2s import build_model
from hd2s.approaches.pixel_values import from_pixels, to_pixels
from tests.hd2s.approaches.waiting import WaitingCopies
from tests.hd2s.models.small_models import SMALL


class Normalised:
    """Other means and deviations in each channel, as of photographs."""

    def normalise(self, clips):
        scaled = clips.permute(0, 4, 1, 2, 3).float() / 255
        return (scaled - torch.tensor([0.4, 0.5, 0.6])[:, None, None, None]) / 0.25


def test_colours_come_back_and_black_is_0_and_white_1():
    clips = torch.randint(
        256, (2, 8, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    for model in (build_model("hd2s", seed=0, **SMALL), Normalised()):
        normalised = model.normalise(clips)
        colours = to_pixels(model, normalised)
        torch.testing.assert_close(colours, clips.permute(0, 4, 1, 2, 3) / 255, rtol=0, atol=1e-6)
        back = from_pixels(model, colours)
        torch.testing.assert_close(back, normalised, rtol=0, atol=1e-5)
        assert back.is_contiguous(memory_format=torch.channels_last_3d)


def test_no_colour_is_copied_from_the_processor(monkeypatch):
    model = build_model("hd2s", seed=0, **SMALL)
    monkeypatch.setattr(torch, "tensor", lambda *_, **__: pytest.fail("copied"))
    with WaitingCopies() as copies:
        from_pixels(model, to_pixels(model, torch.empty(2, 3, 8, 32, 32, device="meta")))
    assert copies.count == 0
