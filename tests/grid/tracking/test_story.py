"""A grid's story in MLflow over three calls: an interrupted one, one that completes it, and one more."""

import base64
import json
import re
import shutil
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from grid.evaluation import pictures
from grid.outputs.tables.comparing.significance import differences
from grid.outputs.tables.scores import Results
from grid.plan import Plan
from grid.results.ledger import Ledger
from grid.results.storage import Storage
from grid.results.unit_results import Stopped
from grid.tracking import Tracker
from grid.tracking.views import view_state
from tests.grid.invented import DIGESTS, complete, evaluate, table5, train
from tests.grid.small_ledger import sweep_plan
from tests.places import REPOSITORY

SUMMARY = {"test/NSS": 2.5, "test/NSS.std": float("nan"), "test/NSS.low": 2.0, "n_seeds": 1}
BLANK = np.zeros((32, 32), np.uint8)
PNG = pictures.draw(np.dstack([BLANK] * 3), np.zeros((0, 2)), BLANK, BLANK, "clip")


@dataclass
class ThreeCalls:
    """One store over three invocations: what MLflow held after each."""

    out: Path
    plan: Plan
    ledger: Ledger
    client: MlflowClient = field(init=False)
    warnings: list[str] = field(default_factory=list)
    snapshots: list[dict] = field(default_factory=list)
    shown: tuple = ()

    def session(self, events, status: str, tables=(), plan: Plan | None = None) -> Tracker:
        plan = plan or self.plan
        tracker = Tracker(None, self.out, "domain_shift")
        tracker.start_grid(plan, {"model": {"height": 64}, "seeds": [0]}, DIGESTS)
        events(tracker)
        tracker.sync(plan, self.ledger)
        tracker.log_summaries(
            {cell.id: SUMMARY for cell in plan.cells if self.ledger.evaluation_done(cell.evaluation)}
        )
        tracker.finish_grid(status, tables, *self.shown)
        self.warnings += tracker.warnings
        tracker.close()
        self.client = MlflowClient(tracker.uri)
        self.snapshots.append(self.runs())
        return tracker

    def runs(self) -> dict:
        experiment = self.client.get_experiment_by_name("hd2s-grid")
        found = self.client.search_runs([experiment.experiment_id], max_results=1000)
        assert len({run.data.tags["id"] for run in found}) == len(found)
        return {run.data.tags["id"]: run for run in found}


@pytest.fixture(scope="module")
def story(tmp_path_factory) -> ThreeCalls:
    story = ThreeCalls(out := tmp_path_factory.mktemp("runs"), table5(), Ledger(out))
    first, second, third, *_ = story.plan.trainings.values()
    error = story.ledger.write_failure(second.id, "ValueError: no such clip")

    def interrupted(tracker: Tracker) -> None:
        tracker.on_training_started(first)
        train(story.ledger, first, bad_step=3, code={"commit": "0123abc", "files": {}})
        result = story.ledger.read_training(first.id)
        tracker.on_training_progress(first, 10, 60, {}, result.curve[:12])
        tracker.on_training_finished(first, result.summary, result.curve)
        tracker.on_training_failed(second, error)
        tracker.on_training_started(third)
        tracker.on_training_progress(third, 1, 60, {}, [{"step": 1, "name": "train/loss", "value": 9.0}])
        evaluation = next(iter(story.plan.evaluations.values()))
        evaluate(story.ledger, evaluation)
        tracker.on_evaluation_finished(evaluation, story.ledger.read_evaluation(evaluation.id))

    story.session(interrupted, "KILLED")
    complete(story.plan, story.ledger)
    for evaluation in story.plan.evaluations:
        pictures.keep(Storage(folder=str(out)), evaluation, dict.fromkeys("abc", PNG))
    tables = [out / "table5.tex", out / "table5.md", out / "table5.csv"]
    tables[0].write_text("\\toprule")
    tables[1].write_text("# Table 5")
    tables[2].write_text("row,mean\nA,0.5\nB,\n")
    page, figure = out / "domain_shift.html", out / "table5-curves.png"
    page.write_text("<h1>Report</h1>")
    figure.write_bytes(PNG)
    story.shown = (page, [figure])
    story.session(lambda tracker: None, "FINISHED", tables)
    story.session(lambda tracker: None, "FINISHED", tables)
    return story


@pytest.mark.slow
def test_one_run_for_the_grid_each_training_and_each_cell(story):
    assert story.warnings == []
    for snapshot in story.snapshots[1:]:
        kinds = [run.data.tags["kind"] for run in snapshot.values()]
        assert {kind: kinds.count(kind) for kind in set(kinds)} == {
            "grid": 1,
            "training": 15,
            "summary": 18,
            "cell": 18,
        }
        parent = snapshot["domain_shift"]
        rows = {run.info.run_id for run in snapshot.values() if run.data.tags["kind"] == "summary"}
        cells = [run for run in snapshot.values() if run.data.tags["kind"] == "cell"]
        assert {run.data.tags["mlflow.parentRunId"] for run in cells} == rows
        others = [run for run in snapshot.values() if run not in (parent, *cells)]
        assert {run.data.tags["mlflow.parentRunId"] for run in others} == {parent.info.run_id}
        assert {run.info.status for run in snapshot.values()} == {"FINISHED"}


@pytest.mark.slow
def test_an_interrupted_grid_leaves_nothing_running(story):
    statuses = {name: run.info.status for name, run in story.snapshots[0].items()}
    first, second, third, *_ = story.plan.trainings
    assert statuses["domain_shift"] == "KILLED"
    assert [statuses[name] for name in (first, second, third)] == ["FINISHED", "FAILED", "KILLED"]
    assert story.snapshots[0][second].data.tags["error"].endswith(f"{second}.error.txt")
    artifacts = story.client.list_artifacts(story.snapshots[0][second].info.run_id)
    assert [item.path for item in artifacts] == [f"{second}.error.txt"]


def test_a_training_is_described_by_params_and_tags(story):
    training = next(unit for unit in story.plan.trainings.values() if unit.approach == "adaptation")
    data = story.snapshots[-1][training.id].data
    axes = {"source": "DHF1K", "target": "UCFSports", "approach": "adaptation", "seed": "0"}
    assert axes.items() <= data.params.items()
    assert axes.items() <= data.tags.items()
    assert data.params["train.lr"] == "0.001"
    assert data.params["digest.UCFSports"] == DIGESTS["UCFSports"]
    assert data.tags["grid"] == "domain_shift"
    assert data.tags["table"] == "table5"
    inputs = story.snapshots[-1][training.id].inputs.dataset_inputs
    assert {item.dataset.name: item.tags[0].value for item in inputs} == {
        "DHF1K": "source",
        "UCFSports": "target",
    }


def test_curves_have_each_step_once_and_no_nan(story):
    first = next(iter(story.plan.trainings))
    run = story.snapshots[-1][first]
    history = story.client.get_metric_history(run.info.run_id, "train/loss")
    assert [point.step for point in history] == [step for step in range(1, 21) if step != 3]
    assert run.data.tags["non_finite"] == "1"
    assert run.data.metrics["training/best_kld"] == 1.05


def test_a_resumed_training_keeps_the_points_it_had(story):
    third = list(story.plan.trainings)[2]
    run = story.snapshots[-1][third]
    history = story.client.get_metric_history(run.info.run_id, "train/loss")
    assert [point.step for point in history] == list(range(1, 21))
    assert history[0].value == 9.0


def test_cells_hold_the_tables_metrics(story):
    cells = [run for run in story.snapshots[-1].values() if run.data.tags["kind"] == "cell"]
    for run in cells:
        assert run.data.metrics["test/NSS"] == pytest.approx(2.5)
        assert run.data.metrics["test_per_video/NSS"] == pytest.approx(3.0)
        assert run.data.metrics["test/s-AUC"] == 0.625
        assert run.data.params["test"] == run.data.tags["test"] == run.data.params["target"]
    assert len({(run.data.params["source"], run.data.params["test"]) for run in cells}) == 6


def test_a_rows_run_is_over_its_seeds_and_leads_to_them(story):
    snapshot = story.snapshots[-1]
    rows = [run for run in snapshot.values() if run.data.tags["kind"] == "summary"]
    for run in rows:
        assert run.data.metrics == {"test/NSS": 2.5, "test/NSS.low": 2.0, "n_seeds": 1}
        (below,) = [
            other
            for other in snapshot.values()
            if other.data.tags.get("mlflow.parentRunId") == run.info.run_id
        ]
        assert f"#/experiments/1/runs/{below.info.run_id}" in run.data.tags["mlflow.note.content"]
        assert run.data.tags["pictures"] == "3"
        assert "seed" not in run.data.params


def test_the_report_and_figures_are_the_grids_and_the_landing_view_leads_there(story):
    parent = story.snapshots[-1]["domain_shift"].info.run_id
    for folder, name in (("reports", "domain_shift.html"), ("figures", "table5-curves.png")):
        found = [item.path for item in story.client.list_artifacts(parent, folder)]
        assert found == [f"{folder}/{name}"]
    note = story.client.get_experiment_by_name("hd2s-grid").tags["mlflow.note.content"]
    page = f"#/experiments/1/runs/{parent}/artifacts/reports/domain_shift.html"
    assert rf"**[Report of domain\_shift]({page})**" in note


def test_cells_say_what_was_left_out_and_what_is_selected_by(story):
    cells = [run for run in story.snapshots[-1].values() if run.data.tags["kind"] == "cell"]
    for run in cells:
        assert run.data.metrics["test_size/clips"] == 2
        assert run.data.metrics["test_size/unread"] == 0
        assert run.data.tags["n_unread"] == "0"
        assert run.data.tags["n_constant"] == "0"
        assert run.data.metrics["val/kld"] == 1.05


def test_cells_have_their_pictures_once_under_names_that_charts_compare(story):
    cells = [run for run in story.snapshots[-1].values() if run.data.tags["kind"] == "cell"]
    for run in cells:
        images = [item.path for item in story.client.list_artifacts(run.info.run_id, "images")]
        images = [path for path in images if path.endswith(".png")]
        # MLflow 3.10 writes pictures#1%step%…, later ones pictures~1+step+….
        names = sorted(re.split("[%+]", path)[0].replace("#", "~") for path in images)
        # The first call ended before there was anything to show.
        assert names == [f"images/pictures~{i}" for i in (1, 2, 3)]
        assert run.data.tags["pictures"] == "3"


def test_every_training_has_one_model(story):
    for snapshot in story.snapshots[1:]:
        trainings = [run for run in snapshot.values() if run.data.tags["kind"] == "training"]
        models = {run.data.tags["logged_model"] for run in trainings}
        assert len(models) == len(trainings) == 15
    found = story.client.search_logged_models(["1"])
    assert {model.model_id for model in found} == models
    assert {model.status for model in found} == {"READY"}


@pytest.mark.slow
def test_a_model_has_the_parameters_commit_data_and_scores_of_its_training(story):
    runs = story.snapshots[-1]
    for model in story.client.search_logged_models(["1"]):
        run = runs[model.name]
        assert model.params == run.data.params
        assert model.tags.get("commit") == run.data.tags.get("commit")
        cells = [r for r in runs.values() if r.data.tags.get("training") == model.name]
        found = {(m.key, m.dataset_name, m.value, m.dataset_digest) for m in model.metrics}
        for cell in cells:
            test = cell.data.tags["test"]
            score = cell.data.metrics["test/NSS"]
            assert ("test/NSS", test, score, DIGESTS[test][:36]) in found
        (loss,) = (m for m in model.metrics if m.key == "training/best_kld")
        assert (loss.value, loss.run_id) == (run.data.metrics["training/best_kld"], run.info.run_id)
        assert loss.dataset_name == story.plan.trainings[model.name].spec.validation.corpus
    first = next(iter(story.plan.trainings))
    assert runs[first].data.tags["commit"] == "0123abc"


def test_a_second_call_touches_no_finished_child(story):
    before, after = story.snapshots[1:]
    for name in before.keys() - {"domain_shift"}:
        assert after[name].info.end_time == before[name].info.end_time
        assert after[name].data.tags == before[name].data.tags
        assert after[name].data.metrics == before[name].data.metrics


def test_tables_are_artifacts_and_note_of_the_grid(story):
    parent = story.snapshots[-1]["domain_shift"]
    assert parent.data.tags["mlflow.note.content"] == "# Table 5"
    assert parent.data.tags["digest.DHF1K"] == DIGESTS["DHF1K"]
    paths = {item.path for item in story.client.list_artifacts(parent.info.run_id, "tables")}
    assert paths == {f"tables/table5.{suffix}" for suffix in ("tex", "md", "csv", "json")}
    shown = story.client.download_artifacts(parent.info.run_id, "tables/table5.json")
    table = {"columns": ["row", "mean"], "data": [["A", 0.5], ["B", None]]}
    assert json.loads(Path(shown).read_text()) == table, "once, although logged twice"
    tag = [{"path": "tables/table5.json", "type": "table"}]
    assert json.loads(parent.data.tags["mlflow.loggedArtifacts"]) == tag, "what MLflow's own tables have"
    config = story.client.download_artifacts(parent.info.run_id, "config.json")
    assert json.loads(Path(config).read_text())["model"] == {"height": 64}


def test_a_prepared_view_shows_the_cells_of_a_table(story):
    experiment = story.client.get_experiment_by_name("hd2s-grid")
    envelope = json.loads(experiment.tags["mlflow.sharedViewState.domain_shift.table5"])
    assert envelope["state"].startswith("deflate;")
    state = json.loads(zlib.decompress(base64.b64decode(envelope["state"].removeprefix("deflate;"))))
    assert state == view_state("domain_shift", story.plan.tables[0])
    found = story.client.search_runs(
        [experiment.experiment_id], state["searchFilter"], order_by=[f"{state['orderByKey']} DESC"]
    )
    assert len(found) == 18
    names = [column.partition(".")[2].strip("`") for column in state["selectedColumns"]]
    assert names[-4:] == ["source", "target", "test", "approach"]
    assert names[:-4] == [*(f"test/{metric}" for metric in story.plan.tables[0].metrics), "n_seeds"]
    assert set(names[-4:]) <= set(found[0].data.params)
    charts = {chart["type"] for chart in state["compareRunCharts"]}
    assert charts == {"PARALLEL", "IMAGE"}
    assert {column.partition(".")[0] for column in state["selectedColumns"]} == {"params", "metrics"}


@pytest.mark.slow
def test_a_cell_of_other_settings_replaces_the_old_one_in_views(story, tmp_path):
    other = table5("train.iterations=10")
    ledger = Ledger(tmp_path)
    interrupted = ThreeCalls(story.out, other, ledger)
    interrupted.session(lambda tracker: None, "KILLED")
    kinds = {run.data.tags["kind"] for run in interrupted.snapshots[0].values()}
    assert not kinds & {"cell", "summary"}, "nothing is known of these settings yet"
    complete(other, ledger)
    changed = ThreeCalls(story.out, other, ledger)
    changed.session(lambda tracker: None, "FINISHED")
    assert changed.warnings == []
    shown = [run for run in changed.snapshots[0].values() if run.data.tags["kind"] == "cell"]
    assert {run.data.tags["evaluation"] for run in shown} == {cell.evaluation for cell in other.cells}
    story.session(lambda tracker: None, "FINISHED")
    shown = [run for run in story.snapshots.pop().values() if run.data.tags["kind"] == "cell"]
    assert {run.data.tags["evaluation"] for run in shown} == {cell.evaluation for cell in story.plan.cells}


@pytest.mark.slow
def test_what_a_table_has_no_more_leaves_its_views_until_it_has_it_again(story):
    """As when an approach is taken out of its file: its rows and cells stayed among the others."""
    kept = tuple(cell for cell in story.plan.cells if cell.approach != "transfer")
    story.session(lambda tracker: None, "FINISHED", plan=replace(story.plan, cells=kept))
    runs = story.snapshots.pop()
    kinds = {(run.data.tags["kind"], run.data.tags.get("approach") == "transfer") for run in runs.values()}
    assert {("superseded cell", True), ("superseded summary", True), ("cell", False)} <= kinds
    assert not kinds & {("cell", True), ("summary", True)}
    story.session(lambda tracker: None, "FINISHED")
    story.snapshots.pop()
    folder = story.out / "results"
    folder.rename(story.out / "elsewhere")
    story.session(lambda tracker: None, "FINISHED", plan=replace(story.plan, cells=kept))
    (story.out / "elsewhere").rename(folder)
    tags = [run.data.tags for run in story.snapshots.pop().values()]
    shown = {each["kind"] for each in tags if each.get("approach") == "transfer"}
    assert {"cell", "summary"} <= shown, "what another output folder has made is not this one's to hide"
    story.session(lambda tracker: None, "FINISHED")
    story.snapshots.pop()


@pytest.fixture(scope="module")
def compared(story):
    """The story, with its differences logged twice, the second time with another value."""
    results = Results(story.plan, story.ledger)
    (table,) = story.plan.tables
    found = differences(table, results)
    values = {cell: {"difference/NSS": 9.0, "p/NSS": found[cell]["NSS"].p} for cell in found}
    for nss in (9.0, 0.25):
        values = {cell: told | {"difference/NSS": nss} for cell, told in values.items()}
        tracker = Tracker(None, story.out, "domain_shift")
        tracker.start_grid(story.plan, {}, DIGESTS)
        tracker.log_differences(values, story.ledger)
        tracker.finish_grid("FINISHED", [])
        assert tracker.warnings == []
        tracker.close()
    return story


def test_cells_that_improve_on_others_say_by_how_much(compared):
    cells = [run.data for run in compared.runs().values() if run.data.tags["kind"] == "cell"]
    told = {data.tags["approach"]: data.metrics.get("difference/NSS") for data in cells}
    assert told == {"generalization": None, "adaptation": 0.25, "transfer": None}
    assert {data.metrics["p/NSS"] for data in cells if data.tags["approach"] == "adaptation"} == {1.0}


@pytest.mark.slow
def test_a_comparison_that_is_made_no_more_is_told_no_more(compared, tmp_path):
    """As with another `compare` in the table's file; the scores stay."""
    shutil.copytree(compared.out, tmp_path / "out")
    tracker = Tracker(None, tmp_path / "out", "domain_shift")
    tracker.start_grid(compared.plan, {}, DIGESTS)
    one, *others = (cell for cell in compared.plan.cells if cell.approach == "adaptation")
    tracker.log_differences({one.id: {"difference/NSS": 0.5, "p/NSS": float("nan")}}, compared.ledger)
    tracker.finish_grid("FINISHED", [])
    tracker.close()
    assert tracker.warnings == []
    found = {
        run.data.tags["cell"]: run for run in MlflowClient(tracker.uri).search_runs(["1"], "tags.kind='cell'")
    }
    told = {
        cell.id: {
            n: v for n, v in found[f"domain_shift/{cell.id}"].data.metrics.items() if n[:2] in ("di", "p/")
        }
        for cell in (one, *others)
    }
    assert told == {one.id: {"difference/NSS": 0.5}} | {cell.id: {} for cell in others}
    assert all("test/NSS" in run.data.metrics and run.info.status == "FINISHED" for run in found.values())


def test_the_experiment_is_described_by_links_to_its_views(compared):
    experiment = compared.client.get_experiment_by_name("hd2s-grid")
    note = experiment.tags["mlflow.note.content"]
    keys = [
        "domain_shift.table5",
        "domain_shift.table5.seeds",
        "domain_shift.table5.adaptation",
        "domain_shift.trainings",
    ]
    for key in keys:
        state = json.loads(experiment.tags[f"mlflow.sharedViewState.{key}"])["state"]
        state = json.loads(zlib.decompress(base64.b64decode(state.removeprefix("deflate;"))))
        found = compared.client.search_runs([experiment.experiment_id], state["searchFilter"])
        assert found, "the view is not empty"
        assert {column.partition(".")[2].strip("`") for column in state["selectedColumns"]} & set(
            found[0].data.metrics
        )
        name = key.replace("_", r"\_")
        assert (
            f"- [{name}](#/experiments/1/runs?workflowType=machine_learning&viewStateShareKey={key})" in note
        )
    compared.client.set_experiment_tag(experiment.experiment_id, "mlflow.note.content", "Our own words.")
    compared.session(lambda tracker: None, "FINISHED")
    compared.snapshots.pop()
    experiment = compared.client.get_experiment_by_name("hd2s-grid")
    assert experiment.tags["mlflow.note.content"] == "Our own words."


def test_the_filters_that_readme_shows_find_something(compared):
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    shown = text[text.index("## Comparing runs") : text.index("## One video")]
    filters = re.findall(r"^    ((?:tags|metrics|params)\..+)$", shown, re.MULTILINE)
    assert len(filters) >= 4
    for each in filters:
        assert compared.client.search_runs(["1"], each), each


@pytest.mark.slow
def test_a_training_that_was_stopped_says_where_until_it_goes_on(tmp_path):
    plan = sweep_plan()
    calls = ThreeCalls(tmp_path, plan, Ledger(tmp_path, may_stop=plan.may_stop))
    _, bad = plan.trainings.values()

    def stopped(tracker: Tracker) -> None:
        tracker.on_training_started(bad)
        tracker.on_training_stopped(bad, "after 250 of 2,500 iterations")

    calls.session(stopped, "FINISHED")
    run = calls.snapshots[0][bad.id]
    assert (run.info.status, run.data.tags["stopped"]) == ("KILLED", "after 250 of 2,500 iterations")
    calls.session(lambda tracker: tracker.on_training_started(bad), "KILLED")
    assert "stopped" not in calls.snapshots[1][bad.id].data.tags
    calls.ledger.stops.write(bad.id, Stopped(250, 2500, 1.5))
    calls.session(lambda tracker: None, "FINISHED")
    run = calls.snapshots[2][bad.id]
    assert run.data.tags["stopped"].endswith("at a validation KLD of 1.500"), "told by what the folder holds"
    assert calls.warnings == []


@pytest.mark.slow
def test_a_swept_row_says_what_its_chosen_point_does(tmp_path):
    plan = sweep_plan()
    _, chosen = plan.cells
    tracker = Tracker(None, tmp_path, "domain_shift")
    tracker.start_grid(plan, {}, {})
    tracker.log_summaries({chosen.id: SUMMARY})
    tracker.finish_grid("FINISHED", [])
    tracker.close()
    found = MlflowClient(tracker.uri).search_runs(["1"], "tags.kind='summary'")
    assert [run.data.metrics["test/NSS"] for run in found] == [2.5]


@pytest.mark.slow
def test_a_row_shows_anew_what_is_made_again(story):
    evaluation = next(iter(story.plan.evaluations))
    before = story.runs()
    story.session(lambda tracker: tracker.forget({evaluation}), "FINISHED")
    after = story.snapshots.pop()
    renewed = {name for name in before if before[name].info.run_id != after[name].info.run_id}
    (cell,) = (name for name in renewed if after[name].data.tags.get("evaluation") == evaluation)
    (row,) = renewed - {cell}
    assert after[row].data.tags["pictures_of"] == evaluation
