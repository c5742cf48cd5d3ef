"""The folder to attach to a paper: whole, without this machine's paths, and enough to tabulate again."""

import hashlib
import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from datasets.corpora.own_folder import FolderCorpus
from datasets.indexing.index import index
from grid.evaluation import pictures
from grid.outputs.export import export
from grid.planning.prepare import prepare
from grid.results.provenance import source_version
from grid.specs import grid_reader as spec
from manifests.problem import ProblemError
from manifests.store import open_manifest
from tests.grid.grids import SHORT, write_spec
from tests.grid.invented import evaluate, train
from tests.places import REPOSITORY
from tests.plugged import OURS


@pytest.fixture(scope="module")
def grid(demo_out, tmp_path_factory):
    """A grid with a user's own spec in which one of three cells is done."""
    out = tmp_path_factory.mktemp("export") / "out"
    out.mkdir()
    for name in ("corpora", "manifests"):
        (out / name).symlink_to(demo_out / name)
    own = write_spec(out)
    overrides = [*SHORT, f"corpora.LEDOV.root={out}/elsewhere", "resources.loader_workers=0"]
    made = prepare(str(own), overrides, out, demo=True, tell=lambda text: None)
    training = next(iter(made.plan.trainings.values()))
    train(made.ledger, training)
    evaluation = next(e for e in made.plan.evaluations.values() if e.training == training.id)
    evaluate(made.ledger, evaluation)
    frame, truth = np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32), np.uint8)
    drawn = pictures.draw(frame, np.empty((0, 2)), truth, truth / 1.0, "clip1")
    pictures.keep(made.storage, evaluation.id, {"clip1": drawn})
    return made


@pytest.fixture(scope="module")
def exported(grid):
    folder = grid.out.parent / "for" / "paper"
    export(grid, folder)
    return folder


def test_it_holds_all_that_a_reader_needs(grid, exported):
    files = {path.relative_to(exported).as_posix() for path in exported.rglob("*") if path.is_file()}
    (training,) = [unit for unit in grid.plan.trainings if grid.ledger.training_done(unit)]
    (evaluation,) = [unit for unit in grid.plan.evaluations if grid.ledger.evaluation_done(unit)]
    assert files == {
        *("REPRODUCE.md", "requirements.txt", "settings.yaml", "plan.json", "manifests.json"),
        *("specs/small.yaml", "grids/small.json", "checkpoints.sha256"),
        f"pictures/{evaluation}/clip1.png",
        f"results/training-{training}.parquet",
        f"results/evaluation-{evaluation}.parquet",
        *(
            f"tables/{name}{suffix}"
            for name in ("small", "small-significance", "small-recovered")
            for suffix in (".tex", ".md", ".html", ".csv")
        ),
    }
    assert [path.name for path in exported.parent.iterdir()] == ["paper"], "nothing half-done is left"


def test_settings_plan_and_digests_are_those_of_the_grid(grid, exported):
    settings = OmegaConf.to_container(OmegaConf.load(exported / "settings.yaml"))
    assert settings["train"] == json.loads(json.dumps(asdict(grid.config.train)))
    plan = json.loads((exported / "plan.json").read_text(encoding="utf-8"))
    assert [unit["id"] for unit in plan["trainings"]] == list(grid.plan.trainings)
    assert [unit["spec"] for unit in plan["evaluations"]] == [
        unit.spec.as_settings() for unit in grid.plan.evaluations.values()
    ]
    manifests = json.loads((exported / "manifests.json").read_text(encoding="utf-8"))
    assert {name: corpus["digest"] for name, corpus in manifests.items()} == grid.digests


def test_its_commands_name_no_path_of_this_machine(grid, exported):
    text = (exported / "REPRODUCE.md").read_text(encoding="utf-8")
    changes = " ".join(SHORT)
    assert (
        f"    python run_grid.py --grid EXPORT/specs/small.yaml --demo --out EXPORT --tables {changes}\n"
        in text
    )
    assert (
        f"    python run_grid.py --grid EXPORT/specs/small.yaml --demo {changes} corpora.LEDOV.root=DIR\n"
        in text
    )
    assert source_version() in text
    assert "1 of 3 cells has its value" in text
    for path in exported.rglob("*"):
        if path.suffix in {".md", ".tex", ".html", ".json", ".yaml", ".txt"}:
            assert str(grid.out.parent) not in path.read_text(encoding="utf-8"), path.name


def test_trained_weights_are_told_by_their_content(grid, exported):
    (training,) = [unit for unit in grid.plan.trainings if grid.ledger.training_done(unit)]
    told = (exported / "checkpoints.sha256").read_text(encoding="utf-8")
    assert told == f"{hashlib.sha256(b'weights').hexdigest()}  checkpoints/{training}/best.pt\n"


@pytest.mark.slow
def test_the_tables_can_be_compiled_again_from_it_where_neither_corpora_nor_weights_are(exported, tmp_path):
    """By the command that each table gives, called from an empty folder; and nothing is generated."""
    text = (exported / "tables" / "small.md").read_text(encoding="utf-8")
    command = text.rpartition("Regenerate with `")[2].partition("`")[0]
    copy, empty = tmp_path / "copy", tmp_path / "empty"
    shutil.copytree(exported, copy)
    empty.mkdir()
    (copy / "tables" / "small.csv").unlink()
    before = {path for path in copy.rglob("*") if path.is_dir()}
    words = command.replace("EXPORT", str(copy)).split()
    words[:2] = [sys.executable, str(REPOSITORY / "run_grid.py")]
    answer = subprocess.run(words, capture_output=True, text=True, cwd=empty, check=False)
    assert answer.returncode == 1, "two of three cells have no values\n" + answer.stderr
    assert "weights" not in answer.stderr, "none are missed that a table does not need"
    for name in ("small.csv", "small-significance.csv", "small-recovered.csv"):
        again = (copy / "tables" / name).read_text(encoding="utf-8")
        assert again == (exported / "tables" / name).read_text(encoding="utf-8")
    told = [(folder / "tables" / "small.md").read_text(encoding="utf-8") for folder in (copy, exported)]
    assert told[0].partition("Regenerate")[0] == told[1].partition("Regenerate")[0]
    assert {path for path in copy.rglob("*") if path.is_dir()} == before
    assert not list(empty.iterdir())


@pytest.mark.slow
def test_its_commands_index_the_corpora_as_they_were(demo_out, tmp_path):
    """Here one with a split drawn anew, and one of the user's own, which holds clips out by a seed."""
    manifests = tmp_path / "manifests"
    roots = {
        "DHF1K": demo_out / "corpora" / "DHF1K",
        "UCF": own_corpus(demo_out / "corpora" / "DHF1K", tmp_path / "own"),
    }
    index("dhf1k", roots["DHF1K"], manifests / "dhf1k", split="grouped", seed=3)
    index(FolderCorpus("UCF", 5), roots["UCF"], manifests / "own", seed=5)
    overrides = ["model.backbone_weights=none", "model.height=64", "model.width=64", "model.clip_length=8"]
    overrides += [f"corpora.DHF1K.manifest={manifests}/dhf1k", f"corpora.UCF.manifest={manifests}/own"]
    own = write_spec(tmp_path, targets="UCF")
    made = prepare(str(own), overrides, tmp_path / "out", demo=False, tell=lambda text: None)
    export(made, tmp_path / "paper")
    text = (tmp_path / "paper" / "REPRODUCE.md").read_text(encoding="utf-8")
    commands = [line.split() for line in text.splitlines() if " -m datasets index " in line]
    assert [" ".join(words[4:]).partition(" --layout")[0] for words in commands] == [
        "dhf1k --root DIR",
        "folder --name UCF --root DIR",
    ]
    assert [" ".join(words).partition(" --split ")[2] for words in commands] == ["grouped --seed 3", ""]
    assert commands[1][-2:] == ["--seed", "5"]
    assert "UCF: a corpus of the authors' own" in text
    assert f"- UCF: `{made.digests['UCF']}` (" in text
    # What is indexed where the tables are compiled is no matter.
    found = prepare(
        str(tmp_path / "paper" / "specs" / "small.yaml"),
        overrides[:-2],
        tmp_path / "paper",
        demo=False,
        tell=lambda text: None,
        purpose="results",
    )
    assert found.plan == made.plan
    for (corpus, root), words in zip(roots.items(), commands, strict=True):
        again = [sys.executable, *words[1:], "--out", str(tmp_path / "again" / corpus), "--workers", "1"]
        again[again.index("DIR")] = str(root)
        subprocess.run(again, cwd=REPOSITORY, check=True, capture_output=True)
        assert open_manifest(tmp_path / "again" / corpus).digest == made.digests[corpus]


def own_corpus(demo: Path, folder: Path) -> Path:
    """Make a corpus of one's own, with no list of what validates, from clips of the demo's DHF1K."""
    names = [f"{number:03}" for number in range(1, 12)]
    (folder / "videos").mkdir(parents=True)
    for name in names:
        shutil.copy(demo / "video" / f"{name}.AVI", folder / "videos" / f"{name}.avi")
        for kind in ("maps", "fixation"):
            shutil.copytree(demo / "annotation" / f"0{name}" / kind, folder / kind / name)
    (folder / "train.txt").write_text("\n".join(names[:9]))
    (folder / "test.txt").write_text("\n".join(names[9:]))
    return folder


@pytest.mark.slow
def test_plug_ins_that_a_file_names_are_found_from_the_exported_one(demo_out, tmp_path):
    ours, theirs, paper = (tmp_path / name for name in ("exported_ours", "exported_theirs", "paper"))
    shutil.copytree(OURS, ours, ignore=shutil.ignore_patterns("__pycache__", "tiny_corpus.py"))
    theirs.mkdir()
    metric = (OURS / "tiny_metric.py").read_text(encoding="utf-8").replace('"hits"', '"finds"')
    (theirs / "metric.py").write_text(metric, encoding="utf-8")
    (tmp_path / "grids").mkdir()
    own = write_spec(tmp_path / "grids", approaches="generalization, mirror")
    own.write_text(own.read_text() + "models: [tiny]\nplugins:\n- ../exported_ours  # ours\n")
    given = ["train.mixed_precision=false", f"plugins=['{theirs}','{ours}']"]
    made = prepare(str(own), given, demo_out, demo=True, tell=lambda text: None)
    assert made.config.plugins == (str(theirs), str(ours))
    export(made, paper)
    assert {path.name for path in (paper / "plugins").iterdir()} == {ours.name, theirs.name}
    ours.rename(tmp_path / "gone")
    text = (paper / "tables" / "small.md").read_text(encoding="utf-8")
    words = text.rpartition("Regenerate with `")[2].partition("`")[0].replace("EXPORT", str(paper))
    (tmp_path / "empty").mkdir()
    command = [sys.executable, str(REPOSITORY / "run_grid.py"), *shlex.split(words)[2:]]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path / "empty", check=False)
    assert answer.returncode == 1, "no cell has a value\n" + answer.stderr
    assert "small.md" in answer.stdout


def test_what_is_there_already_is_not_overwritten(grid, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(ProblemError, match="expected a new or an empty folder, found one that holds 1"):
        export(grid, folder)
    with pytest.raises(ProblemError, match="found a file"):
        export(grid, folder / "thesis.tex")
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "thesis.tex"]
    empty = tmp_path / "empty"
    empty.mkdir()
    export(grid, empty)
    assert (empty / "REPRODUCE.md").is_file()


def test_nothing_is_left_of_an_export_that_fails(grid, tmp_path):
    """Here in the middle: a table names a paper that is not there."""
    (table,) = grid.plan.tables
    plan = replace(grid.plan, tables=(replace(table, paper="gone/table1"),))
    with pytest.raises(ProblemError, match="gone"):
        export(replace(grid, plan=plan), tmp_path / "paper")
    assert not list(tmp_path.iterdir())


def test_files_of_a_family_are_found_through_it(tmp_path):
    (tmp_path / "parts").mkdir()
    write_spec(tmp_path / "parts", name="one")
    family = tmp_path / "family.yaml"
    family.write_text("name: family\ntables: [parts/one.yaml, table5]")
    assert spec.files(str(family)) == [
        family,
        tmp_path / "parts" / "one.yaml",
        spec.SPECS / "table5.yaml",
    ]


def test_a_submissions_command_in_it_names_no_path_of_this_machine_either(grid, tmp_path):
    (cell,) = [cell for cell in grid.plan.cells if grid.ledger.training_done(cell.training)]
    withheld = tuple(replace(cell, id=test, test=test, evaluation="") for test in ("DHF1K", "LEDOV"))
    plan = replace(grid.plan, cells=(), evaluations={}, withheld=withheld)
    corpora = grid.config.corpora | {"LEDOV": replace(grid.config.corpora["LEDOV"], manifest="/data/ledov")}
    (ours := tmp_path / "lab" / "ours").mkdir(parents=True)
    made = replace(grid, plan=plan, config=replace(grid.config, corpora=corpora, plugins=(str(ours),)))
    export(made, tmp_path / "paper")
    text = (tmp_path / "paper" / "tables" / "small.html").read_text(encoding="utf-8")
    assert f"--weights runs/demo/checkpoints/{cell.training}.pt" in text
    assert "--manifest runs/demo/manifests/dhf1k" in text
    assert "--manifest DIR" in text
    assert "--plugins EXPORT/plugins/ours" in text
    assert str(tmp_path) not in text
    assert str(grid.out) not in text


def test_a_command_leaves_out_what_changes_no_result(grid):
    assert grid.command("--tables") == (
        f"python run_grid.py --grid {grid.name} --demo --out {grid.out} --tables {' '.join(SHORT)}"
        f" corpora.LEDOV.root={grid.out}/elsewhere"
    )


def test_what_others_have_returned_and_what_was_measured_go_with_it(grid, tmp_path):
    out = tmp_path / "out"
    for name in ("external/returned.csv", "costs/hd2s.json"):
        path = out / "results" / name
        path.parent.mkdir(parents=True)
        path.write_text("training,test")
    withheld = replace(grid.plan, withheld=grid.plan.cells[:1], costs=spec.load("table8").costs)
    for plan, copied in ((withheld, True), (grid.plan, False)):
        folder = tmp_path / str(copied)
        export(replace(grid, out=out, plan=plan), folder)
        found = {path.name for path in (folder / "results").rglob("*") if path.is_file()}
        assert found == ({"returned.csv", "hd2s.json"} if copied else set())
