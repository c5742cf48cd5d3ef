"""The command line, from encoded video to a LaTeX table, under a real Ray."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

import run_grid
from grid.outputs.tables.formats import FORMATS
from grid.results.ledger import Ledger
from tests.places import REPOSITORY

SHORT = ["train.iterations=10", "train.finetune_iterations=4", "train.validate_every=5"]
# For what is the same at any size; scores that no rounding hides.
SMALLER = ["model.height=32", "model.width=32", "train.micro_batch=2", "test.eight_bit=false"]
SPEC = """
name: small
title: A small grid
metrics: [NSS, CC, SIM, AUC-J, s-AUC]
sources: [{sources}]
targets: [Hollywood2]
approaches: [generalization, {approaches}]
"""


def command(out, *arguments, sources="DHF1K", approaches="transfer"):
    spec = out / "small.yaml"
    spec.write_text(SPEC.format(sources=sources, approaches=approaches))
    script = [sys.executable, str(REPOSITORY / "run_grid.py")]
    return [*script, "--grid", str(spec), "--demo", "--out", str(out), *arguments, *SHORT]


def beside_another_datasets(out):
    """An environment in which a published package named datasets can be imported, and must not be."""
    package = out / "elsewhere" / "datasets"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text("raise ImportError('not the datasets of this project')")
    return os.environ | {"PYTHONPATH": str(package.parent)}


def call(out, *arguments, **spec):
    """Run from another folder, as a user may; driver and workers must find this project's packages."""
    return subprocess.run(
        command(out, *arguments, **spec),
        capture_output=True,
        text=True,
        timeout=400,
        cwd=out,
        env=beside_another_datasets(out),
        check=False,
    )


def statuses(answer):
    kinds = ("trainings", "evaluations", "cells")
    return {key: [unit["status"] for unit in answer[key]] for key in kinds}


@pytest.fixture(scope="module")
def finished(demo_out, tmp_path_factory):
    """A small grid, planned, run, and run again."""
    out = tmp_path_factory.mktemp("run") / "out"
    out.mkdir()
    for name in ("corpora", "manifests"):
        (out / name).symlink_to(demo_out / name)
    return out, call(out, "--plan", "--json"), call(out, "--json"), call(out)


@pytest.mark.ray
@pytest.mark.slow
def test_a_grid_runs_from_video_to_table(finished):
    out, plan, run, _ = finished
    assert (plan.returncode, run.returncode) == (0, 0), plan.stderr + run.stderr
    before, after = json.loads(plan.stdout), json.loads(run.stdout)
    assert statuses(before) == {"trainings": ["todo"] * 2, "evaluations": ["todo"] * 2, "cells": ["todo"] * 2}
    assert statuses(after) == {"trainings": ["done"] * 2, "evaluations": ["done"] * 2, "cells": ["done"] * 2}
    parent, child = after["trainings"]
    assert child["parent"] == parent["id"]
    assert {key: parent[key] for key in ("sources", "target", "approach", "parent", "seed")} == {
        "sources": ["DHF1K"],
        "target": None,
        "approach": "generalization",
        "parent": None,
        "seed": 0,
    }
    for training in after["trainings"]:
        assert (out / "checkpoints" / f"{training['id']}.pt").is_file()
        assert (out / "results" / f"training-{training['id']}.parquet").is_file()
    assert not list((out / "resume").glob("*")), "states to resume from are gone once a training is done"
    table = (out / "tables" / "small.md").read_text()
    assert "Demo:" in table
    assert "2 of 2 cells have all their values" in table
    assert r"\toprule" in (out / "tables" / "small.tex").read_text()


@pytest.mark.ray
@pytest.mark.slow
def test_a_second_call_finds_everything_done_and_starts_no_ray(finished):
    out, _, run, again = finished
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[-1] == (out / "reports" / "small.html").resolve().as_uri()
    assert (out / "figures" / "small-curves.png").is_file()
    assert "starting Ray" in run.stderr
    assert "starting Ray" not in again.stdout + again.stderr
    plan = call(out, "--plan")
    assert "2 trainings: 2 done" in plan.stdout
    tables = call(out, "--tables")
    assert tables.returncode == 0
    assert tables.stdout.split() == [str(out / "tables" / f"small{suffix}") for suffix in FORMATS]
    report = call(out, "--report")
    assert report.stdout.split() == [str(out / "reports" / "small.html")]
    figures = call(out, "--figures", "curves", "alignment")
    assert figures.stdout.split() == [
        str(out / "figures" / f"small-curves.{kind}") for kind in ("pdf", "png", "csv")
    ]
    assert "not drawn: small-alignment: no training that watches" in figures.stderr


@pytest.mark.ray
@pytest.mark.slow
def test_mlflow_holds_the_grid_its_trainings_and_its_cells_once(finished):
    from mlflow.tracking import MlflowClient

    out, _, _, _ = finished
    client = MlflowClient(f"sqlite:///{out / 'mlflow.db'}")
    (experiment,) = [e for e in client.search_experiments() if e.name == "hd2s-grid-demo"]
    runs = client.search_runs([experiment.experiment_id])
    kinds = sorted(run.data.tags["kind"] for run in runs)
    assert kinds == ["cell", "cell", "grid", "summary", "summary", "training", "training"]
    assert {run.info.status for run in runs} == {"FINISHED"}
    by_kind = {kind: [run for run in runs if run.data.tags["kind"] == kind] for kind in kinds}
    (grid,) = by_kind["grid"]
    for run in by_kind["cell"]:
        tags = run.data.tags
        (row,) = [run for run in by_kind["summary"] if run.info.run_id == tags["mlflow.parentRunId"]]
        assert row.data.tags["mlflow.parentRunId"] == grid.info.run_id
        assert row.data.metrics["test/NSS"] == run.data.metrics["test/NSS"]
        assert row.data.metrics["test/NSS.low"] <= row.data.metrics["test/NSS.high"]
        axes = {key: tags[key] for key in ("table", "source", "target", "test", "seed")}
        assert axes == {
            "table": "small",
            "source": "DHF1K",
            "target": "Hollywood2",
            "test": "Hollywood2",
            "seed": "0",
        }
        assert {"test/NSS", "test/CC", "test/SIM", "test/AUC-J", "test/s-AUC"} <= run.data.metrics.keys()
    for run in by_kind["training"]:
        steps = [point.step for point in client.get_metric_history(run.info.run_id, "train/kld/saliency")]
        assert steps == sorted(set(steps)), "each point of the curve is logged once"
        assert steps
    artifacts = {artifact.path for artifact in client.list_artifacts(grid.info.run_id, "tables")}
    assert artifacts == {f"tables/small{suffix}" for suffix in (*FORMATS, ".json")}
    assert [item.path for item in client.list_artifacts(grid.info.run_id, "reports")] == [
        "reports/small.html"
    ]


def wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.2)


def assert_each_training_serves_both_selections(out, found, summaries):
    """Check that the weights of either selection were kept, tested and shown."""
    assert len(found["trainings"]) == 2
    for unit, summary in zip(found["trainings"], summaries, strict=True):
        cells = [cell for cell in found["cells"] if cell["training"] == unit["id"]]
        assert [cell["variant"] for cell in cells] == ["", "target selection (oracle)"]
        assert len({cell["evaluation"] for cell in cells}) == 2
        (oracle,) = (kept for name, kept in summary["kept"].items() if name.startswith("by-hollywood2"))
        assert (out / oracle["checkpoint"]).is_file()
        curve = Ledger(out).read_training(unit["id"]).curve
        on_target = [row["value"] for row in curve if row["name"] == "val/kld/Hollywood2"]
        assert oracle["kld"] == min(on_target)
    table = (out / "tables" / "small.md").read_text()
    assert table.count("target selection (oracle)") >= 2
    assert "4 of 4 cells have all their values" in table


@pytest.mark.ray
@pytest.mark.slow
def test_an_interrupted_grid_exits_130_leaves_no_process_and_goes_on(small_demo):
    """Ctrl-C reaches the whole process group, here while a training has a checkpoint to go on from.

    It is acknowledged, and states are saved between checkpoints. Each training serves two selections.
    """
    arguments = ("train.checkpoint_every=6", "train.validate_every=6", "train.iterations=30")
    arguments += ("select=[source,target]", *SMALLER)
    process = subprocess.Popen(
        [*command(small_demo, approaches="adaptation"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=small_demo,
        start_new_session=True,
    )
    try:
        states = small_demo / "resume"
        wait_for(lambda: list(states.glob("*/checkpoint_*/state.pt")), 240)
        children = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        rest = process.communicate(timeout=120)[0]
    finally:
        process.kill()
    assert process.returncode == 130, rest
    assert "stopping; Ctrl-C again to stop at once" in rest
    assert "Interrupted; the same command goes on" in rest
    steps = [int(state.parent.name.split("_")[1]) for state in states.glob("*/checkpoint_*/state.pt")]
    assert any(step % 6 for step in steps), steps
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    answer = subprocess.run(
        [*command(small_demo, "--json", approaches="adaptation"), *arguments],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert set(statuses(found)["cells"]) == {"done"}
    ledger = Ledger(small_demo)
    summaries = [ledger.read_training(unit["id"]).summary for unit in found["trainings"]]
    assert any(summary["resumed"] for summary in summaries), "one went on from its checkpoint"
    assert all(summary["iterations"] == 30 for summary in summaries)
    assert_each_training_serves_both_selections(small_demo, found, summaries)


@pytest.mark.ray
@pytest.mark.slow
def test_a_failing_training_fails_alone_with_its_error_in_a_file(demo_out, tmp_path):
    """A source's video is cut short after it was indexed: what needs it fails, the rest is done."""
    out = tmp_path / "out"
    shutil.copytree(demo_out, out, ignore=shutil.ignore_patterns("frames"))
    assert call(out, "--plan", sources="DHF1K, UCFSports").returncode == 0, "indexed under its new root"
    for video in (out / "corpora" / "DHF1K" / "video").iterdir():
        os.truncate(video, video.stat().st_size // 3)
    answer = call(out, "--json", "resources.max_failures=0", *SMALLER, sources="DHF1K, UCFSports")
    assert answer.returncode == 1, answer.stderr
    found = json.loads(answer.stdout)
    by_source = {(cell["sources"][0], cell["approach"]): cell["status"] for cell in found["cells"]}
    assert by_source == {
        ("DHF1K", "generalization"): "failed",
        ("DHF1K", "transfer"): "failed",
        ("UCFSports", "generalization"): "done",
        ("UCFSports", "transfer"): "done",
    }
    failed = next(unit for unit in found["trainings"] if unit["status"] == "failed")
    error = out / "logs" / f"{failed['id']}.error.txt"
    assert ", as indexed" in error.read_text()
    assert "Settings, with all that changes its weights:" in error.read_text()
    again = call(out, "--json", *SMALLER, sources="DHF1K, UCFSports")
    assert (again.returncode, json.loads(again.stdout)) == (1, found), "what failed is left alone"
    assert "4 units that failed before were left alone; --retry-failed tries them again" in again.stderr
    assert "starting Ray" not in again.stderr
    assert "--" in (out / "tables" / "small.md").read_text()


SWEPT = """
name: swept
title: A sweep
metrics: [NSS]
sources: [UCFSports]
approaches: [single-source]
sweep: {train.lr: [0.001, 1.0e-9], stop: asha, grace: 0.25, reduction: 2}
"""


@pytest.mark.long
@pytest.mark.ray
@pytest.mark.slow
def test_a_hopeless_point_of_a_sweep_is_stopped_and_shown(small_demo):
    """One after the other: what hardly learns comes second, and is worse at the first look."""
    spec = small_demo / "swept.yaml"
    spec.write_text(SWEPT)
    script = [sys.executable, str(REPOSITORY / "run_grid.py"), "--grid", str(spec), "--demo"]
    script += ["--out", str(small_demo), "resources.train.cpu=64", "model.conspicuity=[1,2]"]

    def answer(*options):
        found = subprocess.run([*script, *options], capture_output=True, text=True, timeout=400, check=False)
        assert found.returncode == 0, found.stderr
        return found

    found = json.loads(answer("--json").stdout)
    assert statuses(found) == {key: ["done", "stopped"] for key in ("trainings", "evaluations", "cells")}
    stopped = found["trainings"][1]["id"]
    where = json.loads((small_demo / "logs" / f"{stopped}.stopped.json").read_text())
    assert (where["step"], where["iterations"]) == (10, 40)
    assert list((small_demo / "resume" / stopped).glob("checkpoint_*/state.pt")), "to go on from"
    assert not (small_demo / "checkpoints" / f"{stopped}.pt").exists()
    for shown in ("tables/swept.md", "reports/swept.html"):
        assert "after 10 of 40 iterations" in (small_demo / shown).read_text(), shown
    again = answer()
    assert "starting Ray" not in again.stdout + again.stderr
    assert "2 trainings: 1 done, 1 stopped" in answer("--plan").stdout
    assert "2 trainings: 1 done, 1 todo" in answer("--plan", "sweep.stop=none").stdout


@pytest.mark.slow
def test_without_corpora_it_stops_at_once_and_says_what_to_do(tmp_path):
    script = [sys.executable, str(REPOSITORY / "run_grid.py"), "--grid", "domain_shift"]
    answer = subprocess.run(script, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert answer.returncode == 2
    assert answer.stdout == ""
    for word in ("dhf1k", "ucf_sports", "hollywood2"):
        assert f"python -m datasets index {word} --root DIR" in answer.stderr
    assert "--demo" in answer.stderr
    assert "model.backbone_weights=FILE" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not list(tmp_path.iterdir()), "nothing was written"


@pytest.mark.slow
def test_what_it_costs_is_said_before_anything_is_downloaded(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_grid.main(["--grid", "table6", "--plan", "--json", "--on", "H100"]) == 0
    told = capsys.readouterr()
    estimate = json.loads(told.out)["estimate"]
    assert sorted(estimate["published"]) == ["DHF1K", "Hollywood2", "LEDOV", "UCFSports"]
    # Two trainings of 500,000 clips, one with as many of a target; two models on 47 clips and on
    # the 2,373 of 3,558 that have 16 frames.
    assert (estimate["clips"], estimate["frames"]) == (1_500_000, 2 * (2_929 + 236_154))
    # A GPU of 3.35 TB/s comes to what 0.094 of them would allow (`grid.commands.measured`).
    assert estimate["likely_hours"] == pytest.approx(3.35 / 0.094 * estimate["device_hours"])
    assert "the weights that it starts from are not here" in told.err
    assert run_grid.main(["--grid", "table6", "--plan", "--on", "H100"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "not indexed: counted by what is published" in shown
    assert "3% of that speed, by HD2S's training on an H200: nothing like it has run" in shown
    assert run_grid.main(["--grid", "table6", "--plan", "corpora.DHF1K.manifest=nowhere"]) == run_grid.WRONG
    assert not list(tmp_path.glob("runs/*")), "nothing was written"


def test_models_asks_for_models_as_model_does(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for words in ("models=[centre_prior,chance]", "model=[centre_prior,chance]"):
        assert run_grid.main(["--grid", "table5", "--plan", "--json", words]) == 0
        cells = json.loads(capsys.readouterr().out)["cells"]
        assert {cell["model"] for cell in cells} == {"centre_prior", "chance"}
    assert run_grid.main(["--grid", "table5", "--plan", "models=hd2s", "model=tased"]) == run_grid.WRONG
    assert "command line: expected model=… or models=…, which are one" in capsys.readouterr().err


def test_figures_that_are_none_are_told_with_all_else(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = ["--grid", "table6", "--figures", "curvs", "train.lr=-1"]
    assert run_grid.main(asked) == run_grid.WRONG
    told = capsys.readouterr().err
    assert "Did you mean curves?" in told
    assert "train.lr: expected more than 0" in told


def test_outside_the_environment_it_says_how_to_enter_it():
    # Without what is installed, as the system's own Python is.
    answer = subprocess.run(
        [sys.executable, "-S", "run_grid.py", "--list"],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"]},
        check=False,
    )
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1, "no traceback"
    assert "source .venv/bin/activate" in answer.stderr


def test_wrong_settings_and_a_wrong_grid_are_told_together(capsys):
    assert run_grid.main(["--grid", "domain_shft", "train.lrr=1", "--plan"]) == run_grid.WRONG
    told = capsys.readouterr().err
    assert "Did you mean train.lr?" in told
    assert "Did you mean domain_shift?" in told


@pytest.mark.slow
def test_it_lists_grids_and_refuses_a_folder_that_is_taken_before_anything_is_read(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "150")
    assert run_grid.main(["--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"name", "title", "cells", "evaluations", "trainings"} <= listed[0].keys()
    assert run_grid.main(["--list"]) == 0
    assert "Analysis of domain-shift capabilities" in " ".join(capsys.readouterr().out.split())
    (tmp_path / "thesis.tex").touch()
    assert run_grid.main(["--grid", "paper", "--export", str(tmp_path)]) == run_grid.WRONG
    assert "Nothing was exported" in capsys.readouterr().err
