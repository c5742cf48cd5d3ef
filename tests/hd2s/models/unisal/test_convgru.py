import torch

from hd2s.layers.initialisation import initialise
from hd2s.models.unisal.config import UnisalConfig
from hd2s.models.unisal.convgru import ConvGRU


def recurrence(**options):
    gru = ConvGRU(UnisalConfig(**options), 256)
    initialise(gru, 0)
    return gru


def frames(steps, batch=2):
    return torch.rand(steps * batch, 256, 2, 3, generator=torch.Generator().manual_seed(0))


def test_masks_are_drawn_once_a_forward_for_all_clips_and_steps():
    """Entries 0 and 1.25, other ones for each gate (Gal and Ghahramani; p = 0.2)."""
    gru = recurrence().train()
    seen = {}
    for gate, part in gru.of_state.items():
        part.register_forward_pre_hook(
            lambda module, given, gate=gate: seen.setdefault(gate, []).append(given[0])
        )
    states, _ = gru(frames(3).chunk(3), 3, None, "shared")
    masks = {}
    for gate, given in seen.items():
        assert len(given) == 3
        ratios = [x / h for x, h in zip(given[1:], states[:2], strict=True)]
        first = ratios[0][:1, :, :1, :1]
        for ratio in ratios:
            torch.testing.assert_close(ratio, first.expand_as(ratio), atol=1e-5, rtol=0)
        torch.testing.assert_close(
            first.round(decimals=3).unique(), torch.tensor([0.0, 1.25]), atol=1e-5, rtol=0
        )
        assert 0.1 < (first == 0).float().mean() < 0.3
        masks[gate] = first
    assert not torch.allclose(masks["reset"], masks["candidate"])
    again, _ = gru(frames(3).chunk(3), 3, None, "shared")
    assert not torch.allclose(again[-1], states[-1])


def test_in_evaluation_nothing_is_dropped_nor_drawn():
    gru = recurrence().eval()
    before = torch.get_rng_state()
    with torch.no_grad():
        (one,), last = gru([frames(3)], 3, None, "shared")
        apart, _ = gru(frames(3).chunk(3), 3, None, "shared")
    assert torch.equal(torch.get_rng_state(), before)
    torch.testing.assert_close(one, torch.cat(apart))
    torch.testing.assert_close(one[4:], last)


def test_it_has_the_papers_size():
    config = {"domains": ["DHF1K", "Hollywood2", "UCFSports", "SALICON"]}
    assert sum(p.numel() for p in recurrence(**config).parameters()) == 433_920
