"""What holds in every format of tables: their exact text, a demo's warning, and that all text is escaped."""

import re
import tempfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid.outputs.tables import compile_tables
from grid.outputs.tables.formats import FORMATS
from grid.outputs.tables.formats.html import html
from grid.outputs.tables.formats.latex import latex
from grid.outputs.tables.formats.markdown import markdown
from grid.outputs.tables.table import DEMO, Block, Column, Entry, Group, Missing, Row, Table
from grid.results.ledger import Ledger
from tests.grid.small_ledger import small_plan, table_spec
from tests.grid.small_tables import DEMO_STYLE, STYLE, fill, table_of

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


@pytest.mark.parametrize(
    "name", ["table5", *(f"table5-{word}" for word in ("significance", "recovered", "ranks"))]
)
@pytest.mark.parametrize("suffix", FORMATS)
def test_golden(ledger, name, suffix):
    """The exact text of a small table.

    `PYTHONPATH=. python tests/grid/outputs/tables/formats/test_formats.py` writes the golden files again,
    after a wanted change.
    """
    small = small_plan(table_spec())
    fill(ledger, small)
    compile_tables(small, ledger, ledger.out, DEMO_STYLE)
    written = (ledger.out / f"{name}{suffix}").read_text(encoding="utf-8")
    assert written == (GOLDEN / f"{name}{suffix}").read_text(encoding="utf-8")


def test_a_demo_says_so_before_any_number_and_a_real_run_never(ledger):
    small = small_plan(table_spec())
    for style, times in ((DEMO_STYLE, 1), (STYLE, 0)):
        table = table_of(small, ledger, style)
        # In LaTeX in the caption and in the notes, which may come apart.
        assert latex(table).count(DEMO) == 2 * times
        assert markdown(table).count(DEMO) == times
        assert html(table).replace("&#x27;", "'").count(DEMO) == times


def test_every_text_of_a_spec_is_escaped(ledger):
    nasty = r"50% of $x_1$ & {y} #2 ~ ^ \input --- <b> | `c` *d* → σ"
    small = small_plan(table_spec(title=nasty, caption=nasty))
    table = table_of(small, ledger)
    escaped = (
        r"50\% of \$x\_1\$ \& \{y\} \#2 \textasciitilde{} \textasciicircum{} \textbackslash{}input -{}-{}- "
        r"\textless{}b\textgreater{} \textbar{} \textasciigrave{}c\textasciigrave{} *d* $\rightarrow$ "
        r"$\sigma$"
    )
    assert latex(table).count(escaped) == 2
    assert r"# 50% of \$x\_1\$ \& {y} \#2 \~ ^ \\input --- \<b\> \| \`c\` \*d\* → σ" in markdown(table)
    assert html(table).count(r"50% of $x_1$ &amp; {y} #2 ~ ^ \input --- &lt;b&gt; | `c` *d* → σ") == 3


HOSTILE = st.text(
    st.one_of(
        st.sampled_from("\\`*_<>|[]()#$~&!'\"{}%^-+=1. \n\r\t\x0b\u2028"), st.characters(codec="utf-8")
    ),
    min_size=1,
    max_size=25,
)


class Text(HTMLParser):
    """The elements of a page, and what is read in it."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.texts = [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, attributes))

    def handle_data(self, data):
        self.texts.append(data)


@settings(deadline=None)
@given(HOSTILE, HOSTILE)
def test_no_title_clip_or_folder_is_taken_for_anything_else(title, name):
    entry = Entry("1.0")
    groups = tuple(Group(name, (Row(name, (entry,)),)) for _ in range(2))
    missing = Missing("cell", 2, ((name, (title, name)),))
    kept = {"labels": ("A", "B"), "columns": (Column("N"),), "blocks": (Block("B", groups),), "records": ()}
    plain = Table("t", "T", "C", "", **kept, notes=("n",), missing=missing, command="c", working=("w",))
    table = replace(plain, title=title, caption=title, notes=(name,), working=(title,), command=name)
    page, expected = Text(html(table)), Text(html(plain))
    assert page.elements == expected.elements
    assert {" ".join(text.split()) for text in page.texts} >= {
        " ".join(title.split()),
        " ".join(name.split()),
    }
    source = latex(table)
    assert source.isascii() or all(
        line.startswith("%") for line in source.splitlines() if not line.isascii()
    ), "pdflatex sets it"
    set_ = re.sub(r"\\[\\{}%&$#_]", "", "\n".join(x for x in source.split("\n") if not x.startswith("%")))
    assert set_.count("{") == set_.count("}")
    rows = [line for line in markdown(table).split("\n") if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows} == {4}


if __name__ == "__main__":
    golden_plan = small_plan(table_spec())
    golden_ledger = Ledger(Path(tempfile.mkdtemp()))
    fill(golden_ledger, golden_plan)
    compile_tables(golden_plan, golden_ledger, GOLDEN, DEMO_STYLE)
