"""Rows that are no result: impossible frames, columns and scores are told with what was expected."""

import math

import pyarrow as pa
import pytest

from grid.results.checks import column_problems, frame_problems, metric_problems, score_problems
from tests.grid.small_ledger import EXPECTED, frames

GOOD = {"NSS": [1.0, 2.0, math.nan, 4.0], "CC": [0.5, -1.0, math.nan, 1.0]}


def told(problems) -> str:
    return "\n".join(map(str, problems))


def test_sound_rows_have_no_problems():
    table = frames(**GOOD)
    assert column_problems("unit", table) == []
    assert metric_problems("unit", table) == []
    assert frame_problems("unit", table, EXPECTED) == []
    assert score_problems("unit", table) == []


def test_frames_may_come_in_any_order():
    assert frame_problems("unit", frames(**GOOD).take([3, 0, 2, 1]), EXPECTED) == []


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([0, 1, 3], "clip b: expected each of its 3 frames once, found 1 missing (first: 1)"),
        ([0, 1, 2, 3, 3], "clip b: expected each of its 3 frames once, found 1 repeated (first: 2)"),
        ([0, 1, 2, 2], "clip b: expected each of its 3 frames once, found 1 missing (first: 2); 1 repeated"),
        ([], "clip a: expected each of its 1 frames once, found 1 missing (first: 0)"),
    ],
)
def test_frames_that_are_missing_or_repeated_are_told(rows, found):
    assert found in told(frame_problems("unit", frames(**GOOD).take(pa.array(rows, pa.int64())), EXPECTED))


def test_clips_and_frames_that_were_not_expected_are_told_by_name():
    text = told(frame_problems("unit", frames(**GOOD), {"clip a": 1, "clip b": 1}))
    assert "2 that it does not have (first: 1)" in text
    text = told(frame_problems("unit", frames(**GOOD), {"clip b": 3, "clip c": 2}))
    assert "clip a: expected each of its 0 frames once, found 1 that it does not have" in text
    assert "clip c: expected each of its 2 frames once, found 2 missing" in text


def test_a_test_split_without_clips_is_no_split():
    (problem,) = frame_problems("unit", frames(**GOOD).slice(0, 0), {})
    assert (problem.expected, problem.found) == ("test clips", "none")


@pytest.mark.parametrize(
    ("metric", "value"),
    [("AUC_J", 1.1), ("s_AUC", -0.01), ("SIM", 1.001), ("CC", -1.1), ("KLD", -0.1), ("NSS", math.inf)],
)
def test_impossible_scores_are_told_with_their_first_frame(metric, value):
    (problem,) = score_problems("unit", frames(**{metric: [0.5, value, math.nan, 0.5]}))
    assert problem.expected.startswith(f"{metric.replace('_', '-')} finite and in [")
    assert problem.found == f"1 others, the first {value} at frame 0 of clip b"


def test_rounding_past_a_bound_is_accepted():
    table = frames(CC=[1.0000003, -1.0000003, math.nan, 0.0], SIM=[1.0000001, 0.0, 0.5, 1.0])
    assert score_problems("unit", table) == []


def test_a_negative_number_of_fixations_is_told():
    table = frames(NSS=[1.0] * 4).set_column(2, "n_fixations", pa.array([3, -1, 0, 2], pa.int32()))
    (problem,) = score_problems("unit", table)
    assert (problem.expected, problem.found) == ("n_fixations of 0 or more", "-1")


def test_wrong_columns_are_told_together():
    table = frames(NSS=[1.0] * 4).drop_columns(["n_fixations"])
    text = told(column_problems("unit", table.set_column(1, "frame", pa.array([0, 0, 1, 2], pa.int64()))))
    assert "a column n_fixations of int32, found nothing" in text
    assert "a column frame of int32, found int64" in text


def test_a_metric_that_is_not_known_here_is_no_fault_of_the_columns():
    table = frames(NSS=[1.0] * 4, NNS=[1.0] * 4)
    assert column_problems("unit", table) == []
    (problem,) = metric_problems("unit", table)
    assert "expected known metrics, found 'NNS'. Did you mean NSS?" in str(problem)


def test_a_table_without_a_metric_is_told():
    assert "and then a metric or more" in told(column_problems("unit", frames()))


def test_scores_of_another_precision_and_nulls_are_told():
    table = frames(NSS=[1.0, None, 1.0, 1.0]).append_column("CC", pa.array([0.5] * 4, pa.float32()))
    text = told(column_problems("unit", table))
    assert "NSS without nulls, found 1 nulls" in text
    assert "CC as float64, found float" in text
