"""Pictures of test frames: which are drawn, from what, and what a failure costs."""

import io

import numpy as np
import pytest
from PIL import Image

from grid.evaluation import pictures
from grid.evaluation.pictures import Sketch, bring, draw, keep, kept, shown
from grid.results.storage import Storage


def grey(value: int) -> bytes:
    """A PNG file of one value."""
    file = io.BytesIO()
    Image.new("L", (4, 4), value).save(file, format="PNG")
    return file.getvalue()


def test_a_few_clips_over_the_whole_split_the_same_for_every_model():
    clips = {f"clip{i:02}": 10 + i for i in range(20)}
    assert shown(clips) == {"clip00": 5, "clip10": 10, "clip19": 14}
    assert shown(dict(reversed(clips.items()))) == shown(clips)
    assert shown({"b": 1, "a": 7}) == {"a": 3, "b": 0}
    assert shown({"only": 4}) == {"only": 2}


def test_maps_and_fixations_are_where_they_belong():
    frame = np.full((32, 64, 3), 100, np.uint8)
    truth, prediction = np.zeros((64, 128), np.uint8), np.zeros((32, 64), np.float32)
    truth[:32, :64], prediction[16:, 32:] = 255, 0.5
    content = draw(frame, np.array([[16, 96]]), truth, prediction, "clip, frame 1")
    image = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
    height, width = image.shape[0] // 2 - pictures._CAPTION, image.shape[1]
    assert (height, width) == (144, 288)
    for i, hot in enumerate(((0, 0), (1, 1))):
        panel = image[i * (height + pictures._CAPTION) + pictures._CAPTION :][:height]
        yellow = np.argwhere((panel == (255, 255, 0)).all(-1))
        assert yellow.mean(0) == pytest.approx([height / 4, 3 * width / 4], abs=2)
        rows, columns = (height // 3, 2 * height // 3), (width // 3, 2 * width // 3)
        red = [[panel[row, column, 0] for column in columns] for row in rows]
        assert np.unravel_index(np.argmax(red), (2, 2)) == hot


def test_a_sketch_draws_its_frame_alone_and_lets_all_pass():
    frames = [np.full((32, 32, 3), i, np.uint8) for i in range(4)]
    sketch, points = Sketch("clip", 2), np.zeros((0, 2), int)
    for i, frame in enumerate(sketch.passing(frames)):
        assert frame is frames[i]
        sketch.take(i, points, np.zeros((32, 32), np.uint8), np.ones((32, 32), np.float32))
        assert (sketch.drawn is None) == (i < 2)
    none = Sketch("clip", None)
    list(none.passing(frames))
    none.take(0, points, None, None)
    assert none.drawn is None


def test_a_picture_that_fails_costs_nothing_but_itself(caplog):
    sketch = Sketch("clip", 0)
    list(sketch.passing([np.zeros((8, 8, 3), np.uint8)]))
    sketch.take(0, np.zeros((0, 2), int), np.zeros((8, 8), np.uint8), np.full((8, 8), np.nan).reshape(-1))
    assert sketch.drawn is None
    assert "is not drawn" in caplog.text


def test_pictures_are_kept_by_evaluation_and_brought_from_a_url(tmp_path):
    url = (tmp_path / "bucket").as_uri()
    worker, driver = Storage(url, str(tmp_path / "worker")), Storage(url, str(tmp_path / "driver"))
    keep(worker, "unit", {"a/clip": grey(10), "b": grey(20), "broken": b"no picture"})
    bring(driver, "unit")
    found = {path.name: np.unique(Image.open(path)).tolist() for path in kept(tmp_path / "driver", "unit")}
    assert found == {"a_clip.png": [10], "b.png": [20]}
    bring(driver, "other")
    assert kept(tmp_path / "driver", "other") == []


def test_pictures_of_another_evaluation_are_not_taken(tmp_path, caplog):
    keep(Storage(folder=str(tmp_path)), "unit", {"clip": grey(10)})
    (tmp_path / "pictures/unit").rename(tmp_path / "pictures/other")
    assert kept(tmp_path, "other") == []
    assert "is a picture of unit, and is left out" in caplog.text
    (tmp_path / "pictures/other/clip.png").write_bytes(grey(10))
    assert len(kept(tmp_path, "other")) == 1, "one of before they said so"


def test_a_folder_that_takes_no_picture_stops_nothing(tmp_path, caplog):
    (tmp_path / "pictures").write_text("in the way")
    keep(Storage(folder=str(tmp_path)), "unit", {"clip": grey(10)})
    assert "left out" in caplog.text
