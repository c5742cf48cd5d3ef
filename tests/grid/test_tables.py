"""Tables: every cell in its place, best values bold, what is missing said, the exact text of both formats."""

import math
import shutil
import subprocess
from pathlib import Path

import pytest
from small_ledger import finish, finish_training, small_plan, table_spec

from grid import config, plan, spec
from grid.paper import available, citation, paper_value, values
from grid.results import Ledger
from grid.tables import build, compile_tables
from grid.tables.layout import DEMO
from grid.tables.rendering import Entry, Row, latex, markdown
from manifests.check import ProblemError

GOLDEN = Path(__file__).parent / "golden"
CORPORA = ("DHF1K", "UCFSports", "Hollywood2")


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def fill(ledger: Ledger, small: plan.Plan) -> None:
    """Results of every kind: good, equal as printed, negative, without a score, failed, not yet there."""
    finish(ledger, small, "generalization-DHF1K-UCFSports-0", NSS=2.0, CC=0.5004)
    finish(ledger, small, "adaptation-DHF1K-UCFSports-0", NSS=2.25, CC=0.4996)
    finish(ledger, small, "transfer-DHF1K-UCFSports-0", NSS=1.0, CC=math.nan)
    finish(ledger, small, "generalization-UCFSports-DHF1K-0", NSS=-1.5, CC=-0.0001)
    finish_training(ledger, small.trainings["adaptation-UCFSports-DHF1K-0"])
    ledger.write_failure("transfer-UCFSports-DHF1K-0", "out of memory")


@pytest.mark.parametrize("suffix", [".md", ".tex"])
def test_golden(ledger, suffix):
    """The exact text of a small table.

    `PYTHONPATH=. python tests/grid/test_tables.py` writes the golden files again, after a wanted change.
    """
    small = small_plan(table_spec())
    fill(ledger, small)
    compile_tables(small, ledger, ledger.out, demo=True)
    written = (ledger.out / "tables" / f"table5{suffix}").read_text(encoding="utf-8")
    assert written == (GOLDEN / f"table5{suffix}").read_text(encoding="utf-8")


def test_table5_has_the_papers_rows_and_columns(ledger):
    overrides = ["model.backbone_weights=none"]
    settings = config.load(overrides, demo=False)
    grid = spec.load("domain_shift", (0,))
    made = plan.make(grid, settings, dict.fromkeys(CORPORA, "digest"), None)
    table = build(grid.tables[0], made, ledger, demo=False)
    assert table.metrics == ("NSS", "CC", "SIM", "AUC-J", "s-AUC")
    assert [block.heading for block in table.blocks] == [
        "Source dataset: DHF1K",
        "Source dataset: UCF Sports",
        "Source dataset: Hollywood2",
    ]
    assert [[group.label for group in block.groups] for block in table.blocks] == [
        ["UCF Sports", "Hollywood2"],
        ["DHF1K", "Hollywood2"],
        ["DHF1K", "UCF Sports"],
    ]
    rows = [row for block in table.blocks for group in block.groups for row in group.rows]
    assert [row.label for row in rows[:3]] == [
        "Domain Generalization",
        "Domain Adaptation",
        "Transfer Learning",
    ]
    assert len(rows) == table.n_cells == 18
    # The paper's first and last row, from its page 18.
    assert [entry.value for entry in rows[0].paper] == [2.483, 0.537, 0.442, 0.890, 0.744]
    assert [entry.value for entry in rows[-1].paper] == [2.780, 0.576, 0.486, 0.887, 0.762]
    assert [entry.value for row in rows for entry in row.ours] == [None] * 90
    (reason, cells), *others = table.missing
    assert (reason, len(cells), others) == ("not trained yet", 18, [])


def test_values_are_the_means_over_frames_and_the_best_are_marked(ledger):
    small = small_plan(table_spec())
    fill(ledger, small)
    table = build(small.tables[0], small, ledger, demo=False)
    (to_ucf,) = table.blocks[0].groups
    generalization, adaptation, transfer = to_ucf.rows
    assert [entry.value for entry in generalization.ours] == pytest.approx([2.0, 0.5004])
    # 0.5004 and 0.4996 are printed alike, so both are the best.
    assert [entry.best for entry in generalization.ours] == [False, True]
    assert [entry.best for entry in adaptation.ours] == [True, True]
    assert transfer.ours[1] == Entry(None)
    # The paper's best are found among the paper's alone.
    assert [[entry.best for entry in row.paper] for row in to_ucf.rows] == [
        [False] * 2,
        [False] * 2,
        [True] * 2,
    ]


def test_one_value_alone_is_not_the_best(ledger):
    small = small_plan(table_spec())
    fill(ledger, small)
    (to_dhf1k,) = build(small.tables[0], small, ledger, demo=False).blocks[1].groups
    assert to_dhf1k.rows[0].ours[0] == Entry(pytest.approx(-1.5), best=False)


def test_a_lower_kld_is_better(ledger):
    small = small_plan(table_spec(metrics=("KLD",), paper=""))
    finish(ledger, small, "generalization-DHF1K-UCFSports-0", KLD=2.0)
    finish(ledger, small, "adaptation-DHF1K-UCFSports-0", KLD=1.0)
    (group,) = build(small.tables[0], small, ledger, demo=False).blocks[0].groups
    assert [row.ours[0].best for row in group.rows] == [False, True, False]


def test_several_seeds_are_averaged_and_each_missing_one_is_named(ledger):
    small = small_plan(table_spec(seeds=(0, 1, 2)))
    finish(ledger, small, "adaptation-DHF1K-UCFSports-0", NSS=1.0, CC=0.5)
    finish(ledger, small, "adaptation-DHF1K-UCFSports-2", NSS=2.0, CC=0.25)
    table = build(small.tables[0], small, ledger, demo=False)
    (group,) = table.blocks[0].groups
    assert [entry.value for entry in group.rows[1].ours] == pytest.approx([1.5, 0.375])
    assert table.n_cells == 18
    ((_, cells),) = table.missing
    assert len(cells) == 16
    assert "DHF1K to UCF Sports, Domain Adaptation, seed 1" in cells
    assert "DHF1K to UCF Sports, Domain Adaptation, seed 0" not in cells
    assert "then over the seeds 0, 1, 2." in markdown(table)


def test_every_missing_cell_has_its_reason(ledger):
    small = small_plan(table_spec())
    fill(ledger, small)
    ledger.write_failure("generalization-UCFSports-DHF1K-0", "an earlier attempt, overtaken by its result")
    broken = ledger.path("evaluation", "on-adaptation-DHF1K-UCFSports-0")
    broken.write_bytes(b"PAR1")
    ledger.write_failure("on-adaptation-UCFSports-DHF1K-0", "disk full")
    reasons = dict(build(small.tables[0], small, ledger, demo=False).missing)
    assert reasons == {
        "results/evaluation-on-adaptation-DHF1K-UCFSports-0.parquet cannot be read": (
            "DHF1K to UCF Sports, Domain Adaptation",
        ),
        "no frame has a score for CC": ("DHF1K to UCF Sports, Transfer Learning",),
        "evaluation failed, see logs/on-adaptation-UCFSports-DHF1K-0.error.txt": (
            "UCF Sports to DHF1K, Domain Adaptation",
        ),
        "training failed, see logs/transfer-UCFSports-DHF1K-0.error.txt": (
            "UCF Sports to DHF1K, Transfer Learning",
        ),
    }


def test_a_failed_parent_is_the_reason_of_its_childs_cell(ledger):
    small = small_plan(table_spec(approaches=("generalization", "transfer")))
    for unit in (
        "generalization-DHF1K-UCFSports-0",
        "transfer-DHF1K-UCFSports-0",
        "on-transfer-DHF1K-UCFSports-0",
    ):
        ledger.write_failure(unit, "the parent's error")
    reasons = dict(build(small.tables[0], small, ledger, demo=False).missing)
    assert reasons["training failed, see logs/generalization-DHF1K-UCFSports-0.error.txt"] == (
        "DHF1K to UCF Sports, Domain Generalization",
        "DHF1K to UCF Sports, Transfer Learning",
    )


def test_a_demo_says_so_twice_and_a_real_run_never(ledger):
    small = small_plan(table_spec())
    for demo, times in ((True, 2), (False, 0)):
        table = build(small.tables[0], small, ledger, demo)
        assert latex(table).count(DEMO) == times
        assert markdown(table).count(DEMO) == (1 if demo else 0)
        assert ("--demo" in table.command) == demo


def test_without_a_paper_there_are_only_our_columns(ledger):
    small = small_plan(table_spec(paper=""))
    fill(ledger, small)
    table = build(small.tables[0], small, ledger, demo=False)
    assert "paper" not in markdown(table) + latex(table)
    assert table.blocks[0].groups[0].rows[0] == Row(
        "Domain Generalization",
        (Entry(pytest.approx(2.0)), Entry(pytest.approx(0.5004), best=True)),
        (Entry(None), Entry(None)),
    )


def test_every_text_of_a_spec_is_escaped(ledger):
    nasty = r"50% of $x_1$ & {y} #2 ~ ^ \input --- <b> | `c` *d* → σ"
    small = small_plan(table_spec(title=nasty, caption=nasty))
    table = build(small.tables[0], small, ledger, demo=False)
    escaped = (
        r"50\% of \$x\_1\$ \& \{y\} \#2 \textasciitilde{} \textasciicircum{} \textbackslash{}input -{}-{}- "
        r"\textless{}b\textgreater{} \textbar{} \textasciigrave{}c\textasciigrave{} *d* $\rightarrow$ "
        r"$\sigma$"
    )
    assert latex(table).count(escaped) == 2
    assert r"# 50% of $x\_1$ & {y} \#2 ~ ^ \\input --- \<b\> \| \`c\` \*d\* → σ" in markdown(table)


def test_compiling_again_replaces_the_tables(ledger):
    small = small_plan(table_spec())
    first = compile_tables(small, ledger, ledger.out, demo=False)
    assert [path.name for path in first] == ["table5.tex", "table5.md"]
    before = first[1].read_text(encoding="utf-8")
    fill(ledger, small)
    assert compile_tables(small, ledger, ledger.out, demo=False) == first
    assert "0 of 6 cells have all their values" in before
    assert "3 of 6 cells have all their values" in first[1].read_text(encoding="utf-8")
    assert sorted(path.name for path in first[0].parent.iterdir()) == ["table5.md", "table5.tex"]


def test_latex_compiles(ledger):
    if not shutil.which("pdflatex"):
        pytest.skip("pdflatex is not installed")
    nasty = r"50% of $x_1$ & {y} #2 ~ ^ \input --- <b> | `c` *d* → σ × ± λ"
    small = small_plan(table_spec(title=nasty))
    fill(ledger, small)
    compile_tables(small, ledger, ledger.out, demo=True)
    page = (
        r"\documentclass{article}\usepackage{booktabs,graphicx}\begin{document}\input{table5}\end{document}"
    )
    (ledger.out / "tables" / "page.tex").write_text(page)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=ledger.out / "tables", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull \\hbox" not in done.stdout


@pytest.mark.parametrize(
    ("paper", "place", "value"),
    [
        # Typed from the paper's pages.
        ("hd2s", ("table5", "DHF1K", "Hollywood2", "Hollywood2", "adaptation", "NSS"), 3.101),
        ("hd2s", ("table5", "UCFSports", "DHF1K", "DHF1K", "transfer", "s-AUC"), 0.700),
        ("hd2s", ("table5", "Hollywood2", "UCFSports", "UCFSports", "generalization", "AUC-J"), 0.885),
        ("hd2s", ("table6", "DHF1K", "LEDOV", "UCFSports", "adaptation", "CC"), 0.555),
        (
            "hd2s",
            ("table7", "UCFSports+Hollywood2+DHF1K", None, "Hollywood2", "domain-specific", "AUC-J"),
            0.936,
        ),
        ("hd2s", ("table7", "UCFSports", None, "UCFSports", "single-source", "SIM"), 0.489),
        ("hd2s", ("table3", "DHF1K", None, "DHF1K", "+ multi-level loss (HD2S)", "NSS"), 2.806),
        ("hd2s", ("table4", "DHF1K", None, "DHF1K", "only conspicuity 3", "CC"), 0.480),
        ("salgradnet", ("table4", "DHF1K", "UCFSports", "Hollywood2", "adaptation", "NSS"), 3.104),
        ("salgradnet", ("table7", "Hollywood2", "DHF1K", "UCFSports", "generalization", "AUC-J"), 0.884),
        ("hd2s", ("table6", "DHF1K", "LEDOV", "UCFSports", "adaptation", "s-AUC"), None),
        ("hd2s", ("table6", "DHF1K", "LEDOV", "UCFSports", "transfer", "CC"), None),
        ("hd2s", ("table99", "DHF1K", "LEDOV", "UCFSports", "adaptation", "CC"), None),
    ],
)
def test_printed_numbers(paper, place, value):
    table, sources, target, test, approach, metric = place
    found = paper_value(
        paper, table, sources=sources.split("+"), target=target, test=test, approach=approach, metric=metric
    )
    assert found == value


def test_the_papers_hold_every_row_once():
    rows = {"table3": 5, "table4": 5, "table5": 18, "table6": 4, "table7": 9}
    counts = {table: len({key[1:5] for key in values("hd2s") if key[0] == table}) for table in rows}
    assert counts == rows
    assert len(values("hd2s")) == (5 + 5 + 18 + 9) * 5 + 4 * 4
    assert len(values("salgradnet")) == 5 * 6 * 4
    corpora = {*CORPORA, "LEDOV", None}
    for key in [*values("hd2s"), *values("salgradnet")]:
        assert key[1] | {key[2], key[3]} <= corpora
    assert available() == ["hd2s", "salgradnet"]


def test_an_unknown_paper_is_named():
    with pytest.raises(ProblemError, match="Did you mean hd2s"):
        values("hds2")
    assert citation("hd2s", "table5").startswith("Table 5 of Bellitto et al.")


if __name__ == "__main__":
    import tempfile

    golden_plan = small_plan(table_spec())
    golden_ledger = Ledger(Path(tempfile.mkdtemp()))
    fill(golden_ledger, golden_plan)
    for file in compile_tables(golden_plan, golden_ledger, golden_ledger.out, demo=True):
        shutil.copy(file, GOLDEN / file.name)
