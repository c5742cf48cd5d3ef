"""What values do not stand on: a sign at the value, and a note of which clips or seeds are missing."""

from dataclasses import replace
from math import nan

import pytest

from grid.outputs.tables.below.footnotes import DAGGER, DOUBLE_DAGGER, clip_notes, mixture_notes, share, sign
from grid.outputs.tables.formats.markdown import markdown
from grid.outputs.tables.scores import Results
from grid.results.ledger import Ledger
from grid.specs.settings import Test
from tests.grid.small_ledger import finish, finish_clips, small_plan, table_spec
from tests.grid.small_tables import table_of


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def test_test_clips_that_no_number_speaks_of_are_counted_and_named(ledger):
    plan = small_plan(table_spec())
    left_out = {"unread": {"clip c": "expected 20 frames, found 3"}, "quarantined": 2}
    finish(ledger, plan, "adaptation-DHF1K-UCFSports-0", summary=left_out, NSS=1.0, CC=0.5)
    finish(ledger, plan, "generalization-DHF1K-UCFSports-0", NSS=1.0, CC=0.5)
    table = table_of(plan, ledger)
    text = markdown(table)
    assert (
        "† 1 of 3 test clips of UCF Sports could not be read and is left out (clip c):"
        " DHF1K to UCF Sports, Domain Adaptation."
    ) in text
    assert "† 2 test clips of UCF Sports are quarantined by the index and left out of its values." in text
    records = {r["approach"]: r for r in table.records if r["target"] == "UCFSports" and r["metric"] == "NSS"}
    counts = {
        word: tuple(record[key] for key in ("n_clips", "n_unread", "n_quarantined"))
        for word, record in records.items()
    }
    assert counts == {
        "generalization": (2, 0, 0),
        "adaptation": (2, 1, 2),
        "transfer": (None, None, None),
    }


def test_values_that_were_not_computed_alike_say_what_differs(ledger):
    """Two threads changed a score by 1.4e-4, another batch by 2.6e-5, and no table said so."""
    plan = small_plan(table_spec())
    one = {"device": "CPU", "threads": 1, "batch": 16, "torch": "2.9"}
    for approach, by in (
        ("adaptation", one),
        ("generalization", one | {"threads": 2, "batch": 1}),
        ("transfer", {}),
    ):
        unit, summary = f"{approach}-DHF1K-UCFSports-0", {"computed": [by]} if by else {}
        finish(ledger, plan, unit, summary=summary, NSS=1.0, CC=0.5)
        notes = mixture_notes(plan.cells, Results(plan, ledger))
        if approach == "adaptation":
            assert notes == []
    assert notes == ["Not all values were computed alike: threads 1, 2 (tested); batch 1, 16 (tested)."]
    assert notes[0] in markdown(table_of(plan, ledger))


def test_a_footnote_names_no_more_clips_than_can_be_read(ledger):
    plan = small_plan(table_spec())
    unread = {"unread": {f"clip {n:03}": "gone" for n in range(200)}}
    finish(ledger, plan, "adaptation-DHF1K-UCFSports-0", summary=unread, NSS=1.0, CC=0.5)
    text = markdown(table_of(plan, ledger))
    assert "200 of 202 test clips" in text
    assert "clip 009 and 190 more)" in text
    assert "clip 010" not in text


def test_cells_that_lack_the_same_clips_share_a_note(ledger):
    plan = small_plan(table_spec())
    for approach in ("generalization", "adaptation"):
        unread = {"unread": {"clip c": "gone"}}
        finish(ledger, plan, f"{approach}-DHF1K-UCFSports-0", summary=unread, NSS=1.0, CC=0.5)
    (note,) = clip_notes(plan.cells, Results(plan, ledger), plan.tables[0])
    assert note.endswith(
        "(clip c): DHF1K to UCF Sports, Domain Generalization; DHF1K to UCF Sports, Domain Adaptation."
    )


def test_whole_values_have_neither_sign_nor_note(ledger):
    plan = small_plan(table_spec())
    finish(ledger, plan, "adaptation-DHF1K-UCFSports-0", NSS=1.0, CC=0.5)
    results = Results(plan, ledger)
    assert clip_notes(plan.cells, results, plan.tables[0]) == []
    assert sign([scores for cell in plan.cells if (scores := results.scores(cell))]) == ""


@pytest.mark.parametrize("summary", [{"unread": {"clip c": "gone"}}, {"quarantined": 1}])
def test_one_seed_that_lacks_a_clip_signs_the_value(ledger, summary):
    plan = small_plan(table_spec(seeds=(0, 1)))
    finish(ledger, plan, "adaptation-DHF1K-UCFSports-0", NSS=1.0, CC=0.5)
    finish(ledger, plan, "adaptation-DHF1K-UCFSports-1", summary=summary, NSS=1.0, CC=0.5)
    results = Results(plan, ledger)
    assert sign([scores for cell in plan.cells if (scores := results.scores(cell))]) == DAGGER


def test_frames_that_are_predicted_constant_are_signed_and_counted_for_each_seed(ledger):
    plan = small_plan(table_spec(seeds=(0, 1)))
    finish(ledger, plan, "adaptation-DHF1K-UCFSports-0", NSS=1.0, CC=0.5)
    finish(ledger, plan, "adaptation-DHF1K-UCFSports-1", summary={"constant": 3}, NSS=0.1, CC=0.1)
    table = table_of(plan, ledger)
    text = markdown(table)
    assert f"0.550{DOUBLE_DAGGER} ± 0.636" in text, "the collapsed seed is in the mean"
    assert (
        "‡ 3 of 4 frames of UCF Sports are predicted constant (one value in the whole map, after 8 bits) and"
        " count as chance: DHF1K to UCF Sports, Domain Adaptation, seed 1."
    ) in text
    record = next(r for r in table.records if r["approach"] == "adaptation" and r["mean"])
    assert (record["n_seeds"], record["n_constant"]) == (2, 3)
    results = Results(plan, ledger)
    lacking = results.scores(plan.cells[0]) or results.scores_of(plan.cells)[0]
    assert sign([lacking._replace(quarantined=1, constant=1)]) == DAGGER + DOUBLE_DAGGER


@pytest.mark.parametrize(("n", "wanted", "told"), [(0, 3, ""), (1, 3, "(1/3)"), (3, 3, ""), (1, 1, "")])
def test_a_share_of_the_seeds_is_said_where_some_are_missing(n, wanted, told):
    assert share(n, wanted) == told


def test_a_table_says_which_clips_are_too_short_for_its_tests(ledger):
    """HD2S's first version, Sect. 4.1: those of fewer than 16 frames."""
    plan = small_plan(table_spec())
    tested = Test(min_frames=16)
    for name, unit in plan.evaluations.items():
        plan.evaluations[name] = replace(unit, spec=replace(unit.spec, protocol=tested))
    for approach in ("generalization", "adaptation"):
        finish(ledger, plan, f"{approach}-DHF1K-UCFSports-0", summary={"shorter": 3}, NSS=1.0, CC=0.5)
    table = table_of(plan, ledger)
    assert "UCF Sports: 2 test clips; 3 of fewer than 16 frames are left out." in markdown(table)
    assert {record["n_shorter"] for record in table.records if record["mean"] is not None} == {3}


def test_values_over_fewer_frames_are_told_and_not_ranked(ledger):
    plan = small_plan(table_spec(sources=("DHF1K",), targets=("UCFSports",), paper=""))
    of_cc = ({"a": 0.5, "b": 0.1}, {"a": 0.9, "b": nan}, {"a": 0.4, "b": 0.1})
    for unit, cc in zip(plan.trainings, of_cc, strict=True):
        finish_clips(ledger, plan, unit, NSS={"a": 1.0, "b": 1.0}, CC=cc)
    table = table_of(plan, ledger)
    text = markdown(table)
    told = "CC is undefined on 1 of 2 frames of UCF Sports, which is left out of its mean: "
    assert f"{told}DHF1K to UCF Sports, Domain Adaptation." in text
    (rows,) = [group.rows for block in table.blocks for group in block.groups]
    assert [row.entries[1].mark for row in rows] == ["best", "", ""]
    assert "A value over fewer seeds, clips or frames" in text


def test_one_quarantined_clip_is_no_plural(ledger):
    plan = small_plan(table_spec())
    finish(ledger, plan, "adaptation-DHF1K-UCFSports-0", summary={"quarantined": 1}, NSS=1.0, CC=0.5)
    assert "† 1 test clip of UCF Sports is quarantined by the index" in markdown(table_of(plan, ledger))
