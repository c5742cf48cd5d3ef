"""Comparisons of pairs: differences clip by clip, their interval and test, and what is undefined."""

import csv
import math
from dataclasses import replace

import numpy as np
import pytest

from grid.outputs.tables import compile_tables
from grid.outputs.tables.comparing.significance import build, differences
from grid.outputs.tables.scores import Results
from grid.results.ledger import Ledger
from grid.specs.plugins import load
from grid.specs.table import Variant
from tests.grid.small_ledger import finish, finish_clips, finish_training, small_plan, table_spec
from tests.grid.small_tables import STYLE, real_plan
from tests.plugged import OURS

PLAIN, ADAPTED = "generalization-DHF1K-UCFSports-0", "adaptation-DHF1K-UCFSports-0"


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def pair(**changes):
    fields = {"sources": ("DHF1K",), "targets": ("UCFSports",), "metrics": ("NSS",), "paper": ""}
    return small_plan(table_spec(**{**fields, **changes}))


def records(small, ledger):
    return build(small.tables[0], Results(small, ledger), STYLE).records


def groups(small, ledger):
    blocks = build(small.tables[0], Results(small, ledger), STYLE).blocks
    return [group.label for block in blocks for group in block.groups]


def entries(small, ledger):
    """The texts and marks of the only row."""
    table = build(small.tables[0], Results(small, ledger), STYLE)
    ((row,),) = [group.rows for block in table.blocks for group in block.groups]
    return [entry.text for entry in row.entries], row.entries[1].mark


def test_clips_are_paired_by_name_and_only_those_that_both_models_have_a_score_for(ledger):
    small = pair()
    finish_clips(ledger, small, PLAIN, NSS={"a": 1.0, "b": 2.0, "c": math.nan, "d": 5.0})
    finish_clips(ledger, small, ADAPTED, NSS={"a": 1.5, "b": 2.25, "c": 3.0, "d": math.nan})
    (record,) = records(small, ledger)
    assert (record["approach"], record["minus"]) == ("adaptation", "generalization")
    assert (record["n_clips"], record["difference"]) == (2, 0.375)


def test_of_many_pairs_each_is_named_above_its_rows_and_where_it_is_missing(ledger):
    """They all stood in the title, and a place that three of them lacked was told three times alike."""
    small = pair(compare="all")
    finish_clips(ledger, small, PLAIN, NSS={"a": 1.0, "b": 2.0})
    finish_clips(ledger, small, ADAPTED, NSS={"a": 2.0, "b": 3.0})
    table = build(small.tables[0], Results(small, ledger), STYLE)
    assert table.title == f"{small.tables[0].title}: differences"
    above = [f"Transfer Learning minus {plain}" for plain in ("Domain Generalization", "Domain Adaptation")]
    assert [block.heading.partition(". ")[0] for block in table.blocks][1:] == above
    ((_, places),) = table.missing.reasons
    assert places == tuple(f"{title}, DHF1K to UCF Sports" for title in above)


def test_places_that_differ_in_their_sources_alone_name_them(ledger):
    """Two groups of one name followed each other."""
    approaches = ("multi-source", "domain-specific")
    places = {"sources": ("DHF1K", "Hollywood2"), "targets": (), "tests": ("UCFSports",)}
    small = pair(
        models=("hd2s", "tased"), approaches=("single-source",), compare=(("tased", "hd2s"),), **places
    )
    assert groups(small, ledger) == [
        "UCF Sports, Single-source (DHF1K)",
        "UCF Sports, Single-source (Hollywood2)",
    ]
    assert groups(pair(approaches=approaches, **places), ledger) == ["UCF Sports"]


def test_each_sign_is_explained_once(ledger):
    """‡ stood beside numbers of clips, and nothing said what it is; a cell of two pairs was told twice."""
    small = pair(compare="all")
    for approach in ("generalization", "adaptation", "transfer"):
        summary = {"constant": 1, "unread": {"c": "gone"}} if approach == "generalization" else {}
        finish_clips(ledger, small, f"{approach}-DHF1K-UCFSports-0", summary, NSS={"a": 1.0, "b": 2.0})
    table = build(small.tables[0], Results(small, ledger), STYLE)
    signs = {row.entries[0].sign for block in table.blocks for group in block.groups for row in group.rows}
    assert signs == {"†‡", ""}
    for mark in "†‡":
        (note,) = [note for note in table.notes if note.startswith(mark)]
        assert note.endswith(": DHF1K to UCF Sports, Domain Generalization.")


def test_a_model_is_compared_with_itself_and_named_where_there_are_several(ledger):
    load([OURS])
    alone = pair(models=("hd2s", "centre_prior"))
    assert groups(alone, ledger) == ["UCF Sports"]
    small = pair(models=("hd2s", "tiny", "centre_prior"))
    finish_clips(ledger, small, PLAIN, NSS={"a": 1.0, "b": 2.0})
    finish_clips(ledger, small, ADAPTED, NSS={"a": 2.0, "b": 3.0})
    assert groups(small, ledger) == ["UCF Sports, HD2S", "UCF Sports, Tiny"]
    found = {record["model"]: (record["n_clips"], record["difference"]) for record in records(small, ledger)}
    assert found == {"hd2s": (2, 1.0), "tiny": (0, None)}
    ((_, places),) = build(small.tables[0], Results(small, ledger), STYLE).missing.reasons
    assert places == ("DHF1K to UCF Sports, Tiny",)


def test_models_are_compared_that_differ_in_nothing_else(ledger):
    load([OURS])
    asked = {"approaches": ("generalization", "adaptation"), "models": ("hd2s", "tiny")}
    small = pair(**asked, compare=(("tiny", "hd2s"), ("adaptation", "generalization")))
    for unit, value in ((PLAIN, 1.0), (ADAPTED, 2.0), (f"tiny-{PLAIN}", 4.0), (f"tiny-{ADAPTED}", 8.0)):
        finish_clips(ledger, small, unit, NSS={"a": value, "b": value})
    found = [
        (record["compared"], record["model"], record["approach"], record["minus"], record["difference"])
        for record in records(small, ledger)
    ]
    assert found == [
        ("approach", "hd2s", "adaptation", "generalization", 1.0),
        ("approach", "tiny", "adaptation", "generalization", 4.0),
        ("model", "tiny", "generalization", "hd2s", 3.0),
        ("model", "tiny", "adaptation", "hd2s", 6.0),
    ]
    blocks = build(small.tables[0], Results(small, ledger), STYLE).blocks
    assert [block.heading.partition(".")[0] for block in blocks] == [
        "Domain Adaptation minus Domain Generalization",
        "Tiny minus HD2S",
    ]
    assert groups(small, ledger)[2:] == ["UCF Sports, Domain Generalization", "UCF Sports, Domain Adaptation"]
    assert differences(small.tables[0], Results(small, ledger)).keys() == {ADAPTED, f"tiny-{ADAPTED}"}


def test_what_is_fitted_at_once_is_compared_with_models_of_each_approach(ledger):
    asked = {"approaches": ("generalization", "adaptation"), "models": ("hd2s", "centre_prior", "chance")}
    small = pair(**asked, compare=(("hd2s", "centre_prior"), ("centre_prior", "chance")))
    fitted = [f"{word}-untrained-DHF1K-UCFSports-0" for word in ("centre_prior", "chance")]
    for unit, value in zip((PLAIN, ADAPTED, *fitted), (4.0, 8.0, 1.0, 0.0), strict=True):
        finish_clips(ledger, small, unit, NSS={"a": value, "b": value})
    found = [
        (record["model"], record["approach"], record["minus"], record["difference"])
        for record in records(small, ledger)
    ]
    assert found == [
        ("hd2s", "generalization", "centre_prior", 3.0),
        ("hd2s", "adaptation", "centre_prior", 7.0),
        ("centre_prior", "untrained", "chance", 1.0),
    ]


def test_rows_are_compared_by_their_labels_and_what_lacks_values_is_named(ledger):
    rows = (Variant("full"), Variant("w/o priors", ("model.priors=false",)))
    small = pair(variants=rows, approaches=("generalization",), compare=(("full", "w/o priors"),))
    full, without = (f"generalization-DHF1K-UCFSports-{row.label}-0" for row in rows)
    finish_clips(ledger, small, full, NSS={"a": 3.0, "b": 5.0})
    ((told, _),) = build(small.tables[0], Results(small, ledger), STYLE).missing.reasons
    assert told.startswith("w/o priors: ")
    finish_clips(ledger, small, without, NSS={"a": 1.0, "b": 2.0})
    (record,) = records(small, ledger)
    assert (record["variant"], record["minus"], record["difference"]) == ("full", "w/o priors", 2.5)
    assert differences(small.tables[0], Results(small, ledger)) == {}


def test_a_result_that_two_rows_share_is_not_compared_with_itself(ledger, tmp_path):
    """It lay 0.000 from itself, and p of all others was corrected for that comparison too."""
    table = "title: T\nmetrics: [NSS]\nsources: [DHF1K]\ntargets: [UCFSports]\n"
    rows = "approaches: [generalization, mmd]\nvariants: {full: {}, weak: {approach.mmd.weight: 0.1}}\n"
    (tmp_path / "mine.yaml").write_text(f"name: mine\n{table}{rows}compare: [[full, weak]]\n")
    (record,) = records(real_plan(str(tmp_path / "mine.yaml")), ledger)
    assert (record["approach"], record["variant"], record["minus"]) == ("mmd", "full", "weak")


def test_each_clip_weighs_the_same_however_long_it_is(ledger):
    small = pair(metrics=("NSS", "CC"))
    finish(ledger, small, PLAIN, NSS=1.0, CC=0.25)
    finish(ledger, small, ADAPTED, NSS=1.5, CC=0.0)
    nss, cc = records(small, ledger)
    assert (nss["metric"], nss["n_clips"], nss["difference"]) == ("NSS", 2, pytest.approx(0.5))
    assert (cc["metric"], cc["difference"]) == ("CC", pytest.approx(-0.25))


def test_seeds_are_averaged_for_each_clip_before_anything_else(ledger):
    small = pair(seeds=(0, 1))
    finish_clips(ledger, small, PLAIN, NSS={"a": 1.0, "b": 1.0, "c": 1.0})
    finish_clips(ledger, small, ADAPTED, NSS={"a": 2.0, "b": 3.0, "c": 4.0})
    finish_clips(ledger, small, PLAIN[:-1] + "1", NSS={"a": 1.0, "b": 1.0, "c": math.nan})
    finish_clips(ledger, small, ADAPTED[:-1] + "1", NSS={"a": 0.0, "b": 2.0, "c": 4.0})
    (record,) = records(small, ledger)
    # The clip that one seed lacks is left out of both: a differs by 1 and -1, b by 2 and 1.
    assert (record["n_seeds"], record["n_clips"], record["difference"]) == (2, 2, 0.75)
    table = build(small.tables[0], Results(small, ledger), STYLE)
    assert "averaged over the seeds 0, 1" in table.notes[0]
    assert "and, with them, of the seeds" in table.notes[1]
    assert table.missing.count == "1 of 1 comparison has all its values."


def test_a_pair_without_results_keeps_its_place_and_has_its_reason(ledger):
    small = pair(seeds=(0, 1))
    finish_clips(ledger, small, PLAIN, NSS={"a": 1.0, "b": 1.0})
    finish_training(ledger, small.trainings[ADAPTED])
    assert entries(small, ledger) == ([""] * 6, "")
    table = build(small.tables[0], Results(small, ledger), STYLE)
    assert table.missing.reasons == (
        ("Domain Adaptation (seed 0): not evaluated yet", ("DHF1K to UCF Sports",)),
    )


def test_bold_only_what_interval_and_test_agree_on(ledger):
    small = pair()
    clips = [f"{n:02}" for n in range(20)]
    finish_clips(ledger, small, PLAIN, NSS=dict.fromkeys(clips, 1.0))
    finish_clips(ledger, small, ADAPTED, NSS={clip: 1.5 + int(clip) / 100 for clip in clips})
    (n, difference, interval, *p), mark = entries(small, ledger)
    assert (n, difference, p, mark) == ("20", "+0.595", ["<0.001"] * 3, "best")
    assert interval.startswith("[+0.5") and interval.endswith("]")
    few = {"a": 1.0, "b": 1.0}
    finish_clips(ledger, small, PLAIN, NSS=few)
    finish_clips(ledger, small, ADAPTED, NSS={"a": 2.0, "b": 2.0})
    assert entries(small, ledger) == (["2", "+1.000", "[+1.000, +1.000]", "0.500", "0.500", "0.500"], "")


def test_p_is_corrected_for_all_comparisons_of_the_table(ledger):
    small = pair(metrics=("NSS", "CC"))
    clips = [f"{n:02}" for n in range(20)]
    random = np.random.default_rng(1)
    for unit in (PLAIN, ADAPTED):
        scores = {m: dict(zip(clips, random.uniform(-1, 1, 20).tolist(), strict=True)) for m in ("NSS", "CC")}
        finish_clips(ledger, small, unit, **scores)
    found = records(small, ledger)
    p = sorted(record["p"] for record in found)
    assert sorted(record["p_holm"] for record in found) == sorted(
        [min(2 * p[0], 1), max(min(2 * p[0], 1), p[1])]
    )
    assert all(record["p"] <= record["p_fdr"] <= record["p_holm"] for record in found)
    told = differences(small.tables[0], Results(small, ledger))[ADAPTED]
    assert [told[m].p_holm for m in ("NSS", "CC")] == [record["p_holm"] for record in found]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((), ["adaptation-generalization"]),
        ((("transfer", "adaptation"),), ["transfer-adaptation"]),
        ("all", ["adaptation-generalization", "transfer-generalization", "transfer-adaptation"]),
    ],
)
def test_a_table_asks_for_the_pairs_that_it_compares(ledger, asked, expected):
    found = records(pair(compare=asked), ledger)
    assert [f"{record['approach']}-{record['minus']}" for record in found] == expected


def test_of_several_comparisons_of_a_cell_the_first_is_told(ledger):
    small = pair(compare="all")
    for unit, value in ((PLAIN, 1.0), (ADAPTED, 2.0), ("transfer-DHF1K-UCFSports-0", 4.0)):
        finish_clips(ledger, small, unit, NSS={"a": value, "b": value})
    found = differences(small.tables[0], Results(small, ledger))
    assert {unit: told["NSS"].difference for unit, told in found.items()} == {
        ADAPTED: 1.0,
        "transfer-DHF1K-UCFSports-0": 3.0,
    }


@pytest.mark.slow
def test_the_papers_pairs(ledger):
    """Table 5 has six, Table 6 two, Table 7 three; of the ablations none is."""
    plan = real_plan("everything")
    results = Results(plan, ledger)
    tables = {spec.name: build(spec, results, STYLE) for spec in plan.tables}
    assert {name: table and table.missing.total for name, table in tables.items()} == {
        "table3": None,
        "table4": None,
        "table5": 6,
        "table6": 2,
        "table7": 3,
        **{f"salgradnet_table{n}": 3 for n in range(3, 8)},
        **dict.fromkeys(("salgradnet_table8", "table1", "table2", *(f"tased_table{n}" for n in range(1, 6)))),
    }
    assert (
        tables["table7"].title == "Analysis of domain-specific learning: Domain-specific minus Multi-source"
    )
    places = [(r["sources"], r["test"]) for r in tables["table7"].records if r["metric"] == "NSS"]
    assert places == [("DHF1K+UCFSports+Hollywood2", test) for test in ("DHF1K", "UCFSports", "Hollywood2")]


def test_a_sweeps_chosen_points_are_compared(ledger):
    small = pair(sweep=(("train.lr", ("0.1", "0.01")),))
    for approach, value in (("generalization", 1.0), ("adaptation", 2.0)):
        for point, kld, shift in (("0.1", 2.0, 5.0), ("0.01", 1.0, 0.0)):
            unit = f"{approach}-DHF1K-UCFSports-{point}-0"
            sign = 1 if approach == "adaptation" else -1
            finish(ledger, small, unit, kld=kld, NSS=value + sign * shift)
    (record,) = records(small, ledger)
    assert record["difference"] == pytest.approx(1.0)
    notes = build(small.tables[0], Results(small, ledger), STYLE).notes
    assert any(note.startswith("train.lr=0.01: DHF1K to UCF Sports, Domain Gen") for note in notes)


def test_a_table_without_pairs_has_no_second_file(ledger):
    small = pair(approaches=("generalization", "transfer"))
    written = compile_tables(small, ledger, ledger.out, STYLE)
    assert {path.stem for path in written} == {"table5"}


def test_its_csv_has_a_line_for_each_pair_and_metric(ledger):
    small = pair(metrics=("NSS", "CC"))
    finish(ledger, small, PLAIN, NSS=1.0, CC=0.25)
    finish(ledger, small, ADAPTED, NSS=1.5, CC=math.nan)
    compile_tables(small, ledger, ledger.out, STYLE)
    with (ledger.out / "table5-significance.csv").open(newline="", encoding="utf-8") as file:
        nss, cc = csv.DictReader(file)
    assert (nss["metric"], nss["n_clips"], float(nss["low"])) == ("NSS", "2", pytest.approx(0.5))
    assert (cc["metric"], cc["n_clips"], cc["difference"], cc["p"]) == ("CC", "0", "", "")


def test_each_improving_cell_has_its_comparison_by_metric(ledger):
    small = pair(seeds=(0, 1))
    finish_clips(ledger, small, PLAIN, NSS={"a": 1.0, "b": 1.0, "c": 1.0})
    results = Results(small, ledger)
    assert differences(small.tables[0], results) == {}
    finish_clips(ledger, small, ADAPTED, NSS={"a": 2.0, "b": 3.0, "c": 4.0})
    found = differences(small.tables[0], Results(small, ledger))
    (adapted,) = {small_cell.approach for small_cell in small.cells if small_cell.id in found}
    assert adapted == "adaptation"
    assert {told["NSS"].difference for told in found.values()} == {2.0}


def test_a_seed_that_lacks_a_fold_is_not_counted(ledger):
    """Nothing of it is compared, since seeds would mix with clips; it said 3 of 4."""
    small = pair(seeds=(0, 1, 2, 3))
    cells = tuple(replace(cell, seed=cell.seed // 2, fold=cell.seed % 2 + 1) for cell in small.cells)
    small = replace(small, cells=cells)
    for n, clips in enumerate(({"a": 1.0, "b": 2.0}, {"c": 3.0, "d": 4.0}, {"a": 9.0, "b": 9.0})):
        finish_clips(ledger, small, f"{PLAIN[:-1]}{n}", NSS=clips)
        finish_clips(ledger, small, f"{ADAPTED[:-1]}{n}", NSS={clip: v + 0.5 for clip, v in clips.items()})
    record = build(small.tables[0], Results(small, ledger), STYLE).records[0]
    assert (record["n_seeds"], record["of_seeds"], record["n_clips"]) == (2, 4, 4)


def test_folds_are_put_together_since_each_clip_is_in_one_of_them(ledger):
    small = pair(seeds=(0, 1))
    cells = tuple(replace(cell, seed=0, fold=cell.seed + 1) for cell in small.cells)
    small = replace(small, cells=cells)
    for fold, clips in enumerate(({"a": 1.0, "b": 2.0}, {"c": 3.0, "d": 4.0, "e": 5.0})):
        finish_clips(ledger, small, f"{PLAIN[:-1]}{fold}", NSS=clips)
        finish_clips(ledger, small, f"{ADAPTED[:-1]}{fold}", NSS={clip: v + 0.5 for clip, v in clips.items()})
    (record,) = records(small, ledger)
    assert (record["n_clips"], record["difference"]) == (5, 0.5)
    assert (record["n_seeds"], record["of_seeds"]) == (2, 2)
