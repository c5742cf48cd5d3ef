"""Tables as files: each in each format, written anew with whatever is done by now."""

from dataclasses import replace

import pytest

from grid.outputs.tables import compile_tables
from grid.outputs.tables.compilation import behind
from grid.outputs.tables.formats import FORMATS
from grid.results.ledger import Ledger
from manifests.problem import ProblemError
from tests.grid.small_ledger import finish, small_plan, table_spec
from tests.grid.small_tables import STYLE, fill


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def test_compiling_again_replaces_the_tables(ledger):
    small = small_plan(table_spec())
    folder = ledger.out / "tables"
    first = compile_tables(small, ledger, folder, STYLE)
    assert [path.name for path in first] == [
        f"{name}{suffix}"
        for name in ("table5", *(f"table5-{word}" for word in ("significance", "recovered", "ranks")))
        for suffix in FORMATS
    ]
    before = first[1].read_text(encoding="utf-8")
    fill(ledger, small)
    assert compile_tables(small, ledger, folder, STYLE) == first
    assert "0 of 6 cells have all their values" in before
    assert "3 of 6 cells have all their values" in first[1].read_text(encoding="utf-8")
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in first)


def test_every_table_of_a_grid_has_its_files(ledger):
    one = small_plan(table_spec(approaches=("generalization",)))
    other = replace(one.tables[0], name="another")
    cells = (*one.cells, *(replace(cell, table="another") for cell in one.cells))
    written = compile_tables(
        replace(one, tables=(*one.tables, other), cells=cells), ledger, ledger.out, STYLE
    )
    assert [path.name for path in written] == [
        f"{name}{end}" for name in ("table5", "another") for end in FORMATS
    ]


def test_a_table_of_no_paper_that_is_known_is_a_problem(ledger):
    with pytest.raises(ProblemError, match="gone"):
        compile_tables(small_plan(table_spec(paper="gone/table1")), ledger, ledger.out, STYLE)


def test_a_table_with_fewer_values_does_not_take_the_place_of_one_that_stands(ledger):
    small, folder = small_plan(table_spec()), ledger.out / "tables"
    fill(ledger, small)
    first = compile_tables(small, ledger, folder, STYLE)
    assert behind(first) == ""
    before = {path: path.read_bytes() for path in first}
    unit = next(unit for unit in small.evaluations if ledger.evaluation_done(unit))
    result = ledger.path("evaluation", unit).read_bytes()
    ledger.remove_evaluation(unit)
    again = compile_tables(small, ledger, folder, STYLE)
    assert {path: path.read_bytes() for path in first} == before
    assert "table5.partial.tex" in {path.name for path in again}
    assert "table5.partial" in behind(again)
    ledger.path("evaluation", unit).write_bytes(result)
    assert compile_tables(small, ledger, folder, STYLE) == first
    assert not list(folder.glob("*.partial.*"))
    assert {path: path.read_bytes() for path in first} == before


def test_a_table_over_fewer_seeds_stands_beside_too(ledger):
    small = small_plan(table_spec(approaches=("generalization", "adaptation"), seeds=(0, 1)))
    folder = ledger.out / "tables"
    for unit in small.trainings:
        finish(ledger, small, unit, NSS=1.0, CC=0.5)
    first = compile_tables(small, ledger, folder, STYLE)
    before = {path: path.read_bytes() for path in first}
    one = small_plan(table_spec(approaches=("generalization", "adaptation"), seeds=(0,)))
    assert "table5.partial" in behind(compile_tables(one, ledger, folder, STYLE))
    assert {path: path.read_bytes() for path in first} == before
    assert compile_tables(small, ledger, folder, STYLE) == first


def test_a_gap_that_closes_makes_no_table_partial(tmp_path):
    """All cells have values with other settings too, but transfer is no better there: a dash."""
    small = small_plan(table_spec())
    for folder, transferred in (("before", 3.0), ("after", 1.0)):
        ledger = Ledger(tmp_path / folder)
        for unit, training in small.trainings.items():
            nss = {"generalization": 2.0, "adaptation": 2.5, "transfer": transferred}[training.approach]
            finish(ledger, small, unit, NSS=nss, CC=nss / 4)
        assert behind(compile_tables(small, ledger, tmp_path / "tables", STYLE)) == ""
    assert "--" in (tmp_path / "tables/table5-recovered.md").read_text(encoding="utf-8")


def test_what_does_not_follow_from_a_table_any_more_is_removed(ledger):
    folder = ledger.out / "tables"
    first = compile_tables(small_plan(table_spec()), ledger, folder, STYLE)
    own = {f"table5-ranks{suffix}" for suffix in FORMATS}
    named_so = small_plan(table_spec(name="table5-ranks", approaches=("generalization",)))
    compile_tables(named_so, ledger, folder, STYLE)
    left = compile_tables(small_plan(table_spec(approaches=("generalization",))), ledger, folder, STYLE)
    assert len(left) < len(first)
    assert {path.name for path in folder.iterdir()} == {path.name for path in left} | own


def test_what_stands_and_is_no_table_is_replaced(ledger):
    (ledger.out / "table5.csv").parent.mkdir(exist_ok=True)
    (ledger.out / "table5.csv").write_bytes(b"\xff\x00")
    written = compile_tables(small_plan(table_spec()), ledger, ledger.out, STYLE)
    assert ledger.out / "table5.csv" in written
