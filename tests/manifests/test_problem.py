"""Problems: told one by one or all together, with what may have been meant."""

import pickle

import pytest

from manifests.problem import Problem, ProblemError, agreed, counted, gathered, suggest

ONE, OTHER = Problem("a", "1", "2", "Mend it."), Problem("b", "3", "4", "Leave it.")


def test_one_problem_is_a_sentence_and_several_are_numbered():
    assert str(ProblemError(ONE)) == "a: expected 1, found 2. Mend it."
    text = "2 problems:\n1. a: expected 1, found 2. Mend it.\n2. b: expected 3, found 4. Leave it."
    assert str(ProblemError(iter([ONE, OTHER]))) == text


def test_what_ends_in_a_point_is_given_no_second():
    assert str(Problem("a", "1", "OSError: cut off.", "Mend it.")).endswith(
        "found OSError: cut off. Mend it."
    )


def test_problems_travel_between_processes():
    assert pickle.loads(pickle.dumps(ProblemError([ONE, OTHER]))).problems == [ONE, OTHER]


def test_problems_are_gathered_and_other_errors_pass():
    problems = [ONE]
    with gathered(problems):
        raise ProblemError(OTHER)
    with gathered(problems):
        pass
    assert problems == [ONE, OTHER]
    with pytest.raises(ValueError, match="other"), gathered(problems):
        raise ValueError("other")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("holywood2", "Did you mean hollywood2? Available: DHF1K, hollywood2."),
        ("dhf1k", "Did you mean DHF1K? Available: DHF1K, hollywood2."),
        ("zzz", "Available: DHF1K, hollywood2."),
    ],
)
def test_what_may_have_been_meant(word, expected):
    assert suggest(word, ["hollywood2", "DHF1K"]) == expected


def test_one_is_no_plural():
    assert [counted(n, "row") for n in (0, 1, 2, 1200)] == ["0 rows", "1 row", "2 rows", "1,200 rows"]
    assert [counted(n, "entry", "entries") for n in (1, 2)] == ["1 entry", "2 entries"]
    assert [agreed(n) for n in (0, 1, 2)] == ["are", "is", "are"]
    assert agreed(1, "has", "have") == "has"
