"""The formats of tables: their exact text, what is escaped, that LaTeX compiles and HTML is well formed."""

import csv
import math
import shutil
import subprocess
import tempfile
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from grid.outputs.tables import Style, compile_tables
from grid.outputs.tables.formats import FORMATS
from grid.outputs.tables.formats.html import html
from grid.outputs.tables.formats.latex import latex
from grid.outputs.tables.formats.markdown import markdown
from grid.outputs.tables.formats.tex import UNKNOWN, tex
from grid.outputs.tables.table import DEMO
from grid.results.ledger import Ledger
from grid.specs import settings_checks as limits
from tests.grid.small_ledger import finish, small_plan, table_spec
from tests.grid.small_tables import COMMAND, DEMO_STYLE, STYLE, fill, real_plan, table_of

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


@pytest.mark.parametrize("name", ["table5", "table5-significance"])
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
    assert r"# 50% of $x\_1$ & {y} \#2 ~ ^ \\input --- \<b\> \| \`c\` \*d\* → σ" in markdown(table)
    assert html(table).count(r"50% of $x_1$ &amp; {y} #2 ~ ^ \input --- &lt;b&gt; | `c` *d* → σ") == 3


class _Cells(HTMLParser):
    """The table's rows with as many places as each row takes, counting those that reach down from above."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.widths, self.reach, self.open = [], Counter(), []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "b", "i", "small"):
            self.open.append(tag)
        span = {key: int(value) for key, value in attrs if key in ("colspan", "rowspan")}
        if tag == "tr":
            self.widths.append(self.reach.pop(len(self.widths), 0))
        elif tag in ("td", "th"):
            self.widths[-1] += span.get("colspan", 1)
            for below in range(1, span.get("rowspan", 1)):
                self.reach[len(self.widths) - 1 + below] += 1

    def handle_endtag(self, tag):
        if tag not in ("b", "i", "small"):
            assert self.open.pop() == tag


@pytest.mark.parametrize("paper", limits.PAPER)
def test_html_is_well_formed_needs_no_other_file_and_its_rows_are_equally_wide(ledger, paper):
    small = small_plan(table_spec())
    fill(ledger, small)
    page = html(table_of(small, ledger, Style(paper, COMMAND)))
    cells = _Cells(page)
    assert cells.open == []
    assert set(cells.widths) == {2 + 2 * {"beside": 3, "difference": 2, "none": 1}[paper]}
    assert "color-scheme: light dark" in page
    assert not [word for word in ("http", "src=", "<link", "<script", "@import") if word in page]


def test_csv_has_a_line_for_each_row_and_metric_unrounded(ledger):
    small = small_plan(table_spec(seeds=(0, 1)))
    finish(ledger, small, "adaptation-DHF1K-UCFSports-0", NSS=1.0, CC=0.5)
    finish(ledger, small, "adaptation-DHF1K-UCFSports-1", NSS=2.0, CC=0.5)
    compile_tables(small, ledger, ledger.out, STYLE)
    with (ledger.out / "table5.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 6 * 2
    (line,) = [line for line in lines if line["approach"] == "adaptation" and line["mean"] == "1.5"]
    assert line == {
        "table": "table5",
        "sources": "DHF1K",
        "target": "UCFSports",
        "test": "UCFSports",
        "model": "hd2s",
        "approach": "adaptation",
        "variant": "",
        "label": "Domain Adaptation",
        "point": "",
        "metric": "NSS",
        "n_seeds": "2",
        "of_seeds": "2",
        "n_clips": "2",
        "n_unread": "0",
        "n_quarantined": "0",
        "mean": "1.5",
        "std": str(math.sqrt(0.5)),
        # The first clip has the mean itself, the second a frame below and a frame above it.
        "per_video_mean": line["per_video_mean"],
        "paper": "2.514",
        "difference": str(1.5 - 2.514),
    }
    assert float(line["per_video_mean"]) == pytest.approx(1.5)


def compile_page(folder: Path) -> str:
    """Have pdflatex set every table of a folder; return its log."""
    names = "".join(rf"\input{{{path.stem}}}\clearpage" for path in sorted(folder.glob("*.tex")))
    page = (
        rf"\documentclass{{article}}\usepackage{{booktabs,graphicx}}\begin{{document}}{names}\end{{document}}"
    )
    (folder / "page.tex").write_text(page)
    return typeset(folder)


def typeset(folder: Path) -> str:
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    # Its terminal output is in the fonts' own encoding.
    done = subprocess.run(
        command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


needs_tex = pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")


@needs_tex
@pytest.mark.parametrize("paper", limits.PAPER)
def test_latex_compiles(ledger, paper):
    nasty = r"50% of $x_1$ & {y} #2 ~ ^ \input --- <b> | `c` *d* → σ × ± λ"
    words = "Größe ≥ é ü ß σ ą ș Ελλάδα « Россия 中文 😀 m² ½ \u200b a\u0301 \x7f"
    small = small_plan(table_spec(title=nasty, caption=words, targets=("UCFSports", words), seeds=(0, 1)))
    unread = {"unread": {"ü_1": "gone"}}
    finish(ledger, small, "adaptation-DHF1K-UCFSports-0", summary=unread, NSS=1.0, CC=0.5)
    finish(ledger, small, "adaptation-DHF1K-UCFSports-1", NSS=-2.0, CC=0.5)
    finish(ledger, small, "generalization-DHF1K-UCFSports-0", NSS=1.5, CC=0.5)
    long = f"{COMMAND} --out a/very/long/path/{'deep/' * 40}"
    compile_tables(small, ledger, ledger.out, Style(paper, long, demo=True))
    assert "Overfull" not in compile_page(ledger.out)


@needs_tex
@pytest.mark.parametrize("fonts", ["", r"\usepackage[T1]{fontenc}"])
def test_any_character_compiles(tmp_path, fonts):
    """All of the alphabets and signs of the first planes, and some of each beyond."""
    codes = [*range(1, 0x3100), *range(0x3100, 0x110000, 997)]
    lines = [tex("".join(map(chr, codes[n : n + 40]))) for n in range(0, len(codes), 40)]
    assert all(line.isascii() for line in lines)
    body = "\n\n".join(line for line in lines if line)
    page = rf"\documentclass{{article}}{fonts}\begin{{document}}{body}\end{{document}}"
    (tmp_path / "page.tex").write_text(page, encoding="ascii")
    assert "Missing character" not in typeset(tmp_path)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("é ü ß Å ñ", r"\'{e} \"{u} \ss{} \AA{} \~{n}"),
        ("a\u0301 ï ệ", r"\'{a} \"{\i} \^{\d{e}}"),
        ("≥ ≈ σ Σ Α λ", r"$\ge$ $\approx$ $\sigma$ $\Sigma$ A $\lambda$"),
        ("m² ﬁ Ａ ½", r"m\textsuperscript{2} fi A 1/2"),
        ("x\u200by", "xy"),
        ("ά中", r"$\alpha$[U+4E2D]\allowbreak{}"),
        ("a -- b – c --- d", "a -{}- b -- c -{}-{}- d"),
    ],
)
def test_letters_and_signs_in_latex(text, written):
    assert tex(text) == written


def test_a_character_without_a_command_is_explained(ledger):
    known, unknown = (latex(table_of(small_plan(table_spec(title=t)), ledger)) for t in ("Größe", "中文"))
    assert UNKNOWN not in known
    assert unknown.startswith(f"% {UNKNOWN}\n")


@needs_tex
def test_every_table_of_the_papers_fits_its_page(ledger):
    compile_tables(real_plan("everything"), ledger, ledger.out, STYLE)
    log = compile_page(ledger.out)
    assert not [line for line in log.splitlines() if "Overfull" in line or "too large" in line]


if __name__ == "__main__":
    golden_plan = small_plan(table_spec())
    golden_ledger = Ledger(Path(tempfile.mkdtemp()))
    fill(golden_ledger, golden_plan)
    compile_tables(golden_plan, golden_ledger, GOLDEN, DEMO_STYLE)
