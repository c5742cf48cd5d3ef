"""LaTeX: a table that compiles as it is, whatever stands in it, and fits its page."""

from dataclasses import replace

import pytest

from grid.outputs.tables import Style, compile_tables
from grid.outputs.tables.formats.latex import latex
from grid.outputs.tables.formats.tex import UNKNOWN
from grid.results.ledger import Ledger
from grid.specs import settings_checks as limits
from grid.specs.tables.shown import Tables
from tests.grid.small_ledger import finish, small_plan, table_spec
from tests.grid.small_tables import COMMAND, STYLE, fill, real_plan, table_of
from tests.grid.typesetting import compile_page, needs_tex


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def test_a_character_without_a_command_is_explained(ledger):
    known, unknown = (latex(table_of(small_plan(table_spec(title=t)), ledger)) for t in ("Größe", "中文"))
    assert UNKNOWN not in known
    assert unknown.startswith(f"% {UNKNOWN}\n")


@needs_tex
@pytest.mark.parametrize(("paper", "notes"), [*zip(limits.PAPER, limits.NOTES, strict=True)])
def test_latex_compiles(ledger, paper, notes):
    nasty = r"50% of $x_1$ & {y} #2 ~ ^ \input --- <b> | `c` *d* → σ × ± λ"
    words = "Größe ≥ é ü ß σ ą ș Ελλάδα « Россия 中文 😀 m² ½ \u200b a\u0301 \x7f"
    small = small_plan(table_spec(title=nasty, caption=words, targets=("UCFSports", words), seeds=(0, 1)))
    unread = {"unread": {"ü_1": "gone"}}
    finish(ledger, small, "adaptation-DHF1K-UCFSports-0", summary=unread, NSS=1.0, CC=0.5)
    finish(ledger, small, "adaptation-DHF1K-UCFSports-1", NSS=-2.0, CC=0.5)
    finish(ledger, small, "generalization-DHF1K-UCFSports-0", NSS=1.5, CC=0.5)
    long = f"{COMMAND} --out a/very/long/path/{'deep/' * 40}"
    compile_tables(small, ledger, ledger.out, Style(Tables(paper=paper, notes=notes), long, demo=True))
    assert "Overfull" not in compile_page(ledger.out)


@needs_tex
def test_every_table_of_the_papers_fits_its_page(ledger):
    compile_tables(real_plan("everything"), ledger, ledger.out, STYLE)
    log = compile_page(ledger.out)
    assert not [line for line in log.splitlines() if "Overfull" in line or "too large" in line]


SEEDED = table_spec(
    metrics=("NSS", "CC", "SIM", "AUC-J", "s-AUC"),
    sources=("DHF1K", "UCFSports", "Hollywood2"),
    targets=("DHF1K", "UCFSports", "Hollywood2"),
    seeds=(0, 1, 2),
    caption="Performance in scenarios of domain generalization, domain adaptation and transfer learning. "
    * 4,
)


def seeded(ledger, **shown):
    """Table 5 over three seeds, whose results are all there."""
    plan = small_plan(SEEDED)
    for seed in SEEDED.seeds:
        scores = {name.replace("-", "_"): 0.4 + 0.01 * seed for name in SEEDED.metrics}
        for cell in plan.cells[seed::3]:
            finish(ledger, plan, cell.training, **scores)
    return table_of(plan, ledger, Style(Tables(**shown), COMMAND))


@pytest.mark.slow
@needs_tex
@pytest.mark.parametrize("layout", ["", "twocolumn", "a4paper,twocolumn"])
def test_three_seeds_beside_printed_numbers_keep_the_size_of_footnotes(ledger, layout):
    (ledger.out / "table5.tex").write_text(latex(seeded(ledger)), encoding="utf-8")
    smaller = r"\renewcommand{\resizebox}{\errmessage{smaller than footnotes}}"
    log = compile_page(ledger.out, layout, smaller)
    assert not [line for line in log.splitlines() if "Overfull" in line or "too large" in line]


def test_three_seeds_beside_printed_numbers_are_set_in_two_lines_a_row(ledger):
    text = latex(seeded(ledger))
    assert r"\sbox0{\footnotesize" in text
    assert r"\begin{tabular}{@{}llrrrrr@{}}" in text
    assert r"\scriptsize" not in text.partition(r"\end{tabular}")[0]


@pytest.mark.parametrize(
    ("notes", "told", "left"),
    [
        ("none", [], ["Ours:", "Bold:", "is in the CSV file", "cells have all"]),
        ("short", ["Ours:", "Bold:"], ["is in the CSV file", "cells have all", "-- training failed"]),
        ("full", ["Ours:", "is in the CSV file", "cells have all", "Regenerate with: "], []),
    ],
)
def test_working_notes_stand_in_the_float_only_if_asked(ledger, notes, told, left):
    plan = small_plan(table_spec())
    fill(ledger, plan)
    text = latex(table_of(plan, ledger, Style(Tables(notes=notes), COMMAND)))
    inside, _, behind = text.partition("\n\\end{table")
    # The first line, which is a comment, says how to compile the table again.
    inside = inside.partition("\n")[2]
    assert [words for words in told if words not in inside] == []
    assert [words for words in left if words in inside or words not in behind] == []
    assert all(line.startswith("% ") for line in behind.splitlines()[1:])
    assert Tables().notes == "short"


def test_no_row_or_note_begins_with_an_option_of_the_line_before(ledger):
    """A corpus of a plug-in may be called anything, and stands first in rows and notes."""
    table = table_of(small_plan(table_spec()), ledger, Style(Tables(notes="full"), COMMAND))
    (block,) = table.blocks[:1]
    (group,) = block.groups[:1]
    named = replace(block, groups=(replace(group, label="中文"), replace(group, label="*new")))
    text = latex(replace(table, blocks=(named,), notes=("中文: 3 test clips.", "[x]: 2 test clips.")))
    assert not [line for line in text.splitlines() if line[:1] in ("[", "*")]
    assert r"{[U+4E2D]\allowbreak{}[U+6587]\allowbreak{}} & " in text


def test_a_wide_table_spans_both_columns_and_a_narrow_one_stays_in_one(ledger):
    wide, narrow = (
        latex(table_of(small_plan(table_spec(metrics=metrics)), ledger))
        for metrics in (("NSS", "CC", "SIM"), ("NSS",))
    )
    assert r"\begin{table*}[t]" in wide
    assert r"\begin{table}[t]" in narrow
    assert r"\begin{tabular}{@{}llrrr@{}}" in narrow


def test_ranks_spreads_and_signs_are_set_with_their_number(ledger):
    plan = small_plan(table_spec(seeds=(0, 1), metrics=("NSS",), paper=""))
    for seed, summary in ((0, {"unread": {"clip c": "gone"}}), (1, {})):
        finish(ledger, plan, f"adaptation-DHF1K-UCFSports-{seed}", summary=summary, NSS=1.0 + seed, CC=0.5)
    assert r"1.500$^{\dagger}$ {\scriptsize $\pm$ 0.707}" in latex(table_of(plan, ledger))
    ranked = small_plan(table_spec())
    fill(ledger, ranked)
    assert r"\textbf{2.250} & \textit{2.514}" in latex(table_of(ranked, ledger))


def test_a_row_that_begins_with_a_bracket_ends_no_row_before_it(ledger):
    plan = small_plan(table_spec(sources=("UCFSports",), targets=("[brackets]", "*stars*"), paper=""))
    text = latex(table_of(plan, ledger))
    assert "\n{[brackets]} & " in text
    assert "\n{*stars*} & " in text
