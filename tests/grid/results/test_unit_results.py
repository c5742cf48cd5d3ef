"""What results say: means over frames and over clips, and what is left out of them."""

import math

import pyarrow as pa
import pytest

from grid.results.unit_results import EvaluationResult
from tests.grid.small_ledger import frames


def result_of(**values):
    return EvaluationResult("unit", frames(**values), {"seconds": 2.0})


def test_scores_are_means_over_frames_and_per_video_over_clips():
    result = result_of(NSS=[1.0, 2.0, math.nan, 4.0], CC=[0.5, -1.0, math.nan, 1.0])
    assert result.metrics == ["NSS", "CC"]
    assert (result.n_frames, result.n_clips) == (4, 2)
    # Clip a: 1; clip b: 2 and 4, its frame between them has no score.
    assert result.scores == pytest.approx({"NSS": 7 / 3, "CC": 0.5 / 3})
    assert result.per_video == pytest.approx({"NSS": (1 + 3) / 2, "CC": (0.5 + 0.0) / 2})
    assert result.by_clip("NSS").to_pydict() == {
        "clip": ["clip a", "clip b"],
        "mean": [1.0, 3.0],
        "frames": [1, 2],
    }


def test_a_clip_without_any_score_is_left_out_of_the_mean_over_clips():
    result = result_of(NSS=[math.nan, 2.0, math.nan, 4.0])
    assert result.per_video == {"NSS": 3.0}
    assert result.by_clip("NSS").to_pydict() == {
        "clip": ["clip a", "clip b"],
        "mean": [None, 3.0],
        "frames": [0, 2],
    }


def test_a_metric_without_any_score_is_nan():
    result = result_of(NSS=[math.nan] * 4)
    assert math.isnan(result.scores["NSS"])
    assert math.isnan(result.per_video["NSS"])


def test_an_evaluation_has_values_if_each_metric_asked_for_has_one():
    result = result_of(NSS=[1.0, math.nan, math.nan, 2.0], CC=[math.nan] * 4)
    assert result.has_values(["NSS"])
    assert result.has_values([])
    assert not result.has_values(["NSS", "CC"])
    assert not result.has_values(["SIM"]), "which was not scored"


def test_an_evaluation_of_several_pieces_says_the_same_as_one_of_one():
    """As read from a file of several row groups."""
    whole = frames(NSS=[1.0, 2.0, math.nan, 4.0])
    pieces = pa.concat_tables([whole.slice(0, 2), whole.slice(2)])
    one, other = EvaluationResult("unit", whole, {}), EvaluationResult("unit", pieces, {})
    assert (one.scores, one.per_video) == (other.scores, other.per_video)
    assert other.n_clips == 2
