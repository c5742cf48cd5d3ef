"""What a user reads before a grid runs and after it: the plan with its cost, and where everything lies."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from grid.commands.cost import Disk, Estimate, Work
from grid.commands.devices import Device, named
from grid.commands.terminal.report import as_json, catalogue_table, final_report, plan_table
from grid.planning.catalogue import Offer
from grid.results.failures import consequence
from grid.results.ledger import Ledger
from grid.results.unit_results import Stopped
from tests.grid.invented import complete, evaluate, table5, train
from tests.grid.small_ledger import finish, small_plan, sweep_plan, table_spec


@pytest.fixture
def plan():
    return table5()


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def text_of(renderable, width: int = 80) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(renderable)
    return console.file.getvalue()


def estimate_of(plan, left=None, device=None):
    return Estimate(
        device or named("H100"),
        dict.fromkeys(plan.trainings, Work(clips=500_000, flops=33 * 10**15, device_hours=0.04)),
        dict.fromkeys(plan.evaluations, Work(frames=200, flops=10**12, device_hours=0.0001)),
        left or Work(clips=500_000),
        Disk(weights=3 * 10**9, states=0, frames=2 * 10**6, results=0),
        share=0.25,
    )


def test_the_plan_says_what_is_done(plan, ledger):
    first = next(iter(plan.trainings.values()))
    train(ledger, first)
    ledger.write_failure(list(plan.trainings)[1], "boom")
    evaluate(ledger, next(iter(plan.evaluations.values())))
    shown = text_of(plan_table(plan, ledger, estimate_of(plan)))
    assert "15 trainings: 1 done, 1 failed, 13 todo" in shown
    assert "18 evaluations: 1 done, 17 todo" in shown
    assert "1/18" in shown
    assert shown.count(first.id.rpartition("-")[2]) == 3, "itself, and what starts from it"
    assert max(map(len, shown.splitlines())) <= 80


def test_the_final_report_shows_values_gaps_and_places(plan, ledger):
    evaluate(ledger, plan.evaluations[plan.cells[0].evaluation])
    failed = list(plan.trainings.values())[1]
    error = ledger.write_failure(failed.id, "boom")
    shown = text_of(final_report(plan, ledger, {"tables": "runs/tables/table5.md"}), width=200)
    row = next(line for line in shown.splitlines() if "generalization" in line)
    assert " ".join(row.split()) == "DHF1K UCFSports generalization 2.500 0.250 0.500 0.750 0.625"
    assert shown.count(" -- ") >= 17
    assert f"failed training {failed.label}: see {error}" in shown
    assert "17 of 18 cells have no value" in shown
    assert "runs/tables/table5.md" in shown


def test_paths_of_failures_are_whole_in_a_narrow_terminal_and_what_rests_on_them_is_counted(plan, ledger):
    training = next(t for t in plan.trainings.values() if plan.descendants(t.id))
    error = ledger.write_failure(training.id, "boom")
    for unit in plan.dependents(training.id):
        ledger.write_failure(unit, consequence(unit, training, "boom"))
    narrow = Console(file=StringIO(), width=80)
    narrow.print(final_report(plan, ledger, {}), crop=False)
    shown = narrow.file.getvalue()
    assert f"failed training {training.label}: see {error}\n" in shown
    assert shown.count("failed ") == 2
    assert "2 trainings and 4 evaluations that rest on what failed are not done." in shown


def test_the_share_of_validation_is_that_of_all_trainings_time(plan, ledger):
    first, second, third = list(plan.trainings.values())[:3]
    train(ledger, first, seconds=30.0, validation_share=0.1)
    train(ledger, second, seconds=10.0, validation_share=0.5)
    train(ledger, third)
    shown = text_of(final_report(plan, ledger, {}), width=200)
    assert "validation took 20% of the time of 2 trainings, as measured" in shown


def last_lines_of(plan, ledger, left, device=None):
    shown = text_of(plan_table(plan, ledger, estimate_of(plan, left, device)), width=250)
    return [" ".join(line.split()) for line in shown.splitlines()[-4:]]


def test_the_plan_ends_with_what_the_rest_costs(plan, ledger):
    left = Work(clips=500_000, validation_clips=2_000, frames=12_345, flops=33 * 10**15, device_hours=0.0004)
    work, time, _, disk = last_lines_of(plan, ledger, left)
    assert work == (
        "left 500,000 clips of training, 2,000 of validation, 12,345 frames of evaluation: 33 PFLOP"
    )
    assert time.startswith("time <0.001 GPU-hours on H100")
    assert "a calculated lower bound" in time
    assert disk == "disk 3.0 GB: weights 3.0 GB, states 0 bytes, frames 2.0 MB, results 0 bytes"


def test_of_several_devices_the_time_on_all_of_them_is_said_too(plan, ledger):
    four = replace(named("H100"), count=4)
    _, time, *_ = last_lines_of(plan, ledger, Work(device_hours=20.0), four)
    assert "20 GPU-hours on" in time
    assert "(5 h on all 4)" in time


def test_the_time_on_an_unknown_device_is_not_guessed(plan, ledger):
    device = Device("Some GPU", None, None)
    _, time, *_ = last_lines_of(plan, ledger, Work(flops=1, device_hours=None), device)
    assert time == "time unknown for Some GPU: name a device like it with --on"


@pytest.mark.parametrize(
    ("measured", "source"),
    [
        (
            (0, 33),
            "by 25% of that speed, by HD2S's training on an H200: nothing like it has run in this folder yet",
        ),
        ((4, 33), "for 4 of 33 trainings and evaluations, 25% of that speed for the others"),
        ((33, 33), "by the speed of finished runs in this folder for 33 of 33 trainings and evaluations"),
    ],
)
def test_beside_the_bound_stands_what_is_likely_and_why(plan, ledger, measured, source):
    left = Work(clips=1, device_hours=2.0, likely_hours=9.0, measured=measured)
    _, _, likely, _ = last_lines_of(plan, ledger, left, replace(named("H100"), count=2))
    assert likely.startswith("likely 9 GPU-hours (4.5 h on all 2): by ")
    assert likely.endswith(source)
    _, _, nothing, _ = last_lines_of(plan, ledger, Work(device_hours=0.0, likely_hours=0.0))
    assert nothing == "likely nothing: all is done"
    _, _, unknown, _ = last_lines_of(plan, ledger, Work(device_hours=None, likely_hours=None))
    assert unknown == "likely unknown before something was measured here"


def test_corpora_that_are_not_indexed_are_marked(plan, ledger):
    found = replace(estimate_of(plan), published=("DHF1K", "LEDOV"))
    shown = " ".join(text_of(plan_table(plan, ledger, found)).split())
    assert shown.endswith(
        "corpora DHF1K, LEDOV not indexed: counted by what is published of their clips and lengths"
    )
    assert as_json(plan, ledger, found)["estimate"]["published"] == ["DHF1K", "LEDOV"]


def test_programs_are_told_the_same(plan, ledger):
    first, failed, *_ = plan.trainings.values()
    train(ledger, first)
    error = ledger.write_failure(failed.id, "boom")
    evaluation = plan.evaluations[plan.cells[0].evaluation]
    evaluate(ledger, evaluation, nss=float("nan"))
    told = as_json(plan, ledger)
    statuses = {unit["id"]: (unit["status"], unit["error"]) for unit in told["trainings"]}
    assert statuses[first.id] == ("done", None)
    assert statuses[failed.id] == ("failed", str(error))
    assert {unit["status"] for unit in told["evaluations"]} == {"done", "todo"}
    assert told["cells"][0]["status"] == "failed", "a metric of it has no value"
    assert told["cells"][0]["id"] == plan.cells[0].id
    assert "spec" not in told["trainings"][0]
    assert "estimate" not in told


def test_with_an_estimate_programs_get_that_of_each_unit_and_of_what_is_left(plan, ledger):
    told = as_json(plan, ledger, estimate_of(plan))
    assert {unit["estimate"]["clips"] for unit in told["trainings"]} == {500_000}
    assert {unit["estimate"]["frames"] for unit in told["evaluations"]} == {200}
    assert told["estimate"] == estimate_of(plan).as_json()


def test_a_report_without_failures_has_no_word_of_them(plan, ledger):
    complete(plan, ledger)
    shown = text_of(final_report(plan, ledger, {"log": "runs/logs/a.log"}), width=200)
    assert "failed" not in shown
    assert "no value" not in shown
    assert shown.rstrip().endswith("runs/logs/a.log")


def test_test_clips_that_could_not_be_read_are_told_with_how_to_try_again(ledger):
    plan = small_plan(table_spec())
    unread = {"unread": {"clip c": "expected 20 frames, found 3"}}
    finish(ledger, plan, "adaptation-DHF1K-UCFSports-0", summary=unread, NSS=1.0, CC=0.5)
    shown = " ".join(text_of(final_report(plan, ledger, {}), width=200).split())
    assert "1 test clip could not be read and is not in its values; --retry-failed evaluates again" in shown


def test_a_grids_own_tables_are_listed_below_it():
    offers = [Offer("family", "", "two tables", 4, 3, 2), Offer("only here", "family", "A table", 2, 2, 1)]
    lines = [line.rstrip() for line in text_of(catalogue_table(offers)).splitlines()]
    assert lines[2].split() == ["family", "4", "3", "2", "two", "tables"]
    assert lines[3].index("only here") == lines[2].index("family") + 2


def test_commands_are_one_line_however_narrow_the_terminal(plan, ledger, capsys):
    command = f"mlflow server --host 127.0.0.1 --port 5000 --backend-store-uri 'sqlite:////{'my runs/' * 9}'"
    Console(width=40).print(final_report(plan, ledger, {"MLflow": command}), crop=False)
    assert command in capsys.readouterr().out


def test_a_plan_in_a_narrow_terminal_folds_no_name_to_letters(plan, ledger):
    shown = text_of(plan_table(plan, ledger, estimate_of(plan)), width=60).splitlines()
    short = [line for line in shown if 0 < len(line.replace(" ", "")) <= 3]
    assert len(short) < len(shown) / 10


def test_what_may_be_stopped_and_what_was_is_said(tmp_path):
    plan = sweep_plan()
    ledger = Ledger(tmp_path, may_stop=plan.may_stop)
    _, bad = plan.trainings
    shown = text_of(plan_table(plan, ledger, replace(estimate_of(plan), may_stop=2)), width=200)
    assert "2 of these trainings may be stopped early by ASHA, counted to their end" in shown
    ledger.stops.write(bad, Stopped(250, 2500, 1.5))
    shown = text_of(plan_table(plan, ledger, estimate_of(plan)), width=200)
    assert "2 trainings: 1 stopped, 1 todo" in shown
    assert "2 evaluations: 1 stopped, 1 todo" in shown
    assert "sweeps" not in shown
    answer = as_json(plan, ledger, estimate_of(plan))
    assert [unit["status"] for unit in answer["cells"]] == ["todo", "stopped"]
    report = text_of(final_report(plan, ledger, {}), width=200)
    assert f"stopped {bad}, hopeless after 250 of 2,500 iterations, at a validation KLD of 1.500" in report
