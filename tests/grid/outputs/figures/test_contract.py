"""A figure's contract is one word, one title and one function."""

from matplotlib.figure import Figure as Canvas

from grid.outputs.figures.contract import Drawing, Figure, Subject


def test_a_figure_draws_a_subject_or_says_what_is_missing():
    figure = Figure("mine", "My figure", lambda subject: Drawing(Canvas(), [{"value": 1}]))
    assert figure.draw(Subject(None, None)).rows == [{"value": 1}]
    assert (
        Figure("mine", "My figure", lambda subject: "nothing yet").draw(Subject(None, None)) == "nothing yet"
    )
