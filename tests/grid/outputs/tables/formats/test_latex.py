"""LaTeX: a table that compiles as it is, whatever stands in it, and fits its page."""

import pytest

from grid.outputs.tables import Style, compile_tables
from grid.outputs.tables.formats.latex import latex
from grid.outputs.tables.formats.tex import UNKNOWN
from grid.results.ledger import Ledger
from grid.specs import settings_checks as limits
from grid.specs.settings import Tables
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
    compile_tables(small, ledger, ledger.out, Style(Tables(paper=paper), long, demo=True))
    assert "Overfull" not in compile_page(ledger.out)


@needs_tex
def test_every_table_of_the_papers_fits_its_page(ledger):
    compile_tables(real_plan("everything"), ledger, ledger.out, STYLE)
    log = compile_page(ledger.out)
    assert not [line for line in log.splitlines() if "Overfull" in line or "too large" in line]


def test_a_wide_table_spans_both_columns_and_a_narrow_one_stays_in_one(ledger):
    wide, narrow = (
        latex(table_of(small_plan(table_spec(metrics=metrics)), ledger))
        for metrics in (("NSS", "CC", "SIM"), ("NSS",))
    )
    assert r"\begin{table*}[t]" in wide
    assert r"\begin{table}[t]" in narrow
    assert r"\begin{tabular}{@{}llrrr@{}}" in narrow


def test_ranks_spreads_and_signs_are_set_with_their_number(ledger):
    plan = small_plan(table_spec(seeds=(0, 1), paper=""))
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
