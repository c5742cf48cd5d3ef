"""One table's content: every mistake in it is told, and what can be read of it is read."""

from pathlib import Path

import pytest
import yaml

from grid.specs.table import Variant
from grid.specs.tables.compared import compared
from grid.specs.tables.table_reader import Instead, names_files, read_costs, read_table
from hd2s.models.registry import models

GOOD = {
    "name": "mine",
    "title": "My table",
    "metrics": ["NSS", "CC"],
    "sources": ["DHF1K"],
    "targets": ["LEDOV", "UCFSports"],
    "approaches": ["generalization"],
}
AS_WRITTEN = Instead()


def read(instead=AS_WRITTEN, **changes):
    """The table, and what is wrong with it."""
    problems = []
    content = {key: value for key, value in (GOOD | changes).items() if value is not None}
    return read_table(Path("mine.yaml"), content, instead, problems), " ".join(map(str, problems))


def test_a_sound_table_is_read_as_it_is_written():
    table, told = read(
        variants={"": {}, "fast": {"train.lr": 0.1}},
        sweep={"train.momentum": [0, 0.9]},
        overrides={"model.conspicuity": [4]},
        seeds=[0, 3],
        caption=" A caption. ",
    )
    assert told == ""
    assert (table.name, table.metrics, table.caption) == ("mine", ("NSS", "CC"), "A caption.")
    assert table.variants == (Variant(), Variant("fast", ("train.lr=0.1",)))
    assert table.sweep == (("train.momentum", ("0", "0.9")),)
    assert table.overrides == ("model.conspicuity=[4]",)
    assert table.seeds == (0, 3)


def test_hd2s_is_the_model_of_a_table_that_names_none():
    assert read()[0].models == ("hd2s",)
    table, told = read(models=["centre_prior", "hd2s"])
    assert (table.models, told) == (("centre_prior", "hd2s"), "")
    known = ", ".join(sorted(models()))
    assert f"a known model, found 'hds2'. Did you mean hd2s? Available: {known}" in read(models=["hds2"])[1]


def test_the_command_line_puts_models_and_seeds_in_place_of_the_files():
    table, told = read(Instead((4,), ("chance",)), models=["hd2s"], seeds=[0, 1])
    assert (table.models, table.seeds, told) == (("chance",), (4,), "")
    assert "seeds: different numbers" in read(Instead((4,)), seeds=[1, 1])[1], "a mistake is one all the same"


def test_each_selection_has_rows_of_its_own():
    table, told = read(variants={"": {}, "fast": {"train.lr": 0.1}}, select=["source", "target"])
    assert (told, table.select) == ("", ("source", "target"))
    labels = ["", "target selection (oracle)", "fast", "fast, target selection (oracle)"]
    assert [variant.label for variant in table.variants] == labels
    assert [variant.plain for variant in table.variants] == ["", "", "fast", "fast"]
    assert [variant.repeats for variant in table.variants] == [False, True] * 2
    instead, told = read(Instead(select=("last",)), select="target")
    assert (told, [variant.label for variant in instead.variants]) == ("", ["last weights"])


def test_points_may_be_drawn():
    table, told = read(sweep={"train.lr": "loguniform(1e-4, 1e-2)"}, points=20)
    assert told == "" and len(set(table.points())) == 20


def test_no_table_asks_for_the_approach_of_what_has_no_weights():
    told = read(approaches=["untrained"])[1]
    assert "a known approach, found 'untrained'" in told
    assert "untrained" not in told.partition("Available:")[2]


def test_settings_of_a_model_or_an_approach_alone_may_be_given():
    table, told = read(overrides={"model.hd2s.height": 64, "approach.coral.weight": 2})
    assert told == ""
    assert table.overrides == ("model.hd2s.height=64", "approach.coral.weight=2")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"titel": "My table"}, "'titel'. Did you mean title?"),
        ({"title": None}, "the key title, found nothing"),
        ({"title": 3}, "title: a text, found 3"),
        ({"metrics": ["NSS", "C"]}, "a known metric, found 'C'"),
        ({"approaches": ["generalisation"]}, "'generalisation'. Did you mean generalization?"),
        ({"approaches": ["transfer", "transfer"]}, "each word once, found transfer"),
        ({"sources": "DHF1K"}, "sources: a list of words, found 'DHF1K'"),
        ({"sources": []}, "sources: a list of words, found []"),
        ({"name": "a/b"}, "since files are named after it, found 'a/b'"),
        ({"paper": "hd2s/table9"}, "a known paper, found 'hd2s/table9'"),
        ({"overrides": {"resources.loader_workers": 1}}, "settings of model, train, test, approach"),
        ({"overrides": [1]}, "overrides: settings and their values, found [1]"),
        ({"overrides": {"train.world_size": 2}}, "give train.world_size on the command line"),
        (
            {"variants": {"a": {"model": {"backbone_weights": "none"}}}},
            "what may differ between rows; give",
        ),
        ({"variants": {}}, "variants: a label and its settings each"),
        ({"variants": {"a": 3}}, "variant a: settings and their values, found 3"),
        ({"select": "oracle"}, "select: a known selection, found 'oracle'"),
        ({"select": ["last", "last"]}, "select: a word, or different ones"),
        ({"select": ["last"], "withheld": True}, "select: source, where a test is withheld"),
        ({"sweep": {"train.lr": []}}, "sweep: settings and a list of values each"),
        ({"sweep": {"train.lr": [1.0, 1.0]}}, "sweep: different values of train.lr"),
        (
            {"sweep": {"test.protocol": ["paper"]}},
            "what validation can decide between, and so no settings of",
        ),
        ({"seeds": [-1]}, "seeds: different numbers from 0 on, below 2^63, found [-1]"),
        ({"seeds": [True]}, "seeds: different numbers from 0 on"),
        ({"targets": ["DHF1K"]}, "a source with another corpus as target for generalization"),
        ({"targets": None, "tests": ["source", "target"]}, "targets, to test on them"),
        ({"targets": None, "approaches": ["transfer"]}, "targets, which the approach transfer takes"),
    ],
)
def test_a_mistake_is_told_and_alone(changes, told):
    problems = []
    content = {key: value for key, value in (GOOD | changes).items() if value is not None}
    read_table(Path("mine.yaml"), content, AS_WRITTEN, problems)
    (problem,) = problems
    assert told in str(problem)
    assert problem.where == "mine.yaml"


def test_all_mistakes_of_a_table_are_told_together_and_nothing_that_follows_from_them():
    _, told = read(title=None, titel="x", metrics=["C"], approaches=["generalisation"], sources="DHF1K")
    assert told.count("mine.yaml:") == 5
    assert "no such pair" not in told, "a source may be among what could not be read"


@pytest.mark.parametrize(
    ("name", "sound"), [("table-5_b", True), ("a b", False), ("", False), (5, False), ("../up", False)]
)
def test_files_are_named_after_tables(name, sound):
    assert names_files(name) == sound


def test_models_and_rows_are_compared_as_approaches_are():
    rows = {"full": {}, "fast": {"train.lr": 0.1, "approaches": ["adaptation", "mmd"]}}
    pairs = [["tased", "hd2s"], ["full", "fast"], ["mmd", "adaptation"]]
    own = {"models": ["hd2s", "tased"], "variants": rows, "approaches": ["adaptation"]}
    table, told = read(compare=pairs, **own)
    assert told == ""
    assert [compared(table, by) for by in ("approach", "model", "variant")] == [
        (("mmd", "adaptation"),),
        (("tased", "hd2s"),),
        (("full", "fast"),),
    ]
    assert "row of this table, found 'unisal'" in read(compare=[["unisal", "hd2s"]], **own)[1]
    assert "found tased and fast" in read(compare=[["tased", "fast"]], **own)[1]


@pytest.mark.parametrize(
    ("other", "told"), [("single-source", "found multi-source and single-source"), ("domain-specific", "")]
)
def test_approaches_that_have_no_place_in_common_cannot_be_compared(other, told):
    """One has each source, the other both: there was no such comparison in the table, and no word of it."""
    own = {"sources": ["DHF1K", "Hollywood2"], "targets": ["LEDOV"], "tests": ["UCFSports"]}
    approaches = ["single-source", "multi-source", "domain-specific"]
    _, found = read(approaches=approaches, compare=[["multi-source", other]], **own)
    assert told in found
    assert bool(found) is bool(told)


def test_rows_that_have_no_place_in_common_cannot_be_compared():
    sources = {"one": "DHF1K", "other": "Hollywood2", "again": "DHF1K"}
    variants = {label: {"sources": [word], "train.lr": 0.1} for label, word in sources.items()}
    own = {"sources": ["DHF1K", "Hollywood2"], "targets": ["LEDOV"], "variants": variants}
    assert read(compare=[["one", "again"]], **own)[1] == ""
    assert "in common, found one and other" in read(compare=[["one", "other"]], **own)[1]
    variants["other"] |= {"approaches": ["generalization"]}
    variants["one"] |= {"approaches": ["transfer"]}
    assert read(compare=[["one", "other"]], **own)[1].count("one and other") == 1, "and not once more"


def test_rows_are_compared_within_each_selection_by_their_labels_in_the_file():
    """They were called unknown as soon as other weights than the training's own choice were tested."""
    own = {"compare": [["full", "fast"]], "variants": {"full": {}, "fast": {"train.lr": 0.1}}}
    last = "full, last weights", "fast, last weights"
    for words, pairs in ((("last",), (last,)), (("source", "last"), (("full", "fast"), last))):
        for table, told in (read(select=list(words), **own), read(Instead(select=words), **own)):
            assert (compared(table, "variant"), told) == (pairs, "")


def test_models_are_compared_that_the_command_line_brings():
    table, told = read(Instead(models=("hd2s", "tased")), compare=[["tased", "hd2s"]])
    assert (compared(table, "model"), told) == ((("tased", "hd2s"),), "")


def test_a_table_says_which_approaches_are_compared():
    for value, pairs in (("all", "all"), ([["transfer", "adaptation"]], (("transfer", "adaptation"),))):
        table, told = read(compare=value, approaches=["adaptation", "transfer"])
        assert (table.compare, told) == (pairs, "")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("some", "compare: all, or pairs such as"),
        ([["transfer"]], "compare: all, or pairs such as"),
        ([["transfer", "transfer"]], "compare: all, or pairs such as"),
        (
            [["transfer", "multi-source"]],
            "a known approach, model or row of this table, found 'multi-source'",
        ),
    ],
)
def test_pairs_that_cannot_be_compared_are_told(value, told):
    assert told in read(compare=value, approaches=["adaptation", "transfer"])[1]


def test_a_value_keeps_its_type_on_its_way_through_yaml():
    content = yaml.safe_load("{train.multi_level: false, train.lr: 1.0e-3, train.protocol: released}")
    assert read(overrides=content)[0].overrides == (
        "train.multi_level=false",
        "train.lr=0.001",
        'train.protocol="released"',
    )


def test_a_table_says_where_its_corpora_are():
    table, told = read(corpora={"Mine": "lab/mine", "LEDOV": {"manifest": "there", "root": "s3://b/LEDOV"}})
    assert told == ""
    assert table.found_at == (
        'corpora.Mine.manifest="lab/mine"',
        'corpora.LEDOV.manifest="there"',
        'corpora.LEDOV.root="s3://b/LEDOV"',
    )
    for wrong in (["Mine"], {"Mine": {"folder": "x"}}, {"Mine": {}}, {"Mine": 3}):
        assert "expected corpora: " in read(corpora=wrong)[1]
    assert "a known key, found 'found_at'" in read(found_at=["corpora.Mine.root=x"])[1]


def test_a_variant_may_have_axes_of_its_own_and_their_mistakes_are_told():
    own = {"models": ["hd2s"], "approaches": ["transfer"], "tests": ["source"], "train.lr": 0.1}
    table, told = read(variants={"moved": own})
    axes = (("models", ("hd2s",)), ("approaches", ("transfer",)), ("tests", ("source",)))
    assert told == ""
    assert table.variants == (Variant("moved", ("train.lr=0.1",), axes),)
    _, told = read(variants={"moved": {"approaches": ["transfr"], "targets": "LEDOV"}})
    assert "a known approach, found 'transfr'. Did you mean transfer" in told
    assert "variant moved, targets: a list of words, found 'LEDOV'" in told


def test_a_table_of_costs_has_models_alone():
    content = {
        "name": "mine",
        "costs": True,
        "title": "Costs",
        "models": ["hd2s", "tased"],
        "paper": "hd2s/table8",
    }
    problems = []
    found = read_costs(Path("mine.yaml"), content, AS_WRITTEN, problems)
    assert (found.name, found.models, found.paper, problems) == ("mine", ("hd2s", "tased"), "hd2s/table8", [])
    assert read_costs(Path("mine.yaml"), content, Instead(None, ("chance",)), []).models == ("chance",)
    read_costs(Path("mine.yaml"), content | {"models": ["tasd"], "sources": ["DHF1K"]}, AS_WRITTEN, problems)
    told = " ".join(map(str, problems))
    assert "Did you mean tased" in told
    assert "a known key, found 'sources'" in told


def test_whether_annotations_are_withheld_is_true_or_false():
    assert read(withheld=True)[0].withheld
    assert "withheld: true or false, found 'yes'" in read(withheld="yes")[1]
