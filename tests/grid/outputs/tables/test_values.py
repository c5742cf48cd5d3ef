"""The table of values: every cell in its place, the best marked, the paper's number beside ours."""

import math

import pytest

from grid.outputs.tables import Style
from grid.outputs.tables.formats.latex import latex
from grid.outputs.tables.formats.markdown import markdown
from grid.outputs.tables.table import Entry
from grid.results.ledger import Ledger
from grid.specs.plugins import load
from grid.specs.table import Variant
from grid.specs.tables.shown import Tables
from tests.grid.small_ledger import finish, finish_clips, small_plan, table_spec
from tests.grid.small_tables import COMMAND, fill, real_plan, rows_of, table_of
from tests.plugged import OURS


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def test_table5_has_the_papers_rows_and_columns(ledger):
    table = table_of(real_plan("domain_shift"), ledger)
    assert [(column.over, column.heading) for column in table.columns] == [
        (f"{metric} ↑", heading)
        for metric in ("NSS", "CC", "SIM", "AUC-J", "s-AUC")
        for heading in ("ours", "paper", "diff.")
    ]
    rows = rows_of(table)
    assert list(rows) == [
        (f"Source dataset: {source}", target, approach)
        for source, targets in (
            ("DHF1K", ("UCF Sports", "Hollywood2")),
            ("UCF Sports", ("DHF1K", "Hollywood2")),
            ("Hollywood2", ("DHF1K", "UCF Sports")),
        )
        for target in targets
        for approach in ("Domain Generalization", "Domain Adaptation", "Transfer Learning")
    ]
    # The paper's first and last row, from its page 18.
    printed = [entries[1::3] for entries in rows.values()]
    assert printed[0] == ["2.483", "0.537", "0.442", "0.890", "0.744"]
    assert printed[-1] == ["2.780", "0.576", "0.486", "0.887", "0.762"]
    assert {text for entries in rows.values() for text in (*entries[::3], *entries[2::3])} == {""}
    ((reason, cells),) = table.missing.reasons
    assert (reason, len(cells)) == ("not trained yet", 18)


def test_table7_has_the_papers_rows(ledger):
    table = table_of(real_plan("multi_source"), ledger)
    assert table.labels == ("Test dataset", "Approach")
    assert list(rows_of(table)) == [
        ("", test, approach)
        for test in ("DHF1K", "UCF Sports", "Hollywood2")
        for approach in ("Single-source", "Multi-source", "Domain-specific")
    ]
    assert rows_of(table)["", "UCF Sports", "Domain-specific"][1::3] == [
        *("3.114", "0.604", "0.507", "0.904", "0.768"),
    ]


def test_ablations_have_a_row_for_each_variant(ledger):
    rows = rows_of(table_of(real_plan("table3"), ledger))
    assert [row for _, _, row in rows] == [
        "conspicuity 4 (baseline)",
        "+ conspicuity 3",
        "+ conspicuity 2",
        "+ conspicuity 1",
        "+ multi-level loss (HD2S)",
    ]
    assert [entries[1] for entries in rows.values()] == ["2.602", "2.612", "2.699", "2.743", "2.806"]


def test_several_models_have_rows_beside_each_other_and_the_papers_numbers_stand_beside_its_own_model(ledger):
    load([OURS])
    models = ("hd2s", "tiny", "centre_prior")
    small = small_plan(table_spec(models=models, sources=("DHF1K",), approaches=("generalization",)))
    for unit, nss in (("", 2.0), ("tiny-", 1.0)):
        finish(ledger, small, f"{unit}generalization-DHF1K-UCFSports-0", NSS=nss, CC=0.5)
    finish(ledger, small, "centre_prior-untrained-DHF1K-UCFSports-0", NSS=1.5, CC=0.25)
    table = table_of(small, ledger)
    where = ("Source dataset: DHF1K", "UCF Sports")
    assert rows_of(table) == {
        (*where, "HD2S, Domain Generalization"): ["2.000", "2.483", "−0.483", "0.500", "0.537", "−0.037"],
        (*where, "Tiny, Domain Generalization"): ["1.000", "", "", "0.500", "", ""],
        (*where, "Centre prior"): ["1.500", "", "", "0.250", "", ""],
    }
    marks = [row.entries[0].mark for row in table.blocks[0].groups[0].rows]
    assert marks == ["best", "", "second"], "all of them compete"
    assert [(r["model"], r["approach"], r["paper"]) for r in table.records if r["metric"] == "NSS"] == [
        ("hd2s", "generalization", 2.483),
        ("tiny", "generalization", None),
        ("centre_prior", "untrained", None),
    ]


def test_values_are_the_means_over_frames_beside_the_papers_and_the_difference(ledger):
    small = small_plan(table_spec())
    fill(ledger, small)
    rows = rows_of(table_of(small, ledger))
    where = ("Source dataset: DHF1K", "UCF Sports")
    assert rows[*where, "Domain Generalization"] == ["2.000", "2.483", "−0.483", "0.500", "0.537", "−0.037"]
    assert rows[*where, "Transfer Learning"] == ["1.000", "3.001", "−2.001", "", "0.594", ""]


@pytest.mark.parametrize(
    ("paper", "shown"), [("difference", ["2.000", "−0.483", "0.500", "−0.037"]), ("none", ["2.000", "0.500"])]
)
def test_the_papers_numbers_can_be_left_out(ledger, paper, shown):
    small = small_plan(table_spec())
    fill(ledger, small)
    table = table_of(small, ledger, Style(Tables(paper=paper), COMMAND))
    assert rows_of(table)["Source dataset: DHF1K", "UCF Sports", "Domain Generalization"] == shown
    assert all(("Paper: Table 5" in text) == (paper != "none") for text in (markdown(table), latex(table)))
    assert table.records[0]["paper"] == 2.483, "the CSV has them all the same"


def test_best_and_second_are_marked_ours_and_the_papers_apart(ledger):
    small = small_plan(table_spec())
    fill(ledger, small)
    (to_ucf,) = table_of(small, ledger).blocks[0].groups
    marks = [[entry.mark for entry in row.entries] for row in to_ucf.rows]
    # 0.5004 and 0.4996 are printed alike, so both are the best.
    assert [row[0] for row in marks] == ["second", "best", ""]
    assert [row[3] for row in marks] == ["best", "best", ""]
    assert [row[1] for row in marks] == ["", "second", "best"]
    assert {row[2] for row in marks} == {""}


def test_one_value_alone_is_not_the_best_and_the_worse_of_two_not_the_second(ledger):
    small = small_plan(table_spec(metrics=("NSS",), paper=""))
    finish(ledger, small, "generalization-DHF1K-UCFSports-0", NSS=2.0)
    finish(ledger, small, "adaptation-DHF1K-UCFSports-0", NSS=1.0)
    finish(ledger, small, "generalization-UCFSports-DHF1K-0", NSS=1.0)
    table = table_of(small, ledger)
    marks = [[row.entries[0].mark for row in group.rows] for block in table.blocks for group in block.groups]
    assert marks == [["best", "", ""], ["", "", ""]]


def test_a_lower_kld_is_better(ledger):
    small = small_plan(table_spec(metrics=("KLD",), paper=""))
    for approach, kld in (("generalization", 2.0), ("adaptation", 1.0), ("transfer", 3.0)):
        finish(ledger, small, f"{approach}-DHF1K-UCFSports-0", KLD=kld)
    table = table_of(small, ledger)
    (group,) = table.blocks[0].groups
    assert [row.entries[0].mark for row in group.rows] == ["second", "best", ""]
    assert [column.heading for column in table.columns] == ["KLD ↓"]


def test_several_seeds_give_mean_and_sample_deviation_and_each_missing_one_is_named(ledger):
    small = small_plan(table_spec(seeds=(0, 1, 2)))
    finish(ledger, small, "adaptation-DHF1K-UCFSports-0", NSS=1.0, CC=0.5)
    finish(ledger, small, "adaptation-DHF1K-UCFSports-2", NSS=2.0, CC=0.25)
    finish(ledger, small, "transfer-DHF1K-UCFSports-1", NSS=3.0, CC=0.5)
    table = table_of(small, ledger)
    rows = rows_of(table)
    where = ("Source dataset: DHF1K", "UCF Sports")
    # Of two values a half apart, the sample standard deviation is their distance over the root of two.
    assert rows[*where, "Domain Adaptation"][::3] == ["1.500 ± 0.707 (2/3)", "0.375 ± 0.177 (2/3)"]
    assert rows[*where, "Transfer Learning"][::3] == ["3.000 (1/3)", "0.500 (1/3)"], "one has no spread"
    ((_, cells),) = table.missing.reasons
    assert (table.missing.total, len(cells)) == (18, 15)
    assert "DHF1K to UCF Sports, Domain Adaptation, seed 1" in cells
    assert "DHF1K to UCF Sports, Domain Adaptation, seed 0" not in cells
    text = markdown(table)
    assert "over the seeds 0, 1, 2." in text
    assert "(n/m): over n of m seeds" in text
    assert "is not ranked" in text
    marks = {
        entry.mark for group in table.blocks[0].groups for row in group.rows for entry in row.entries[::3]
    }
    assert marks == {""}, "three seeds are not compared with one"
    records = [record for record in table.records if record["metric"] == "NSS" and record["n_seeds"]]
    assert [(r["approach"], r["n_seeds"], r["of_seeds"]) for r in records] == [
        ("adaptation", 2, 3),
        ("transfer", 1, 3),
    ]


def test_rows_over_the_same_part_of_the_seeds_are_ranked(ledger):
    small = small_plan(table_spec(seeds=(0, 1, 2), metrics=("NSS",)))
    for approach, nss in (("generalization", 1.0), ("adaptation", 2.0)):
        finish(ledger, small, f"{approach}-DHF1K-UCFSports-1", NSS=nss)
    table = table_of(small, ledger)
    (group,) = table.blocks[0].groups
    assert [row.entries[0].mark for row in group.rows] == ["", "best", ""]
    assert "is not ranked" not in markdown(table)
    finish(ledger, small, "generalization-DHF1K-UCFSports-0", NSS=1.0)
    (group,) = table_of(small, ledger).blocks[0].groups
    assert [row.entries[0].mark for row in group.rows] == ["", "", ""]
    for seed in (0, 2):
        finish(ledger, small, f"adaptation-DHF1K-UCFSports-{seed}", NSS=2.0)
        finish(ledger, small, f"generalization-DHF1K-UCFSports-{seed}", NSS=1.0)
    finish(ledger, small, "transfer-DHF1K-UCFSports-0", NSS=3.0)
    (group,) = table_of(small, ledger).blocks[0].groups
    assert [row.entries[0].mark for row in group.rows] == ["", "best", ""], "the whole ones are"


def test_a_metric_that_lacks_a_seed_says_so_alone(ledger):
    small = small_plan(table_spec(seeds=(0, 1)))
    finish(ledger, small, "adaptation-DHF1K-UCFSports-0", NSS=1.0, CC=0.5)
    finish(ledger, small, "adaptation-DHF1K-UCFSports-1", NSS=1.0, CC=math.nan)
    row = rows_of(table_of(small, ledger))["Source dataset: DHF1K", "UCF Sports", "Domain Adaptation"]
    assert row[::3] == ["1.000 ± 0.000", "0.500 (1/2)"]


def test_rows_that_differ_in_their_sources_alone_stay_apart(ledger):
    single = table_spec(targets=(), tests=("Hollywood2",), approaches=("single-source",), paper="")
    small = small_plan(single)
    finish(ledger, small, "single-source-DHF1K-Hollywood2-0", NSS=1.0, CC=0.5)
    finish(ledger, small, "single-source-UCFSports-Hollywood2-0", NSS=3.0, CC=0.5)
    assert rows_of(table_of(small, ledger)) == {
        ("", "Hollywood2", "Single-source (DHF1K)"): ["1.000", "0.500"],
        ("", "Hollywood2", "Single-source (UCF Sports)"): ["3.000", "0.500"],
    }


def test_variants_of_several_approaches_are_named_with_them(ledger):
    variants = (Variant(""), Variant("slow", ("train.lr=0.1",)))
    small = small_plan(
        table_spec(variants=variants, sources=("DHF1K",), approaches=("generalization", "adaptation"))
    )
    assert [row for _, _, row in rows_of(table_of(small, ledger))] == [
        "Domain Generalization",
        "Domain Adaptation",
        "Domain Generalization, slow",
        "Domain Adaptation, slow",
    ]


def test_without_a_paper_there_are_only_our_columns(ledger):
    small = small_plan(table_spec(paper=""))
    fill(ledger, small)
    table = table_of(small, ledger)
    assert [column.heading for column in table.columns] == ["NSS ↑", "CC ↑"]
    assert not [note for note in table.notes if "paper" in note.lower()]
    assert table.blocks[0].groups[0].rows[0].entries == (
        Entry("2.000", mark="second"),
        Entry("0.500", mark="best"),
    )


@pytest.mark.parametrize("lacking", ["one", "different", "same"])
def test_values_over_other_clips_are_signed_and_not_ranked(ledger, lacking):
    """Each approach scores clips of one frame: a hard one that it may have been spared, and easy ones."""
    plan = small_plan(table_spec(metrics=("NSS",), sources=("DHF1K",), paper=""))
    clips = {"a": 3.0, "b": 2.0, "hard": 0.0}
    spared = {"one": ("hard", ""), "different": ("hard", "a"), "same": ("hard", "hard")}[lacking]
    for word, gone in zip(("adaptation", "transfer"), spared, strict=True):
        scores = {clip: nss for clip, nss in clips.items() if clip != gone}
        summary = {"unread": {gone: "gone"}} if gone else {}
        finish_clips(ledger, plan, f"{word}-DHF1K-UCFSports-0", summary, NSS=scores)
    finish_clips(ledger, plan, "generalization-DHF1K-UCFSports-0", NSS=clips | {"a": 2.0})
    (group,) = table_of(plan, ledger).blocks[0].groups
    found = [(entry.text, entry.sign, entry.mark) for row in group.rows for entry in row.entries]
    expected = {
        "one": [("1.333", "", ""), ("2.500", "†", ""), ("1.667", "", "best")],
        "different": [("1.333", "", ""), ("2.500", "†", ""), ("1.000", "†", "")],
        "same": [("1.333", "", ""), ("2.500", "†", ""), ("2.500", "†", "")],
    }[lacking]
    assert found == expected
    assert "is not ranked" in markdown(table_of(plan, ledger))
    if lacking == "same":
        finish_clips(
            ledger,
            plan,
            "generalization-DHF1K-UCFSports-0",
            {"unread": {"hard": "gone"}},
            NSS={"a": 2.0, "b": 2.0},
        )
        table = table_of(plan, ledger)
        (group,) = table.blocks[0].groups
        assert [row.entries[0].mark for row in group.rows] == ["", "best", "best"], "on equal terms again"
        assert "is not ranked" not in markdown(table)


def test_values_over_other_clips_are_not_ranked_whyever_they_are(ledger):
    """A clip may be quarantined for one evaluation and usable for a later one."""
    plan = small_plan(table_spec(metrics=("NSS",), sources=("DHF1K",), paper=""))
    clips = {"a": 3.0, "b": 2.0, "hard": 0.0}
    for word in ("adaptation", "transfer"):
        finish_clips(ledger, plan, f"{word}-DHF1K-UCFSports-0", NSS=clips)
    finish_clips(
        ledger, plan, "generalization-DHF1K-UCFSports-0", {"quarantined": 1}, NSS={"a": 3.0, "b": 2.0}
    )
    (group,) = table_of(plan, ledger).blocks[0].groups
    entries = [row.entries[0] for row in group.rows]
    assert [(entry.sign, entry.mark) for entry in entries] == [("†", ""), ("", "best"), ("", "best")]
