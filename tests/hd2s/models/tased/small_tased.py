"""TASED-Net at sizes that tests afford, with the released layout's random weights."""

import torch

from hd2s import build_model
from hd2s.models.tased.published import published_names
from tests.hd2s.models.tased.plain_tased import random_state

SMALL = {"clip_length": 16, "height": 64, "width": 96}
"""On maps any smaller, windows of 3 see the same everywhere, and rounding decides among equal maxima."""


def released(**options):
    """Return a model, and its state in the released layout; q = T/16 makes the last kernel along time."""
    model = build_model("tased", seed=0, **SMALL | options)
    state = random_state()
    q = model.config.clip_length // 16
    state["convtsp4.9.weight"] = state["convtsp4.9.weight"][:, :, :1].repeat(1, 1, q, 1, 1) / q
    model.load_state_dict({own: state[theirs] for own, theirs in published_names(model).items()})
    return model, state


def clips(batch=1, *, clip_length=16, seed=0):
    """Return clips as bytes, (B, T, 64, 96, 3)."""
    shape, generator = (batch, clip_length, 64, 96, 3), torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
