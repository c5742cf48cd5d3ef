"""The things that move, built of capsules.

A figure is a list of limbs in its own frame: height about 1, centre (0, 0), y down, facing right. ``swing``
is the phase of its gait in radians.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, sin
from typing import NamedTuple


class Limb(NamedTuple):
    """One capsule of a figure, in units of the figure's height."""

    start: tuple[float, float]
    end: tuple[float, float]
    radius: float
    colour: int  # 0 the figure's own colour, 1 its second colour, 2 near black


def ball(swing: float) -> list[Limb]:
    """Build a shaded ball with a spot that rolls with it."""
    spot = (0.2 * cos(swing), 0.2 * sin(swing))
    return [Limb((0, 0), (0, 0), 0.5, 0), Limb(spot, spot, 0.14, 1)]


def actor(swing: float) -> list[Limb]:
    """Build a person from the waist up, who talks with the hands."""
    nod, left, right = 0.02 * sin(swing), 0.10 * sin(swing), 0.12 * sin(1.3 * swing + 1)
    return [
        Limb((0, 0.06), (0, 0.36), 0.19, 0),
        Limb((-0.19, 0.0), (-0.30, 0.26 + left), 0.07, 0),
        Limb((0.19, 0.0), (0.31, 0.2 - right), 0.07, 0),
        Limb((-0.30, 0.28 + left), (-0.30, 0.28 + left), 0.065, 1),
        Limb((0.31, 0.2 - right), (0.31, 0.2 - right), 0.065, 1),
        Limb((nod, -0.36), (nod, -0.32), 0.15, 2),
        Limb((nod, -0.29), (nod, -0.25), 0.14, 1),
    ]


def athlete(swing: float) -> list[Limb]:
    """Build a runner: head, trunk, and arms and legs in opposite phase."""
    step, hip, shoulder = 0.24 * sin(swing), (-0.03, 0.08), (0.05, -0.2)
    lift = 0.10 * max(cos(swing), 0.0), 0.10 * max(-cos(swing), 0.0)
    return [
        Limb(shoulder, (0.05 - step, 0.04), 0.05, 1),
        Limb(hip, (-0.03 - step, 0.44 - lift[1]), 0.075, 2),
        Limb(hip, (-0.03 + step, 0.44 - lift[0]), 0.075, 2),
        Limb(shoulder, hip, 0.12, 0),
        Limb(shoulder, (0.05 + step, 0.0), 0.05, 1),
        Limb((0.10, -0.40), (0.10, -0.40), 0.11, 1),
    ]


def fish(swing: float) -> list[Limb]:
    """Build a fish with two pale bands, a beating tail and an eye."""
    beat = 0.22 * sin(swing)
    return [
        Limb((-0.45, 0), (-0.8, beat + 0.16), 0.09, 0),
        Limb((-0.45, 0), (-0.8, beat - 0.16), 0.09, 0),
        Limb((-0.3, 0), (0.3, 0), 0.32, 0),
        Limb((-0.16, -0.22), (-0.16, 0.22), 0.075, 1),
        Limb((0.18, -0.22), (0.18, 0.22), 0.075, 1),
        Limb((0.43, -0.07), (0.43, -0.07), 0.07, 2),
    ]


FIGURES: dict[str, Callable[[float], list[Limb]]] = {
    "ball": ball,
    "actor": actor,
    "athlete": athlete,
    "fish": fish,
}
