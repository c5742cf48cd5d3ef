"""Where cells stand, and what blocks, groups and rows are called."""

import pytest

from grid.outputs.tables.layout import distinct_labels, gather, label, layout_of, place, row_key, shown, where
from grid.specs.plugins import load
from grid.specs.table import Variant
from tests.grid.small_ledger import small_plan, table_spec
from tests.plugged import OURS


def cells_of(**changes):
    spec = table_spec(**changes)
    return spec, small_plan(spec).cells


def headings(spec, cells):
    layout = layout_of(spec)
    return layout.group_heading, {(layout.block(cell), layout.group(cell)) for cell in cells}


@pytest.mark.parametrize(
    ("changes", "heading", "places"),
    [
        ({"sources": ("UCFSports",)}, "Target dataset", {("Source dataset: UCF Sports", "DHF1K")}),
        (
            {"sources": ("UCFSports",), "targets": ("DHF1K",), "tests": ("LEDOV",)},
            "Test dataset",
            {("Source dataset: UCF Sports, target dataset: DHF1K", "LEDOV")},
        ),
        (
            {
                "sources": ("UCFSports",),
                "targets": (),
                "tests": ("LEDOV",),
                "approaches": ("generalization",),
            },
            "Test dataset",
            {("", "LEDOV")},
        ),
    ],
)
def test_a_table_is_laid_out_by_what_it_varies(changes, heading, places):
    assert headings(*cells_of(**changes)) == (heading, places)


def test_a_row_is_named_by_what_tells_it_from_the_others():
    plain, (cell, *_) = cells_of(approaches=("adaptation",))
    assert label(cell, plain) == "Domain Adaptation"
    variants = (Variant("slow", ("train.lr=0.1",)),)
    one, (cell, *_) = cells_of(approaches=("adaptation",), variants=variants)
    assert label(cell, one) == "slow"
    several, cells = cells_of(variants=variants)
    assert label(cells[0], several) == "Domain Generalization, slow"


def test_a_model_is_named_where_there_are_several_and_one_without_weights_alone():
    load([OURS])
    one, cells = cells_of(approaches=("adaptation",), models=("hd2s", "centre_prior"))
    names = {cell.model: label(cell, one) for cell in cells}
    assert names == {"hd2s": "Domain Adaptation", "centre_prior": "Centre prior"}
    two, cells = cells_of(approaches=("adaptation",), models=("hd2s", "tiny", "chance"))
    names = {cell.model: label(cell, two) for cell in cells}
    assert names == {
        "hd2s": "HD2S, Domain Adaptation",
        "tiny": "Tiny, Domain Adaptation",
        "chance": "Chance",
    }
    assert len({row_key(cell) for cell in cells}) == len(cells), "each model has rows of its own"
    assert place(cells[1], two) == "DHF1K to UCF Sports, Tiny, Domain Adaptation"


def test_equal_names_get_their_sources():
    spec, cells = cells_of(targets=(), tests=("LEDOV",), approaches=("single-source",))
    assert distinct_labels(list(cells), spec) == ["Single-source (DHF1K)", "Single-source (UCF Sports)"]
    assert distinct_labels([cells[0]], spec) == ["Single-source"]


def test_a_place_says_where_and_which():
    spec, (cell, *_) = cells_of(sources=("UCFSports",), approaches=("adaptation",))
    assert where(cell) == "UCF Sports to DHF1K"
    assert place(cell, spec) == "UCF Sports to DHF1K, Domain Adaptation"
    spec, (cell, *_) = cells_of(
        sources=("UCFSports",), targets=("DHF1K",), tests=("LEDOV",), approaches=("adaptation",), seeds=(3, 4)
    )
    assert place(cell, spec) == "UCF Sports to DHF1K on LEDOV, Domain Adaptation, seed 3"


def test_seeds_and_points_of_a_sweep_share_a_row_and_nothing_else_does():
    sweep = (("train.lr", ("0.1", "0.01")),)
    _, cells = cells_of(seeds=(0, 1), sweep=sweep, sources=("UCFSports",), approaches=("adaptation",))
    assert len(cells) == 4
    assert len({row_key(cell) for cell in cells}) == 1
    _, others = cells_of()
    assert len({row_key(cell) for cell in others}) == len(others)


def test_a_corpus_is_written_as_the_papers_do():
    assert (shown("UCFSports"), shown("DHF1K")) == ("UCF Sports", "DHF1K")


def test_things_are_gathered_in_the_order_in_which_their_kind_first_appears():
    assert gather([3, 1, 4, 1, 5, 9], lambda n: n % 2) == [(1, [3, 1, 1, 5, 9]), (0, [4])]
    assert gather([], len) == []
