"""Lists and times as sentences have them."""

from grid.outputs.report.wording import duration, listed, span


def test_lists():
    assert [listed([]), listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"], "or")] == [
        "",
        "a",
        "a and b",
        "a, b or c",
    ]


def test_spans_and_times():
    assert [span("1", "2"), span("1", "1")] == ["1 to 2", "1"]
    assert [duration(12), duration(600), duration(7200)] == ["12 s", "10 min", "2.0 h"]
