"""Shapes against their plain definitions: inside the colour, outside the canvas as it was, soft between."""

import colorsys

import numpy as np
import pytest

from datasets.demo.drawing import box, capsule, hsv

RED = (1.0, 0.0, 0.0)


def canvas():
    return np.zeros((40, 60, 3), np.float32)


def centres():
    y, x = np.mgrid[:40, :60] + 0.5
    return x, y


def distance_to_segment(start, end):
    """Return every pixel centre's distance to a segment, sought along it."""
    x, y = centres()
    along = np.linspace(0, 1, 401)[:, None, None]
    px, py = start[0] + along * (end[0] - start[0]), start[1] + along * (end[1] - start[1])
    return np.hypot(x - px, y - py).min(axis=0)


@pytest.mark.parametrize(("start", "end"), [((20, 15), (40, 25)), ((30, 20), (30, 20)), ((-5, 5), (70, 39))])
def test_a_capsule_is_what_lies_within_its_radius(start, end):
    drawn = canvas()
    capsule(drawn, start, end, 6.0, RED)
    distance = distance_to_segment(start, end)
    assert (drawn[distance < 5.4] == RED).all()
    assert (drawn[distance > 6.6] == 0).all()
    np.testing.assert_allclose(drawn[..., 0], np.clip(6.0 - distance + 0.5, 0, 1), atol=0.02)


def test_a_box_is_what_lies_within_its_sides():
    drawn = canvas()
    box(drawn, (30, 20), (10, 5), RED, corner=0.0)
    x, y = centres()
    inside = (np.abs(x - 30) < 10) & (np.abs(y - 20) < 5)
    assert np.array_equal(drawn[..., 0], inside.astype(np.float32))
    rounded = canvas()
    box(rounded, (30, 20), (10, 5), RED, corner=4.0)
    assert rounded[..., 0].sum() < drawn[..., 0].sum()
    assert rounded[20, 30, 0] == 1


def test_what_is_drawn_lies_over_what_was_there_by_its_opacity():
    drawn = canvas() + np.float32(0.5)
    capsule(drawn, (30, 20), (30, 20), 5.0, RED, opacity=0.5)
    np.testing.assert_allclose(drawn[20, 30], (0.75, 0.25, 0.25))
    box(drawn, (30, 20), (3, 3), (0, 0, 1), opacity=0.5)
    np.testing.assert_allclose(drawn[20, 30], (0.375, 0.125, 0.625))


def test_what_lies_outside_leaves_the_canvas_as_it_was():
    drawn = canvas()
    capsule(drawn, (-50, -50), (-40, -40), 5.0, RED)
    box(drawn, (200, 20), (10, 10), RED)
    assert not drawn.any()


def test_relief_lights_the_upper_left():
    drawn = canvas()
    capsule(drawn, (30, 20), (30, 20), 12.0, (0.5, 0.5, 0.5), relief=0.8)
    assert drawn[14, 24, 0] > drawn[20, 30, 0] > drawn[26, 36, 0]


@pytest.mark.parametrize("colour", [(0.0, 1.0, 1.0), (1.25, 0.5, 0.3), (-0.25, 0.2, 0.9)])
def test_hues_go_round(colour):
    hue, saturation, value = colour
    assert hsv(*colour).dtype == np.float32
    np.testing.assert_allclose(hsv(*colour), colorsys.hsv_to_rgb(hue % 1, saturation, value), rtol=1e-6)
