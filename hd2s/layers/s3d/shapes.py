"""What S3D gives at its four taps, known without building it."""

from __future__ import annotations

CHANNELS = (192, 480, 832, 1024)
"""Channels of the four tapped levels, shallowest first."""

_STRIDES = ((2, 8), (4, 16), (8, 32), (8, 32))  # of the taps, in time and in space


def feature_shapes(clip_length: int, height: int, width: int) -> dict[int, tuple[int, int, int, int]]:
    """Return level (1..4, shallowest first) → (C, T, H, W) of its features, for clips of that size."""
    return {
        level: (channels, clip_length // t, height // s, width // s)
        for level, (channels, (t, s)) in enumerate(zip(CHANNELS, _STRIDES, strict=True), start=1)
    }
