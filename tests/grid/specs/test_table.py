"""A table's rows and the places of their cells, for each of its models."""

from grid.specs.table import GridSpec, TableSpec, Variant
from hd2s.approaches.registry import approaches

PAIRS = ("DHF1K", "UCFSports")


def table(**changes):
    fields = {
        "name": "t",
        "title": "T",
        "metrics": ("NSS",),
        "sources": PAIRS,
        "targets": PAIRS,
        "approaches": ("generalization", "transfer"),
    }
    return TableSpec(**fields | changes)


def rows_of(spec):
    return [(model, approach.word) for model, approach in spec.rows()]


def test_each_model_has_a_row_for_each_approach_and_one_without_weights_a_single_one():
    spec = table(models=("chance", "hd2s", "centre_prior"))
    assert rows_of(table()) == [("hd2s", "generalization"), ("hd2s", "transfer")]
    assert rows_of(spec) == [
        ("hd2s", "generalization"),
        ("hd2s", "transfer"),
        ("chance", "untrained"),
        ("centre_prior", "untrained"),
    ]
    assert rows_of(table(models=("centre_prior",))) == [("centre_prior", "untrained")]


def test_a_source_is_never_its_own_target():
    for word in ("generalization", "transfer"):
        assert table().places(approaches()[word]) == [
            (("DHF1K",), "UCFSports", "UCFSports"),
            (("UCFSports",), "DHF1K", "DHF1K"),
        ]


def test_a_model_without_weights_stands_wherever_any_approach_does():
    untrained = approaches()["untrained"]
    spec = table(
        sources=("DHF1K", "UCFSports"), targets=(), approaches=("single-source", "multi-source"), models=()
    )
    assert spec.places_of("centre_prior", untrained) == [
        *spec.places(approaches()["single-source"]),
        *spec.places(approaches()["multi-source"]),
    ]
    both = table()
    assert both.places_of("chance", untrained) == both.places(approaches()["transfer"]), "each place once"
    assert both.places_of("hd2s", approaches()["transfer"]) == both.places(approaches()["transfer"])


def test_tests_may_be_the_cells_own_corpora_or_others():
    spec = table(sources=("DHF1K",), targets=("UCFSports",), tests=("source", "target", "LEDOV", "DHF1K"))
    found = spec.places(approaches()["generalization"])
    assert [place.test for place in found] == ["DHF1K", "UCFSports", "LEDOV"]
    assert spec.corpora() == ("DHF1K", "UCFSports", "LEDOV")


def test_pooled_sources_stand_together_without_the_target():
    pooled = approaches()["multi-source"]
    assert table(targets=()).places(pooled) == [(PAIRS, None, "DHF1K"), (PAIRS, None, "UCFSports")]
    assert [place.sources for place in table(targets=("DHF1K",)).places(pooled)] == [("UCFSports",)]
    assert table(sources=("DHF1K",), targets=("DHF1K",)).places(pooled) == []


def test_a_sweep_is_every_combination_of_its_values():
    spec = table(sweep=(("train.lr", ("1", "2")), ("train.momentum", ("0", "0.9"))))
    assert spec.points() == [
        (f"train.lr={lr}", f"train.momentum={momentum}") for lr in "12" for momentum in ("0", "0.9")
    ]
    assert table().points() == [()]


def test_a_family_has_its_tables_models_and_corpora_once():
    first, second = table(models=("hd2s", "chance")), table(sources=("LEDOV",), models=("chance", "hd2s"))
    family = GridSpec("family", (first, second))
    assert family.models() == ("hd2s", "chance")
    assert family.corpora() == ("DHF1K", "UCFSports", "LEDOV")


def test_a_variant_may_stand_elsewhere_than_its_table_and_be_of_some_of_its_models():
    own = (
        ("models", ("hd2s",)),
        ("approaches", ("transfer",)),
        ("targets", ("LEDOV",)),
        ("tests", ("source",)),
    )
    spec = table(models=("chance", "hd2s", "tased"), variants=(Variant("plain"), Variant("moved", (), own)))
    (plain, as_it_is), (moved, part) = spec.parts()
    assert (plain.label, as_it_is.targets, as_it_is.models) == ("plain", PAIRS, spec.models)
    assert rows_of(part) == [("hd2s", "transfer")]
    assert part.places(approaches()["transfer"]) == [
        (("DHF1K",), "LEDOV", "DHF1K"),
        (("UCFSports",), "LEDOV", "UCFSports"),
    ]
    assert (plain.tells_approach, moved.tells_approach) == (False, True)
    assert spec.corpora() == ("DHF1K", "UCFSports", "LEDOV")
    assert rows_of(table(models=("tased",), variants=(Variant("moved", (), own),)).parts()[0][1]) == []
