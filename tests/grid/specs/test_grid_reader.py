"""Specs: what comes with the project is sound, and every mistake of a user's own is told at once."""

import pytest

from grid.specs import grid_reader as spec
from grid.specs.tables.table_reader import Instead
from hd2s.approaches.registry import approaches
from manifests.problem import ProblemError

GOOD = """
name: mine
title: My table
metrics: [NSS, CC]
sources: [DHF1K]
targets: [LEDOV, UCFSports]
approaches: [generalization]
"""


def test_every_spec_that_comes_with_the_project_loads():
    for name in spec.available():
        grid = spec.load(name)
        assert grid.tables or grid.costs


def test_table5_is_declared_as_printed():
    grid = spec.load("domain_shift")
    (table,) = grid.tables
    assert grid.name == "domain_shift"
    assert table.metrics == ("NSS", "CC", "SIM", "AUC-J", "s-AUC")
    assert table.approaches == ("generalization", "adaptation", "transfer")
    assert table.places(approaches()["adaptation"]) == [
        (("DHF1K",), "UCFSports", "UCFSports"),
        (("DHF1K",), "Hollywood2", "Hollywood2"),
        (("UCFSports",), "DHF1K", "DHF1K"),
        (("UCFSports",), "Hollywood2", "Hollywood2"),
        (("Hollywood2",), "DHF1K", "DHF1K"),
        (("Hollywood2",), "UCFSports", "UCFSports"),
    ]


def test_a_users_file_is_a_grid(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    grid = spec.load(str(path), Instead(seeds=(0, 3)))
    assert (grid.name, grid.corpora()) == ("mine", ("DHF1K", "LEDOV", "UCFSports"))
    assert grid.tables[0].seeds == (0, 3)


def test_all_mistakes_of_a_file_are_reported_together(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text(
        GOOD.replace("title: My table", "titel: My table")
        .replace("[NSS, CC]", "[NSS, C]")
        .replace("[generalization]", "[generalisation, generalization, generalization]")
        .replace("[DHF1K]", "DHF1K")
    )
    with pytest.raises(ProblemError) as caught:
        spec.load(str(path))
    text = str(caught.value)
    assert len(caught.value.problems) == 6
    for mistake in (
        "'titel'. Did you mean title?",
        "the key title, found nothing",
        "a known metric, found 'C'",
        "'generalisation'. Did you mean generalization?",
        "each word once, found generalization",
        "sources: a list of words, found 'DHF1K'",
    ):
        assert mistake in text


def test_an_unknown_grid_names_the_nearest():
    with pytest.raises(ProblemError, match=r"'domain_shft'. Did you mean domain_shift\? Available: .*table5"):
        spec.load("domain_shft")


@pytest.mark.parametrize("text", ["[1, 2]", "name: [", "\x00"])
def test_a_file_that_is_no_spec_is_a_problem(tmp_path, text):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(ProblemError, match=r"broken\.yaml"):
        spec.load(str(path))


def test_a_table_without_a_pair_is_a_problem(tmp_path):
    path = tmp_path / "lonely.yaml"
    path.write_text(GOOD.replace("[LEDOV, UCFSports]", "[DHF1K]"))
    with pytest.raises(ProblemError, match="another corpus as target"):
        spec.load(str(path))


FAMILY = """
name: family
tables:
  - table5
  - mine.yaml
  - {name: chances, title: C, metrics: [NSS], sources: [DHF1K], models: [chance], approaches: [single-source]}
"""


def test_a_row_of_models_that_the_table_lacks_is_a_mistake(tmp_path):
    """It was in no plan and no table, without a word."""
    path = tmp_path / "mine.yaml"
    rows = "variants: {a: {}, b: {models: [tased], train.lr: 0.1}}\nselect: [source, last]\n"
    path.write_text(GOOD + "models: [hd2s, chance]\n" + rows)
    _, problems = spec.read(str(path))
    assert [problem.found for problem in problems] == ["'tased'"]
    assert "model of this table for row 'b'" in str(problems[0])
    path.write_text(GOOD + "models: [hd2s, tased]\n" + rows)
    assert spec.read(str(path), Instead(models=("hd2s",)))[1] == [], "the file has it"
    path.write_text(GOOD + rows)
    assert spec.read(str(path), Instead(models=("hd2s", "tased")))[1] == [], "the command line brings it"


def test_a_family_has_tables_by_name_by_file_and_in_place(tmp_path):
    (tmp_path / "mine.yaml").write_text(GOOD)
    path = tmp_path / "family.yaml"
    path.write_text(FAMILY)
    grid = spec.load(str(path))
    assert [table.name for table in grid.tables] == ["table5", "mine", "chances"]
    assert grid.models() == ("hd2s", "chance")
    assert spec.files(str(path)) == [path, spec.available()["table5"], tmp_path / "mine.yaml"]
    one = spec.load(str(path), Instead(models=("centre_prior",)))
    assert one.models() == ("centre_prior",), "of every table"


def test_a_family_cannot_contain_itself_nor_a_table_twice(tmp_path):
    path = tmp_path / "family.yaml"
    path.write_text("name: family\ntables: [family.yaml, table5, table5]\n")
    _, problems = spec.read(str(path))
    text = " ".join(map(str, problems))
    assert len(problems) == 2
    assert "tables that do not contain each other" in text
    assert "each table once, found table5" in text


def test_tables_of_a_family_have_a_corpus_in_one_place(tmp_path):
    """The last one's would stand for all, and numbers of the other manifest beside the first one's name."""
    for name, folder in (("one", "v1"), ("two", "v2")):
        (tmp_path / f"{name}.yaml").write_text(GOOD.replace("mine", name) + f"corpora: {{Mine: {folder}}}\n")
    path = tmp_path / "family.yaml"
    path.write_text("name: family\ntables: [one.yaml, two.yaml]\n")
    (problem,) = spec.read(str(path))[1]
    assert 'corpora.Mine.manifest the same in all tables, found "v1" and "v2"' in str(problem)


def test_ours_may_be_given_by_their_paths(monkeypatch):
    monkeypatch.chdir(spec.SPECS.parent)
    assert spec.load("grids/table5.yaml") == spec.load("table5")


def test_mistakes_leave_what_can_be_read(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text(GOOD.replace("[generalization]", "[generalization, transfr]"))
    grid, problems = spec.read(str(path))
    assert len(problems) == 1
    assert grid.tables[0].approaches == ("generalization",)


def test_files_name_folders_of_plug_ins_from_their_own_on(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/lab")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "one.yaml").write_text(f"{GOOD}plugins: [ours, ../theirs, ~/all]\n")
    (tmp_path / "family.yaml").write_text(
        "name: family\nplugins: [/lab/ours]\ntables: [parts/one.yaml, table5, gone.yaml, family.yaml]"
    )
    assert spec.plugin_folders(str(tmp_path / "family.yaml")) == (
        "/lab/ours",
        f"{tmp_path}/parts/ours",
        f"{tmp_path}/parts/../theirs",
        "/home/lab/all",
    )
    assert spec.read(str(tmp_path / "parts" / "one.yaml"))[1] == []
    assert spec.plugin_folders("everything") == spec.plugin_folders("gone.yaml") == ()


@pytest.mark.parametrize("wrong", ["ours", "{a: ours}", "[1]", "['']", "null"])
def test_plug_ins_that_are_no_list_are_told_with_the_other_mistakes(tmp_path, wrong):
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.replace("NSS", "NSSS") + f"plugins: {wrong}\n")
    told = list(map(str, spec.read(str(path))[1]))
    assert len(told) == 2
    assert told[0].startswith(f"{path}: expected plugins: a list of folders, such as [ours], found ")
    assert spec.plugin_folders(str(path)) == ()


def test_plug_ins_of_a_table_in_place_are_told_to_be_the_files(tmp_path):
    path = tmp_path / "family.yaml"
    path.write_text("tables: [{name: a, title: A, costs: true, models: [hd2s], plugins: [ours]}]")
    (told,) = spec.read(str(path))[1]
    assert str(told).startswith(f"{path}: expected plugins beside tables, for all of the file, found ")
