"""What results say: means over frames and over clips, and what is left out of them."""

import json
import math
from types import SimpleNamespace

import pyarrow as pa
import pytest

from grid.results import output_folder
from grid.results.storage import Storage
from grid.results.unit_results import EvaluationResult, Stopped, Stops
from grid.training.states import SavedStates
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


WHERE = Stopped(250, 2500, 1.2345)
PLAN_OF_A = SimpleNamespace(trainings={"a": None})


def stops_of(out, *may_stop):
    return Stops(out, Storage(folder=str(out)), dict.fromkeys(may_stop, "a"))


def test_what_was_stopped_is_known_with_where_for_itself_and_its_tests(tmp_path):
    stops = stops_of(tmp_path, "a", "a on b")
    assert stops.of("a") is None
    stops.write("a", WHERE)
    assert stops.of("a") == stops.of("a on b") == WHERE
    assert WHERE.words == "after 250 of 2,500 iterations, at a validation KLD of 1.234"
    stops.clear("a")
    assert stops.of("a") is None


def test_what_may_not_be_stopped_any_more_is_not(tmp_path):
    stops_of(tmp_path, "a").write("a", WHERE)
    unwished = stops_of(tmp_path)
    assert unwished.of("a") is None
    unwished.clear_unwished(PLAN_OF_A)
    assert stops_of(tmp_path, "a").of("a") is None, "a later wish finds it as it is then"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"step": 1}', '{"step": "x", "iterations": 1, "kld": []}'])
def test_a_damaged_record_stops_nothing_and_goes_before_a_worker_sees_it(tmp_path, text):
    """Workers ended a training by a record that the command could not read: it was never finished."""
    stops, states = stops_of(tmp_path, "a"), SavedStates(Storage(folder=str(tmp_path)), "a")
    stops.write("a", WHERE)
    stops.clear_unwished(PLAN_OF_A)
    assert states.stopped()
    (tmp_path / output_folder.stopped("a")).write_text(text)
    assert stops.of("a") is None
    stops.clear_unwished(PLAN_OF_A)
    assert not states.stopped()


def test_a_record_of_another_training_stops_nothing_and_one_of_before_counts(tmp_path):
    stops, place = stops_of(tmp_path, "a"), tmp_path / output_folder.stopped("a")
    stops.write("b", WHERE)
    (tmp_path / output_folder.stopped("b")).rename(place)
    assert stops.of("a") is None
    place.write_text(json.dumps(WHERE._asdict()))
    assert stops.of("a") == WHERE
