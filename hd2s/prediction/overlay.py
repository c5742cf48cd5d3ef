"""Saliency as colour over a frame."""

from __future__ import annotations

import numpy as np


def _colours() -> np.ndarray:
    """Return 256 colours from blue over green and yellow to red, uint16 (256, 3)."""
    stops = np.array([[0, 0, 160], [0, 120, 255], [0, 220, 120], [255, 230, 0], [230, 0, 0]])
    at = np.linspace(0, 255, len(stops))
    return np.stack([np.interp(np.arange(256), at, channel) for channel in stops.T], axis=1).astype(np.uint16)


# In 256ths, so that 16 bits hold a pixel's share and the heat's: what is not salient stays as it is.
_HEAT = (np.arange(256) * 0.7).astype(np.uint16)
_KEPT = (256 - _HEAT)[:, None]
_COLOURS = _HEAT[:, None] * _colours()


_MIDDLE = 128


def overlay(frame: np.ndarray, saliency: np.ndarray) -> np.ndarray:
    """Lay heat over a frame uint8 (H, W, 3): the more salient, uint8 (H, W), the more opaque and red."""
    mixed = frame * _KEPT.take(saliency, axis=0)
    mixed += _COLOURS.take(saliency, axis=0)
    mixed >>= 8
    return mixed.astype(np.uint8)


def stretched(saliency: np.ndarray) -> np.ndarray:
    """Return a map (H, W) as grey from its minimum to its maximum, uint8; one that is constant in the middle.

    NSS, CC and AUC of a map stay as they are by it.
    """
    low, high = float(saliency.min()), float(saliency.max())
    if low == high:
        return np.full(saliency.shape, _MIDDLE, np.uint8)
    return np.rint((saliency - low) * (255 / (high - low))).astype(np.uint8)
