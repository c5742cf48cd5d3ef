"""What is known of a model's features without running it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """Features that an approach may work on: their shape (C, H, W), and how wide a classifier of them is.

    Attributes:
        channels: C.
        height: H.
        width: W.
        reduction: channels after each 1×1 convolution of a domain classifier.
        hidden: units of each of its hidden layers.
    """

    channels: int
    height: int
    width: int
    reduction: tuple[int, ...] = (64, 16)
    hidden: tuple[int, ...] = (64, 16)
