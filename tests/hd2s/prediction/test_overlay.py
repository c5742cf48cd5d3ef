import numpy as np
import pytest

from hd2s.prediction.overlay import overlay, stretched

STOPS = [
    (0, (0, 0, 160)),
    (64, (0, 120, 255)),
    (128, (0, 220, 120)),
    (191, (255, 230, 0)),
    (255, (230, 0, 0)),
]


def test_heat_covers_what_is_salient_and_nothing_else():
    frame = np.full((1, 3, 3), 100, np.uint8)
    heat = overlay(frame, np.array([[0, 128, 255]], np.uint8))
    assert heat[0, 0].tolist() == [100, 100, 100]
    red, green, blue = heat[0, 2].astype(int)
    assert red > 180
    assert max(green, blue) < 60
    assert heat[0, 1, 1] > heat[0, 1, 0]


@pytest.mark.parametrize(("saliency", "colour"), STOPS)
def test_colours_are_mixed_in_by_the_share_of_saliency(saliency, colour):
    frame = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    share = 0.7 * saliency / 256
    expected = frame * (1 - share) + np.array(colour) * share
    found = overlay(frame, np.full((5, 7), saliency, np.uint8))
    assert found.dtype == np.uint8
    np.testing.assert_allclose(found, expected, atol=2.5)


def test_the_more_salient_the_more_of_the_frame_is_covered():
    ramp = np.arange(256, dtype=np.uint8)[None]
    light, dark = (overlay(np.full((1, 256, 3), value, np.uint8), ramp).astype(int) for value in (255, 0))
    kept = (light - dark).mean(axis=2)[0]
    np.testing.assert_allclose(kept, 255 * (1 - 0.7 * np.arange(256) / 256), atol=2)
    assert kept[0] == 255


def test_the_frame_is_left_as_it_is():
    frame = np.full((2, 2, 3), 90, np.uint8)
    overlay(frame, np.full((2, 2), 255, np.uint8))
    assert (frame == 90).all()


def test_a_map_is_stretched_to_all_greys_and_a_constant_one_is_in_the_middle():
    assert stretched(np.array([[0.9, 0.95], [0.92, 0.9]])).tolist() == [[0, 255], [102, 0]]
    assert stretched(np.full((1, 2), 0.3)).tolist() == [[128, 128]]
