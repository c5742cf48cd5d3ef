import numpy as np

from hd2s.prediction.overlay import overlay


def test_heat_covers_what_is_salient_and_nothing_else():
    frame = np.full((1, 3, 3), 100, np.uint8)
    heat = overlay(frame, np.array([[0, 128, 255]], np.uint8))
    assert heat[0, 0].tolist() == [100, 100, 100]
    red, green, blue = heat[0, 2].astype(int)
    assert red > 180
    assert max(green, blue) < 60
    assert heat[0, 1, 1] > heat[0, 1, 0]
