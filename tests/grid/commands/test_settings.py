"""Every setting is shown once, with where its value is from."""

import json
import shutil

import pytest

import run_grid
from grid.commands.settings import flat, keys_table, list_settings, unit_of
from grid.specs.settings_reader import load
from tests.plugged import OURS

FILE = """
train: {lr: 1e-3, iterations: 77}
model.height: 64
corpora: {Mine: {manifest: manifests/Mine}}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "lab.yaml"
    path.write_text(FILE)
    return path


def shown(capsys, *arguments):
    assert run_grid.main(["--settings", "run", "--json", *map(str, arguments)]) == 0
    return {each["key"]: each for each in json.loads(capsys.readouterr().out)}


def test_the_last_word_is_the_command_line_s_then_the_file_s_then_the_demo_s(capsys, file):
    found = shown(capsys, "--config", file, "--demo", "train.iterations=5", "seeds=[1]")
    value = {key: (each["value"], each["default"], each["origin"]) for key, each in found.items()}
    assert value["train.iterations"] == (5, 2500, "command line")
    assert value["train.lr"] == (0.001, 0.001, str(file))
    assert value["model.height"] == (64, 128, str(file))
    assert value["model.width"] == (64, 192, "--demo")
    assert value["train.micro_batch"] == (4, 8, "--demo")
    assert value["train.optimiser"] == ("adam", "adam", "HD2S's paper")
    assert value["test.eight_bit"] == (True, True, "default")
    assert value["corpora.Mine.manifest"] == ("manifests/Mine", None, str(file))
    assert value["seeds"] == ([1], None, "command line")
    units = {key: found[key]["unit"] for key in ("model.height", "train.lr", "resources.train.memory_gib")}
    assert units == {"model.height": "pixels", "train.lr": "", "resources.train.memory_gib": "GiB"}


def test_of_several_files_the_later_is_over_the_earlier(capsys, file, tmp_path):
    later = tmp_path / "later.yaml"
    later.write_text("train.iterations: 78")
    found = shown(capsys, "--config", file, "--config", later)
    assert (found["train.iterations"]["value"], found["train.iterations"]["origin"]) == (78, str(later))
    assert found["train.lr"]["origin"] == str(file)


def test_a_grid_lies_under_what_is_given_and_each_model_has_its_own(tmp_path):
    grid = tmp_path / "mine.yaml"
    grid.write_text(
        "name: mine\ntitle: M\nmetrics: [NSS]\nsources: [Mine]\nmodels: [hd2s, centre_prior]\n"
        "approaches: [generalization]\noverrides: {train.iterations: 9, test.eight_bit: false}\n"
        "corpora: {Mine: there}\n"
    )
    given = [("command line", ["train.iterations=5", "model.hd2s.width=96"])]
    listed = list(list_settings(given, str(grid), demo=False))
    found = {each.key: each for each in listed}
    assert len(found) == len(listed)
    value = {key: (each.value, each.origin) for key, each in found.items()}
    assert value["train.iterations"] == (5, "command line")
    assert value["test.eight_bit"] == (False, "table mine")
    assert value["corpora.Mine.manifest"] == ("there", "table mine")
    assert value["model.hd2s.width"] == (96, "command line")
    assert value["model.centre_prior.width"][1] == "default"


def test_every_setting_of_a_configuration_is_there():
    config = load([], demo=False)
    assert flat(config).keys() == {each.key for each in list_settings([], None, demo=False)}
    assert unit_of("train.finetune_iterations") == "iterations"
    assert unit_of("train.protocol") == ""


def test_a_protocol_is_shown_as_what_it_stands_for_and_where_an_approach_is_otherwise():
    asked = [
        "train.protocol=released",
        "test.protocol=released",
        "model.quantise=false",
        "test.truncate=false",
    ]
    found = {each.key: each for each in list_settings([("command line", asked)], "domain_shift", demo=False)}
    value = {key: (each.value, each.origin) for key, each in found.items()}
    assert value["train.micro_batch"] == (16, "train.protocol=released")
    assert value["train.micro_batch of adaptation"] == (8, "train.protocol=released")
    assert value["train.iterations"] == (5000, "train.protocol=released")
    assert value["train.lambda_every"] == ("iteration", "default")
    assert value["train.lambda_every of adaptation"] == ("micro-batch", "train.protocol=released")
    assert value["test.resizing"] == ("opencv-bicubic", "test.protocol=released")
    assert value["model.quantise"] == (False, "command line")
    assert value["test.truncate"] == (False, "command line")
    assert not any(key.endswith((" of generalization", " of transfer")) for key in found)


def test_the_keys_of_a_file_are_told(capsys):
    assert run_grid.main(["--settings", "grid"]) == 0
    told = capsys.readouterr().out
    for key in ("sources", "sweep", "corpora", "tables", "seeds"):
        assert f"\n {key} " in told
    assert "found_at" not in told
    assert keys_table().row_count > 12


def test_plug_ins_of_a_grids_file_are_shown_as_its_own(capsys, tmp_path):
    shutil.copytree(OURS, tmp_path / "shown_ours", ignore=shutil.ignore_patterns("__pycache__"))
    grid = tmp_path / "mine.yaml"
    grid.write_text(
        "name: mine\ntitle: M\nmetrics: [hits]\nsources: [Mine]\nmodels: [tiny]\n"
        "approaches: [generalization]\ncorpora: {Mine: there}\nplugins: [shown_ours]\n"
    )
    found = shown(capsys, "--grid", grid)["plugins"]
    assert (found["value"], found["origin"]) == ([f"{tmp_path}/shown_ours"], str(grid))
    found = shown(capsys, "--grid", grid, f"plugins=[{tmp_path}/shown_ours]")["plugins"]
    assert (found["value"], found["origin"]) == ([f"{tmp_path}/shown_ours"], "command line")


def test_what_is_wrong_is_told(capsys, tmp_path):
    assert run_grid.main(["--settings", "train.lrr=1"]) == run_grid.WRONG
    assert "Did you mean train.lr?" in capsys.readouterr().err
    assert run_grid.main(["--settings", "girds"]) == run_grid.WRONG
    assert "--settings: expected grid, or nothing, found 'girds'" in capsys.readouterr().err
    (tmp_path / "a.yaml").write_text("- train.lr")
    assert run_grid.main(["--settings", "--config", str(tmp_path / "a.yaml")]) == run_grid.WRONG
    assert "expected a YAML file of settings" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run_grid.main([])
