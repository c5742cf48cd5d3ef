"""Scores that a benchmark has returned: lines of CSV files, and every one that cannot be taken."""

from dataclasses import replace

import pytest

from grid.outputs.external import Places, how_to_get, places_of, read
from grid.outputs.tables.scores import Results
from grid.planning.prepare import prepare
from grid.results.ledger import Ledger
from grid.specs.settings import CorpusPlace
from tests.grid.plans import plan_of
from tests.grid.small_ledger import finish_training, training_of
from tests.grid.small_tables import rows_of, table_of

HEADING = "training,test,NSS,CC,SIM,AUC-J,s-AUC,note\n"


@pytest.fixture(scope="module")
def plan():
    return plan_of("table1")


def returned(plan, out, text, name="returned.csv"):
    folder = out / "results" / "external"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return read(plan, out)


def test_every_sound_line_of_every_file_counts(plan, tmp_path):
    first, second = (cell.training for cell in plan.withheld[:2])
    returned(plan, tmp_path, f"{HEADING}{first},DHF1K,2.5,0.4,0.3,0.9,0.7,in May\n", "a.csv")
    found = returned(plan, tmp_path, f"NSS,test,training\n2.25,DHF1K,{second}\n", "b.csv")
    assert found.scores == {
        (first, "DHF1K"): {"NSS": 2.5, "CC": 0.4, "SIM": 0.3, "AUC-J": 0.9, "s-AUC": 0.7},
        (second, "DHF1K"): {"NSS": 2.25},
    }
    assert (found.files, found.problems) == (["results/external/a.csv", "results/external/b.csv"], [])


def test_bad_lines_are_told_with_their_place_and_the_others_count(plan, tmp_path):
    first, second, third, _ = (cell.training for cell in plan.withheld)
    lines = (
        f"{first},DHF1K,2.5,0.4,,,,",
        f"{second},DHF1K,2.5,49.7,,,,in per cent",
        f"{third},LEDOV,2.5,,,,,",
        "hd2s-of-nobody,DHF1K,2.5,,,,,",
        f"{first},DHF1K,2.6,,,,,",
        f"{second},DHF1K,about 2,,,,,",
        f"{second},DHF1K,2,,,,,,,",
        f"{second},DHF1K,,,,,,",
        f"{second},DHF1K,inf,,,,,",
        f"{second},DHF1K,2_781,,,,,",
    )
    found = returned(plan, tmp_path, HEADING + "\n".join(lines) + "\n")
    assert found.scores == {(first, "DHF1K"): {"NSS": 2.5, "CC": 0.4}}
    told = [str(problem) for problem in found.problems]
    expected = (
        (3, "CC of -1 to 1, found 49.7"),
        (4, "the test DHF1K, found 'LEDOV'"),
        (5, "a training of this folder or grid, found 'hd2s-of-nobody'"),
        (6, f"each training and test once, found {first} on DHF1K again"),
        (7, "found about 2"),
        (8, "as many values as columns"),
        (9, "a score of some metric, found none"),
        (10, "found inf"),
        (11, "found 2_781"),
    )
    assert len(told) == len(expected)
    for line, (number, text) in zip(told, expected, strict=True):
        assert f"returned.csv, line {number}" in line
        assert text in line


@pytest.mark.parametrize("text", ["2", "2.5", "+2.5", "-.5", "2.", "2.5e-1"])
def test_numbers_as_people_write_them_are_taken(plan, tmp_path, text):
    found = returned(plan, tmp_path, f"{HEADING}{plan.withheld[0].training},DHF1K,{text},,,,,\n")
    assert [*found.scores.values()] == [{"NSS": float(text)}]


def test_a_file_that_is_no_such_table_is_told(plan, tmp_path):
    (problem, strange) = returned(plan, tmp_path, "test,NSSS\n").problems
    assert "a column training, found test, NSSS" in str(problem)
    assert "Did you mean NSS" in str(strange)
    (tmp_path / "results/external/returned.csv").write_bytes(b"training,test\n\xff\xfe")
    (problem,) = read(plan, tmp_path).problems
    assert "a readable CSV file" in str(problem)


def test_another_grids_training_of_the_folder_is_no_mistake(plan, tmp_path):
    other = training_of("hd2s-other", "single-source", ("DHF1K",))
    finish_training(Ledger(tmp_path), other)
    assert returned(plan, tmp_path, f"{HEADING}hd2s-other,DHF1K,2.5,,,,,\n").problems == []


def test_a_grid_without_withheld_cells_reads_nothing(tmp_path):
    plan = plan_of("generalization")
    assert returned(plan, tmp_path, "nonsense").problems == []


def test_a_withheld_cell_says_how_its_scores_are_had_and_takes_them(plan, tmp_path):
    ledger, cell = Ledger(tmp_path), plan.withheld[0]
    key = ("", "DHF1K", "HD2S, supervised")
    assert [reason for reason, _ in table_of(plan, ledger).missing.reasons] == ["not trained yet"]
    finish_training(ledger, plan.trainings[cell.training])
    table = table_of(plan, ledger)
    told = dict(table.missing.reasons)[how_to_get(cell, Places(str(tmp_path)))]
    assert told == ("DHF1K on DHF1K, HD2S, supervised",)
    assert rows_of(table)[key][:3] == ["", "2.781", ""]
    returned(plan, tmp_path, f"{HEADING}{cell.training},DHF1K,2.5,0.4,0.3,0.9,,\nnobody,DHF1K,1,,,,,\n")
    table = table_of(plan, ledger)
    assert rows_of(table)[key][:6] == ["2.500", "2.781", "−0.281", "0.400", "0.497", "−0.097"]
    assert "nothing was returned for s-AUC" in dict(table.missing.reasons)
    assert table.notes[0].startswith("Ours: as the benchmark has returned it (results/external/returned.csv)")
    assert table.notes[1].startswith("Not taken: results/external/returned.csv, line 3")
    assert not any("Test data" in note for note in table.notes)
    record = table.records[0]
    assert (record["mean"], record["per_video_mean"], record["n_clips"]) == (2.5, None, None)


def test_its_command_names_places_as_the_grids_own_command_reaches_them(plan, tmp_path):
    ledger, cell = Ledger(tmp_path), plan.withheld[0]
    finish_training(ledger, plan.trainings[cell.training])
    usual = f"--weights runs/checkpoints/{cell.training}.pt --out submissions/{cell.training} --submission`"
    told = how_to_get(cell, Places("runs"))
    assert f"`python -m hd2s predict --corpus dhf1k --split unannotated {usual}" in told
    assert f"goes into runs/results/external/*.csv as training {cell.training}" in told
    there = Places("their runs", {"DHF1K": "lists/dhf1k"}, ["/lab/ours", "more ours"])
    told = Results(plan, ledger, there).reason(cell, ("NSS",))
    assert "--split unannotated --manifest lists/dhf1k --weights 'their runs/checkpoints/" in told
    assert "--submission --plugins /lab/ours --plugins 'more ours'` writes" in told


def test_a_grids_places_are_its_output_folder_and_manifests_that_are_not_the_usual_ones(demo_out, tmp_path):
    (tmp_path / "out").mkdir()
    for name in ("corpora", "manifests"):
        (tmp_path / "out" / name).symlink_to(demo_out / name)
    grid = prepare("table1", [], tmp_path / "out", demo=True, tell=lambda text: None)
    found = places_of(grid)
    assert found.out == str(tmp_path / "out")
    assert found.manifests["DHF1K"] == str(tmp_path / "out" / "manifests" / "dhf1k")
    corpora = {"DHF1K": CorpusPlace("manifests/dhf1k"), "Mine": CorpusPlace("manifests/mine")}
    usual = replace(grid, config=replace(grid.config, corpora=corpora, plugins=("ours",)))
    assert places_of(usual) == Places(str(tmp_path / "out"), {"Mine": "manifests/mine"}, ("ours",))


def test_what_is_withheld_is_trained_here_and_evaluated_nowhere(plan):
    assert (plan.cells, plan.evaluations) == ((), {})
    assert {cell.training for cell in plan.withheld} == plan.trainings.keys()
