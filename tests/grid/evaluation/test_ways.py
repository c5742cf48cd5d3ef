"""Scores of a clip's frames by threads and by batches on a device: the same rows."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from datasets.loading.scored_split import ScoredSplit
from grid.evaluation import ways
from grid.evaluation.pictures import Sketch
from grid.evaluation.ways import Asked, ClipFrames, by_threads, in_batches, mapped
from hd2s.metrics import METRICS
from tests.datasets.scored_corpus import LENGTHS, write_scored

NAME, INPUT = "0601", (18, 32)
CPU = torch.device("cpu")


@pytest.fixture
def clip(tmp_path):
    split = ScoredSplit.open(str(write_scored(tmp_path, split="test")), "test")
    return ClipFrames(split, NAME, tmp_path / "corpus", Sketch(NAME, None))


def predictions(seed=0):
    """Return a map of each frame; the second has one value alone, and the last frame has no fixation."""
    maps = np.random.default_rng(seed).random((LENGTHS[NAME], *INPUT), np.float32)
    maps[1] = 0.25
    return list(maps)


@pytest.mark.parametrize("eight_bit", [True, False])
@pytest.mark.parametrize("truncate", [True, False])
def test_batches_give_the_rows_that_threads_do(clip, monkeypatch, eight_bit, truncate):
    monkeypatch.setattr(ways, "_BATCH", 2)
    found, expected = (Asked(METRICS, eight_bit, truncate) for _ in range(2))
    with ThreadPoolExecutor(2) as pool:
        rows = list(in_batches(found, clip, predictions(), pool, CPU))
        by_one = list(by_threads(expected, clip, predictions(), pool, 2))
    assert len(rows) == len(clip) == 5
    np.testing.assert_allclose(rows, by_one, rtol=0, atol=2e-6)
    assert np.isfinite(rows).any(axis=0).all()
    assert found.constant == expected.constant == {1}


def test_what_is_scored_on_is_read_before_the_first_prediction(clip):
    read = []

    class Noting(ClipFrames):
        def read(self, i):
            read.append(i)
            return super().read(i)

    def late():
        deadline = time.monotonic() + 30
        while len(read) < len(clip) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert sorted(read) == list(range(len(clip)))
        yield from predictions()

    noting = Noting(clip.split, clip.name, clip.maps, clip.sketch)
    with ThreadPoolExecutor(2) as pool:
        assert len(list(in_batches(Asked(METRICS, True, False), noting, late(), pool, CPU))) == len(clip)


def test_a_prediction_that_is_not_finite_is_told_with_clip_and_frame(clip, monkeypatch):
    monkeypatch.setattr(ways, "_BATCH", 2)
    maps = predictions()
    maps[3] = np.full(INPUT, np.nan, np.float32)
    told = r"clip 0601, frame 3: .*expected finite predictions, found NaN"
    with ThreadPoolExecutor(2) as pool, pytest.raises(ValueError, match=told):
        list(in_batches(Asked(METRICS, True, False), clip, maps, pool, CPU))


def test_a_gpu_scores_in_batches_what_has_a_form_for_them():
    gpu = torch.device("cuda")
    assert Asked(METRICS, True, False).on_device(gpu)
    assert not Asked(METRICS, True, False).on_device(CPU)


def test_items_are_worked_on_beside_each_other_and_come_out_in_order():
    begun, held = [], []

    def slow(i, item):
        begun.append(i)
        time.sleep(0.02 if i % 3 == 0 else 0.0)
        return (i, float(item))

    def items():
        for i in range(20):
            held.append(i)
            yield np.float32(i * 10)

    with ThreadPoolExecutor(3) as pool:
        results = mapped(pool, slow, items(), waiting=4)
        assert next(results) == (0, 0.0)
        assert len(held) == 5, "no more are held than wait"
        assert list(results) == [(i, i * 10.0) for i in range(1, 20)]
    assert sorted(begun) == list(range(20))
