"""How grids were called: kept with their results, and enough to plan them again."""

import json
from dataclasses import replace

import pytest
import torch

from grid.commands.history import remember, remembered
from grid.planning.prepare import prepare
from hd2s import build_model
from manifests.problem import ProblemError
from tests.grid.grids import TINY, prepare_small


def quiet(text):
    pass


@pytest.fixture
def grid(small_demo):
    return prepare_small(small_demo, *TINY, approaches="generalization")


def test_a_grid_is_planned_again_as_it_was_last_called(grid, monkeypatch):
    remember(prepare_small(grid.out, "train.lr=0.5", approaches="generalization"))
    remember(grid)
    (again,) = remembered(grid.out, None, quiet, [])
    assert (again.plan, again.config, again.demo) == (grid.plan, grid.config, True)
    assert again.overrides == grid.overrides


def test_a_file_is_remembered_by_its_whole_path_and_a_grid_of_ours_by_its_name(grid, monkeypatch):
    monkeypatch.chdir(grid.out)
    remember(replace(grid, name="small.yaml"))
    assert called(grid)["name"] == str(grid.out / "small.yaml")
    (grid.out / "table5").touch()  # of the user's, and no grid
    remember(replace(grid, name="table5"))
    assert called(grid)["name"] == "table5"


def called(grid):
    return json.loads((grid.out / "grids" / "small.json").read_text())


@pytest.mark.slow
def test_one_of_several_is_found_by_its_name(grid):
    other = prepare_small(grid.out, *TINY, approaches="generalization", name="other")
    for each in (grid, other):
        remember(each)
    assert [found.plan.grid for found in remembered(grid.out, None, quiet, [])] == ["other", "small"]
    assert [found.plan.grid for found in remembered(grid.out, "other", quiet, [])] == ["other"]
    with pytest.raises(ProblemError, match=r"a grid that was run in .*, found 'othr'\. Did you mean other\?"):
        remembered(grid.out, "othr", quiet, [])


def test_a_folder_without_grids_is_told(tmp_path):
    with pytest.raises(ProblemError, match="an output folder in which a grid was run, found none"):
        remembered(tmp_path, None, quiet, [])


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": "small"}'])
def test_what_cannot_be_read_is_told_with_what_to_do(grid, content):
    remember(grid)
    (grid.out / "grids" / "small.json").write_text(content)
    (grid.out / "grids" / "other.json").write_text('{"name": "no such", "overrides": [], "demo": true}')
    problems = []
    assert remembered(grid.out, None, quiet, problems) == []
    told = "\n".join(map(str, problems))
    assert "small.json: expected how the grid was called" in told
    assert "'no such'" in told


@pytest.mark.slow
def test_results_are_looked_at_where_the_weights_to_start_from_are_not(small_demo, tmp_path):
    model = build_model("hd2s", seed=7)
    layout = next(each for each in model.declaration.starts_from if each.word == "kinetics")
    weights = tmp_path / "kinetics.pt"
    torch.save({theirs: model.state_dict()[own] for own, theirs in layout.names(model).items()}, weights)
    setting = f"model.backbone_weights={weights}"
    grid = prepare_small(small_demo, setting, approaches="generalization")
    remember(grid)
    weights.unlink()
    (again,) = remembered(grid.out, None, quiet, [])
    assert again.plan == grid.plan, "the same trainings by their ids"
    asked = list(grid.overrides)
    assert prepare(grid.name, asked, grid.out, demo=True, tell=quiet, purpose="plan").plan == grid.plan
    with pytest.raises(ProblemError, match=r"model\.backbone_weights: expected what the paper starts from"):
        prepare(grid.name, asked, grid.out, demo=True, tell=quiet)
    (grid.out / "grids/small.json").unlink()
    unseen = []
    other = prepare(grid.name, asked, grid.out, demo=True, tell=unseen.append, purpose="plan")
    assert not other.plan.trainings.keys() & grid.plan.trainings.keys()
    assert "the weights that it starts from are not here" in unseen[-1]
