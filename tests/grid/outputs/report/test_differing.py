"""Settings that are not the paper's."""

import re

from grid.outputs.report.differing import differing
from tests.grid.outputs.report.reported import grid_of
from tests.grid.plans import FROM_SCRATCH, plan_of


def rows(text):
    cells = re.compile(r"<t[hd][^>]*>(.*?)</t[hd]>")
    return [cells.findall(row) for row in re.findall(r"<tr>(.*?)</tr>", text)][1:]


def told(tmp_path, grid, *overrides, **options):
    plan = plan_of(grid, *overrides, **options)
    return differing(grid_of(plan, tmp_path, *overrides, demo=options.get("demo", False)))


def test_the_papers_own_setting_differs_in_nothing_but_its_start(tmp_path):
    text = told(tmp_path, "table5")
    assert rows(text) == [["model.backbone_weights", "none", "given", "9 trainings", "you"]]
    assert FROM_SCRATCH == "model.backbone_weights=none"
    assert "Trainings run their forward passes in bfloat16" in text


def test_with_weights_every_setting_is_the_papers(tmp_path):
    plan = plan_of("table5", weights={"hd2s": "abc"})
    assert "Every setting is the paper&#x27;s." in differing(grid_of(plan, tmp_path))


def test_what_the_user_and_the_demo_set_is_beside_what_the_paper_has(tmp_path):
    found = {row[0]: row[1:] for row in rows(told(tmp_path, "table5", "train.lr=0.5", demo=True))}
    assert found["train.lr"] == ["0.5", "0.001", "15 trainings", "you"]
    assert found["model.height"] == ["64", "128", "15 trainings", "the demo"]
    assert found["test.smoothing_sigma"] == ["2", "5", "18 tests", "the demo"]


def test_rows_of_an_ablation_say_that_they_set_it(tmp_path):
    found = rows(told(tmp_path, "table4"))
    (row,) = [row for row in found if row[0] == "train.multi_level"]
    assert row[1:3] == ["false", "true"]
    assert row[4] == "a row of the table"


def test_other_models_are_held_against_their_own_papers(tmp_path):
    for model in ("tased", "unisal"):
        found = rows(told(tmp_path, "table5", f"model=[{model}]"))
        assert [row[0] for row in found] == ["model.backbone_weights"]


def test_what_a_model_knows_of_its_corpora_is_no_setting(tmp_path):
    found = rows(told(tmp_path, "unisal_table2"))
    assert "model.backbone_weights" in [row[0] for row in found]
    assert not {"model.photographs_alone", "model.domains"} & {row[0] for row in found}
