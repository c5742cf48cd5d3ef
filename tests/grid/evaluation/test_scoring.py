"""A clip's way from its files to its scores, and the threads that it goes through."""

import threading
import time

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from datasets.corpus import ClipError
from datasets.loading.scored_split import ScoredSplit
from grid.evaluation import scoring
from grid.evaluation.pictures import Sketch
from grid.evaluation.scoring import score_clip
from hd2s.metrics import METRICS
from hd2s.metrics.benchmark import score_frame
from manifests import ProblemError
from tests.datasets.scored_corpus import CORPUS, LENGTHS, write_scored

INPUT = (18, 32)


def predictor(frames):
    """Predict what is bright, a little later than it is asked for, as a network does."""
    for frame in frames:
        yield frame[..., 0].astype(np.float32) * 0.3 + frame[..., 1]


@pytest.fixture
def split(tmp_path):
    return ScoredSplit.open(str(write_scored(tmp_path, split="test")), "test")


def score(split, name="0601", *, predictor=predictor, threads=2, eight_bit=True, sketch=None):
    options = {"predictor": predictor, "size": INPUT, "threads": threads, "eight_bit": eight_bit}
    return score_clip(split, name, **options, sketch=sketch)


def frames_of(split, name):
    root = split.manifest.root
    images = (Image.open(f"{root}/frames/{name}/{i + 1:04d}.png") for i in range(LENGTHS[name]))
    return [np.asarray(image.resize(INPUT[::-1], Image.Resampling.BILINEAR)) for image in images]


@pytest.mark.parametrize("eight_bit", [True, False])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_clip_s_rows_are_the_scores_of_its_frames_in_order(split, eight_bit, threads):
    for name in LENGTHS:
        table = score(split, name, threads=threads, eight_bit=eight_bit)
        types = {"clip": pa.string(), "frame": pa.int32(), "n_fixations": pa.int32()}
        assert table.schema == pa.schema(types | dict.fromkeys(METRICS, pa.float64()))
        predictions = predictor(frames_of(split, name))
        for i, (row, prediction) in enumerate(zip(table.to_pylist(), predictions, strict=True)):
            frame = split.frame(name, i)
            pool, key = (split.points, split.sizes), (CORPUS, name, i)
            expected = score_frame(prediction, frame.truth, frame.points, pool, key, eight_bit=eight_bit)
            assert [row[metric] for metric in METRICS] == pytest.approx(
                list(expected.values()), rel=0, abs=0, nan_ok=True
            )
            assert (row["clip"], row["frame"], row["n_fixations"]) == (name, i, len(frame.points))


def test_the_sketch_sees_the_frame_its_fixations_and_its_maps(split):
    class Recorded(Sketch):
        def take(self, i, points, truth, prediction):
            super().take(i, points, truth, prediction)
            if i == 2:
                seen.update(frame=self._frame, points=points, truth=truth, prediction=prediction)

    seen = {}
    sketch = Recorded("0601", 2)
    score(split, sketch=sketch)
    frame, expected = frames_of(split, "0601")[2], split.frame("0601", 2)
    np.testing.assert_array_equal(seen["frame"], frame)
    np.testing.assert_array_equal(seen["points"], expected.points)
    np.testing.assert_array_equal(seen["truth"], expected.truth)
    np.testing.assert_array_equal(seen["prediction"], next(predictor([frame])))
    assert sketch.drawn.startswith(b"\x89PNG")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_prediction_that_is_not_finite_is_told_with_clip_and_frame(split, bad):
    def broken(frames):
        for i, frame in enumerate(frames):
            yield np.full(frame.shape[:2], bad if i == 3 else 0.5, np.float32)

    with pytest.raises(ValueError, match=r"clip 0601, frame 3: .*expected finite predictions, found NaN"):
        score(split, predictor=broken)


def test_what_has_changed_since_it_was_indexed_is_told(split, tmp_path):
    (tmp_path / "corpus/maps/0601/0003.png").unlink()
    with pytest.raises(ClipError, match=r"maps/0601/0003\.png"):
        score(split)
    (tmp_path / "corpus/frames/0602/0002.png").unlink()
    with pytest.raises(ProblemError, match="as indexed"):
        score(split, "0602")


def test_no_thread_is_left_behind_by_an_error(split):
    def failing(frames):
        yield from (np.zeros(INPUT, np.float32) for _, _ in zip(range(2), frames, strict=False))
        raise RuntimeError("no memory left")

    before = threading.active_count()
    with pytest.raises(RuntimeError, match="no memory left"):
        score(split, predictor=failing)
    assert threading.active_count() == before


def frame(i):
    return np.full((2, 2), i)


def test_frames_are_taken_ahead_but_not_without_end():
    taken = []

    def endless():
        while True:
            taken.append(len(taken))
            yield frame(taken[-1])

    frames = scoring._ahead(endless())
    assert [int(next(frames)[0, 0]) for _ in range(3)] == [0, 1, 2]
    deadline = time.monotonic() + 10
    while len(taken) < scoring._FRAMES_DECODED_AHEAD and time.monotonic() < deadline:
        time.sleep(0.01)
    frames.close()
    assert scoring._FRAMES_DECODED_AHEAD <= len(taken) <= scoring._FRAMES_DECODED_AHEAD + 5
    after = len(taken)
    time.sleep(0.05)
    assert len(taken) == after, "nobody reads on"


def test_an_error_of_the_frames_comes_in_its_place():
    def broken():
        yield frame(0)
        yield frame(1)
        raise OSError("the disk is gone")

    frames = scoring._ahead(broken())
    assert [int(next(frames)[0, 0]) for _ in range(2)] == [0, 1]
    with pytest.raises(OSError, match="the disk is gone"):
        next(frames)


def test_no_frames_end_at_once():
    assert list(scoring._ahead(iter(()))) == []


@pytest.mark.parametrize(("eight_bit", "counted"), [(True, {1, 4}), (False, {4})])
def test_frames_without_contrast_are_counted_and_score_chance(split, eight_bit, counted):
    def collapsed(frames):
        for i, frame in enumerate(predictor(frames)):
            yield {1: 0.5 + 1e-6 * frame, 4: np.zeros_like(frame)}.get(i, frame)

    constant = set()
    options = {"predictor": collapsed, "size": INPUT, "threads": 2, "eight_bit": eight_bit}
    rows = score_clip(split, "0601", **options, constant=constant).to_pylist()
    assert constant == counted
    for i in counted & {1}:
        assert [rows[i][name] for name in ("NSS", "CC", "AUC-J", "s-AUC")] == [0, 0, 0.5, 0.5]
    assert rows[4]["n_fixations"] == 0
    assert np.isnan(rows[4]["NSS"]), "nobody looked: there is nothing to be wrong about"
