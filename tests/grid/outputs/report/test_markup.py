"""Pieces of the page: whatever is said in them is text."""

from grid.outputs.report.markup import bullets, command, folded, paragraph, plain_table, section

EVIL = '<script>alert("x")</script>'


def test_all_text_is_escaped():
    written = [
        paragraph(EVIL),
        bullets([EVIL]),
        command(EVIL),
        folded(EVIL, "x"),
        section("a", EVIL, "x"),
        plain_table(EVIL, [EVIL], [[EVIL, EVIL]]),
    ]
    assert [text for text in written if "<script" in text] == []
    assert all("&lt;script&gt;" in text for text in written)


def test_rows_and_columns_are_headed():
    table = plain_table("Corpora", ["Name", "Clips"], [["DHF1K", "3"]])
    assert '<th scope="col">Clips</th>' in table
    assert '<th scope="row">DHF1K</th><td>3</td>' in table
    assert "<caption>Corpora</caption>" in table
    assert 'role="region" tabindex="0" aria-label="Corpora"' in table


def test_of_nothing_there_is_nothing():
    assert [bullets([]), folded("x", ""), section("x", "x", ""), plain_table("x", ["x"], [])] == [""] * 4
