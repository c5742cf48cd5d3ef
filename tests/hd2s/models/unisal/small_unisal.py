"""UNISAL at sizes that tests afford, with the released layout's random weights."""

import torch

from hd2s import build_model
from hd2s.models.unisal.published import published_names
from tests.hd2s.models.unisal.plain_unisal import DOMAINS, random_state

SMALL = {"clip_length": 3, "step": 2, "height": 64, "width": 96, "domains": list(DOMAINS)}
NO_DROPOUT = {"skip_dropout": 0.0, "recurrent_dropout": 0.0}


def released(**options):
    """Return a model, and its state in the released layout."""
    model = build_model("unisal", seed=0, **SMALL | options)
    state = random_state()
    model.load_state_dict({own: state[theirs] for own, theirs in published_names(model).items()})
    return model, state


def clips(batch=1, frames=3, *, size=(64, 96), seed=0):
    """Return clips as bytes, (B, T, H, W, 3)."""
    shape, generator = (batch, frames, *size, 3), torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
