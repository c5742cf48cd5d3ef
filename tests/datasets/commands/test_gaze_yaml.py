"""What gaze.yaml says of recordings, and what is wrong with it."""

import math

import pytest

from datasets.commands.gaze_yaml import read_about
from datasets.reading.clip import Media
from manifests import ProblemError


def test_degrees_become_pixels_of_each_video(tmp_path):
    path = tmp_path / "gaze.yaml"
    screen = "{width: 1920, height: 1080, width_cm: 53, distance_cm: 65}"
    path.write_text(f"degrees: 1\nposition: screen\nscreen: {screen}\n")
    found, sigma = read_about(path).of(Media(100, 640, 360, 25.0, "h264"))
    per_degree = math.tan(math.radians(1)) * 65 * 1920 / 53
    assert sigma == pytest.approx(per_degree / 3), "a video of 640 is shown three times as large"
    assert found.dispersion == sigma
    path.write_text(f"{path.read_text()}shown: [0, 0, 640, 720]\n")
    _, sigma = read_about(path).of(Media(100, 640, 360, 25.0, "h264"))
    assert sigma == pytest.approx(per_degree / math.sqrt(2)), "as wide as ever and twice as high"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sigma: 3\nscren: {}", "a known key, found 'scren'. Did you mean screen"),
        ("degrees: 1", "for degrees, screen with width, height, width_cm, distance_cm"),
        ("{}", "either degrees or sigma"),
        ("sigma: 0", "sigma: a number above 0, found 0"),
        ("sigma: 3\ntime: minutes", "time: one of s, ms, us, frame, found 'minutes'"),
        ("sigma: 3\nposition: screen", "on which positions are"),
        ("sigma: 3\nshown: [1, 2]", "shown: [x, y, width, height]"),
        ("sigma: 3\nshown: [0, 0, 960, 0]", "shown: [x, y, width, height]"),
        ("sigma: 3\ncolumns: {subjekt: who}", "columns: {subject: NAME"),
        ("sigma: 3\ncolumns: {subject: 0}", "or numbers from 1, found {'subject': 0}"),
        ("sigma: [", "units and screen of the recordings"),
    ],
)
def test_what_is_wrong_with_the_file_is_told(tmp_path, text, told):
    (tmp_path / "gaze.yaml").write_text(text)
    with pytest.raises(ProblemError) as error:
        read_about(tmp_path / "gaze.yaml")
    assert told in str(error.value)
