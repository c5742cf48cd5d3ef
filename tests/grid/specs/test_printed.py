"""The papers' numbers: as printed, and each in exactly one cell."""

from collections import Counter

import pytest

from grid.specs import grid_reader
from grid.specs.printed import available, citation, costs, not_run, paper_value, remarks, values
from hd2s.models.registry import find_model
from manifests.problem import ProblemError
from tests.grid.plans import CORPORA, DIGESTS, plan_of

JOINT = "UNISAL, jointly with SALICON"


@pytest.mark.slow
def test_every_printed_row_has_exactly_one_cell_and_the_converse():
    plans = plan_of("everything"), plan_of("unisal")
    tables = [table for plan in plans for table in plan.tables if table.paper]
    papers = {table.name: table.paper for table in tables}
    models = {table.paper: table.models for table in tables}
    printed = Counter(
        (f"{paper}/{table}", *place, model)
        for paper in available()
        for table, *place, model in {(*key[:5], key[6]) for key in values(paper)}
        if model in models[f"{paper}/{table}"]
    )
    # Of a row in folds one is printed.
    cells = Counter(
        (papers[c.table], frozenset(c.sources), c.target, c.test, c.variant or c.approach, c.model)
        for plan in plans
        for c in plan.all_cells
        if c.table in papers and c.model != "centre_prior" and c.fold <= 1
    )
    assert cells == printed
    assert set(cells.values()) == {1}
    for table in tables:
        metrics = {key[5] for key in values(table.paper.split("/")[0]) if key[0] == table.paper.split("/")[1]}
        assert set(table.metrics) == metrics


@pytest.mark.parametrize(("table", "tests"), [("table1", {"DHF1K"}), ("table2", {"Hollywood2", "UCFSports"})])
def test_unisal_is_trained_on_salicon_too_where_that_is_asked(table, tests):
    """By default its rows are printed ones, and no corpus is asked for that other rows do without."""
    assert "SALICON" not in grid_reader.load(table).corpora()
    digests = DIGESTS | {"SALICON": DIGESTS["DHF1K"]}
    plan = plan_of(table, "model=[hd2s,tased,unisal]", digests=digests)
    cells = [cell for cell in plan.all_cells if cell.model == "unisal" and "SALICON" in cell.sources]
    assert {cell.test for cell in cells} == tests
    assert len({cell.training for cell in cells}) == 1
    keys = {key[1:5] for key in values("hd2s") if key[0] == table and key[6] == "unisal"}
    assert {(frozenset(c.sources), c.target, c.test, c.variant) for c in cells} == keys


def test_what_both_versions_print_is_counted_as_hd2s_says():
    """In the list of HD2S's departures, of all numbers of the same cell and metric."""
    final, first = ({key[1:]: {} for key in values(paper)} for paper in ("hd2s", "salgradnet"))
    for paper, found in (("hd2s", final), ("salgradnet", first)):
        for key, value in values(paper).items():
            if key[2]:
                found[key[1:]][key[0]] = value
    pairs = [
        (x, y)
        for key, printed_in in final.items()
        for x in printed_in.values()
        for y in first.get(key, {}).values()
    ]
    differing = [abs(x - y) for x, y in pairs if x != y]
    (told,) = [each.told for each in find_model("hd2s").model.departures if "versions print" in each.told]
    largest = f"of the {len(pairs)} values", f"{len(differing)} differ, by up to {max(differing):.3f}"
    assert all(text in told for text in largest), largest


@pytest.mark.parametrize(
    ("paper", "place", "value"),
    [
        # Typed from the paper's pages.
        ("hd2s", ("table5", "DHF1K", "Hollywood2", "Hollywood2", "adaptation", "NSS"), 3.101),
        ("hd2s", ("table5", "UCFSports", "DHF1K", "DHF1K", "transfer", "s-AUC"), 0.700),
        ("hd2s", ("table5", "Hollywood2", "UCFSports", "UCFSports", "generalization", "AUC-J"), 0.885),
        ("hd2s", ("table6", "DHF1K", "LEDOV", "UCFSports", "adaptation", "CC"), 0.555),
        ("unisal", ("table2", "SALICON", None, "UCFSports", "setting (iv)", "s-AUC"), 0.776),
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
        ("salgradnet", ("table8", "DHF1K", None, "DHF1K", "Baseline (T=8)", "NSS"), 2.466),
        ("hd2s", ("table2", "UCFSports", "DHF1K", "UCFSports", "adapted to DHF1K (HD2S_DA)", "CC"), 0.579),
        ("hd2s", ("table1", "DHF1K", "LEDOV", "DHF1K", "adapted to LEDOV (HD2S_DA)", "s-AUC"), 0.709),
        ("tased", ("table3", "DHF1K", "UCFSports", "UCFSports", "transfer", "NSS"), 2.920),
        ("tased", ("table1", "DHF1K", None, "DHF1K", "Early two-step (16)", "CC"), 0.464),
        ("tased", ("table4", "DHF1K", None, "DHF1K", "TASED-Net-trp", "SIM"), 0.353),
        ("tased", ("table5", "DHF1K", None, "DHF1K", "TASED-Net (64)", "NSS"), 2.554),
        ("hd2s", ("table6", "DHF1K", "LEDOV", "UCFSports", "adaptation", "s-AUC"), None),
        ("hd2s", ("table6", "DHF1K", "LEDOV", "UCFSports", "transfer", "CC"), None),
        ("hd2s", ("table99", "DHF1K", "LEDOV", "UCFSports", "adaptation", "CC"), None),
    ],
)
def test_printed_numbers(paper, place, value):
    assert printed(paper, paper.replace("salgradnet", "hd2s"), place) == value
    assert printed(paper, "centre_prior", place) is None, "the papers print no other model's"


def printed(paper, model, place):
    table, sources, target, test, approach, metric = place
    place = {"sources": sources.split("+"), "target": target, "test": test}
    return paper_value(f"{paper}/{table}", **place, model=model, approach=approach, metric=metric)


def test_the_papers_hold_every_row_once():
    rows = {"table1": 3, "table2": 6, "table3": 5, "table4": 5, "table5": 18, "table6": 4, "table7": 9}
    own = [key for key in values("hd2s") if key[6] == "hd2s"]
    assert {table: len({key[1:5] for key in own if key[0] == table}) for table in rows} == rows
    assert len(own) == (3 + 6 + 5 + 5 + 18 + 9) * 5 + 4 * 4
    assert len(values("hd2s")) == len(own) + 2 * (1 + 2) * 5, "and TASED-Net's and UNISAL's in Tables 1 and 2"
    assert len(values("salgradnet")) == (5 + 1) * 6 * 4
    corpora = {*CORPORA, "SALICON", None}
    for key in [*values("hd2s"), *values("salgradnet")]:
        assert key[1] | {key[2], key[3]} <= corpora
    rows = {"table1": 6, "table2": 1, "table3": 2, "table4": 3, "table5": 4}
    counts = {table: len({key[1:5] for key in values("tased") if key[0] == table}) for table in rows}
    assert counts == rows
    assert len(values("tased")) == 16 * 5
    rows = {"table2": 3 * 6, "table3": 3, "table5": 2 * 7}
    counts = {table: len({key[1:5] for key in values("unisal") if key[0] == table}) for table in rows}
    assert counts == rows
    assert len(values("unisal")) == (18 + 3) * 5 + 14 * 6
    assert available() == ["hd2s", "salgradnet", "tased", "unisal"]


def test_what_is_printed_of_systems_that_are_not_run_here():
    found = {row.system: row.numbers for row in not_run("hd2s/table2", ("hd2s", "tased"), "UCFSports")}
    assert list(found) == ["SALICON", "DVA", "ACLNet", "SalEMA", "STRA-Net", "SalSAC", JOINT]
    # Typed from the paper's pages.
    assert found["SalSAC"] == {"NSS": 3.523, "CC": 0.671, "SIM": 0.534, "AUC-J": 0.926, "s-AUC": 0.806}
    assert len(not_run("hd2s/table1", ("hd2s", "tased"), "DHF1K")) == 12
    assert [row.system for row in not_run("tased/table5", ("tased",), "DHF1K")] == [
        "TASED-Net (4)",
        "TASED-Net (8)",
    ]
    assert not_run("tased/table5", ("tased",), "LEDOV") == not_run("", ("tased",), "DHF1K") == []


def test_a_model_that_a_table_leaves_out_is_one_that_is_not_run():
    found = {row.system: row.numbers["NSS"] for row in not_run("hd2s/table2", ("hd2s",), "UCFSports")}
    assert (found["TASED-Net, transfer from DHF1K"], found[JOINT]) == (2.920, 3.381)
    assert "HD2S, transfer from DHF1K" not in found


def test_what_is_printed_of_costs_and_where_papers_disagree():
    found = costs("hd2s/table8")
    assert len(found) == 10
    assert (found["TASED-Net"], found["HD2S"]) == ((82, 0.060), (116, 0.027))
    assert costs("") == {}
    assert remarks("hd2s/table8") == ["UNISAL: 16 MB here; its own paper prints 15.5."]
    assert "0.759" in remarks("hd2s/table2")[0]
    assert remarks("") == remarks("hd2s/table5") == []


def test_an_unknown_paper_is_named():
    with pytest.raises(ProblemError, match="Did you mean hd2s"):
        values("hds2")
    assert citation("hd2s/table5").startswith("Table 5 of Bellitto et al.")
