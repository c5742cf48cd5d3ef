"""Whose validation chooses the weights that a cell shows: from the same training, whatever the words."""

import pytest

from grid.plan import CorpusDigest, Criterion
from grid.planning import planner
from grid.specs import grid_reader
from manifests.digests import Digests
from manifests.problem import ProblemError
from tests.grid.plans import DIGESTS, configuring, of_approach, plan_of

ALL = "select=[source,target,leave-one-out,last]"


def val(*corpora):
    return Criterion(tuple(CorpusDigest(name, DIGESTS[name]["val"]) for name in corpora))


def chosen(plan, approach, variant):
    """Of the cells of an approach in a variant: (source, target) → what chooses."""
    return {
        (cell.sources[0], cell.target): plan.evaluations[cell.evaluation].spec.selection
        for cell in plan.cells
        if cell.approach == approach and cell.variant == variant
    }


def test_every_selection_is_of_the_same_trainings():
    plain, plan = plan_of("controls"), plan_of("controls", ALL)
    assert [*plan.trainings] == [*plain.trainings]
    assert plain.evaluations.keys() < plan.evaluations.keys()
    ours = [cell for cell in plan.cells if not cell.variant]
    assert sorted(cell.id for cell in ours) == sorted(cell.id for cell in plain.cells)
    assert not any(unit.kept for unit in plain.trainings.values())


def test_the_words_are_the_corpora_of_a_cell():
    plan = plan_of("table5", ALL)
    pair = ("DHF1K", "UCFSports")
    assert chosen(plan, "generalization", "")[pair] is None
    assert chosen(plan, "generalization", "target selection (oracle)")[pair] == val("UCFSports")
    assert chosen(plan, "generalization", "leave-one-out selection")[pair] == val("Hollywood2")
    assert chosen(plan, "generalization", "last weights")[pair] == Criterion()
    # What is fine-tuned on the target is selected by the target anyway.
    assert chosen(plan, "transfer", "target selection (oracle)")[pair] is None


def test_a_training_keeps_all_that_its_cells_may_show_and_watches_every_corpus_of_its_table():
    plan = plan_of("table5", "select=target")
    training = of_approach(plan, "generalization")[0]
    assert training.sources == ("DHF1K",)
    assert set(training.kept) == {val("UCFSports"), val("Hollywood2"), Criterion()}
    assert [corpus.corpus for _, corpus in training.validated] == ["DHF1K", "UCFSports", "Hollywood2"]
    read = {(read.corpus, read.split) for read, maps in training.reads.items() if maps}
    assert read == {("DHF1K", "train"), ("DHF1K", "val"), ("UCFSports", "val"), ("Hollywood2", "val")}


def test_what_has_no_choice_has_one_row():
    plan = plan_of("controls", ALL)
    for approach in ("adabn", "untrained"):
        assert {cell.variant for cell in plan.cells if cell.approach == approach} == {""}
    last = plan_of("table5", ALL, "train.selection=last")
    assert {cell.variant for cell in last.cells} == {""}
    assert not any(unit.kept for unit in last.trainings.values())


def test_a_student_is_shown_beside_its_teacher_from_one_training_where_there_is_one():
    plan = plan_of("alignment", "select=[source,student]")
    told = {cell.approach for cell in plan.cells if cell.variant == "student"}
    assert told == {"mean-teacher"}
    student = next(iter(chosen(plan, "mean-teacher", "student").values()))
    assert student == Criterion(val("DHF1K").corpora, "student")
    (training, *_) = of_approach(plan, "mean-teacher")
    assert ("student", training.spec.validation) in training.validated
    assert student.name.startswith("student-by-dhf1k-")


def test_other_validation_clips_are_another_evaluation():
    edited = DIGESTS | {"UCFSports": DIGESTS["UCFSports"] | {"val": "others"}}
    before, after = (plan_of("table5", "select=target", digests=d) for d in (DIGESTS, edited))
    one, other = (
        next(cell for cell in plan.cells if (cell.approach, cell.target) == ("generalization", "UCFSports"))
        for plan in (before, after)
    )
    assert one.training == other.training
    assert one.evaluation != other.evaluation


def test_a_corpus_without_validation_clips_is_left_out_or_told_where_it_is_to_choose():
    nothing = Digests("Hollywood2").of_splits()["val"]
    without = DIGESTS | {"Hollywood2": DIGESTS["Hollywood2"] | {"val": nothing}}
    spec = grid_reader.load("table5", grid_reader.Instead(select=("source", "target")))
    _, problems = planner.draft(spec, configuring(["model.backbone_weights=none"]), without, {})
    assert [str(problem) for problem in problems] == [
        "table5, select=target: expected validation clips of Hollywood2, found none. Leave the word out, or"
        " add a corpus to the tests."
    ]
    spec = grid_reader.load("table5", grid_reader.Instead(select=("leave-one-out",)))
    with pytest.raises(ProblemError, match="a corpus of the table that is neither DHF1K nor UCFSports"):
        planner.make(spec, configuring(["model.backbone_weights=none"]), without, {})


def test_labels_tell_two_selections_apart():
    labels = [unit.label for unit in plan_of("table5", ALL).evaluations.values()]
    assert len(set(labels)) == len(labels)
    assert "generalization DHF1K on UCFSports, selected by UCFSports" in labels


@pytest.mark.parametrize(("word", "told"), [("DHF1k", "Did you mean DHF1K"), ("LEDOV", "Available: DHF1K")])
def test_a_validation_source_that_no_training_has_is_told(word, told):
    with pytest.raises(ProblemError, match=f"train.validation_source.*'{word}'.*{told}") as error:
        plan_of("table7", f"train.validation_source={word}")
    assert len(error.value.problems) == 1


def test_a_protocol_asks_for_its_source_where_there_is_one(tmp_path):
    table = "title: T\nmetrics: [NSS]\nsources: [UCFSports]\ntests: [LEDOV]\napproaches: [generalization]\n"
    (tmp_path / "mine.yaml").write_text(f"name: mine\n{table}")
    (alone,) = plan_of(tmp_path / "mine.yaml", "model=unisal", "train.protocol=released").trainings.values()
    assert alone.spec.validation.corpus == "UCFSports"
