"""What people call cells and units: by place, row and, where there are any, folds."""

from dataclasses import replace

from grid.plan import ApproachSpec, Cell, CorpusDigest, Evaluation, EvaluationSpec, ModelSpec, TrainingSpec
from grid.planning.labels import folds_of, named, on_what
from grid.specs.settings import Test, Train
from manifests.folds import Fold

CELL = Cell("", "t", ("A", "B"), "C", "C", "hd2s", "adaptation", 2, "training", "evaluation")


def test_a_cell_is_called_by_table_place_and_row():
    assert named(CELL).id == "t/A+B-C/hd2s/adaptation/seed2"
    assert named(replace(CELL, test="D")).id == "t/A+B-C-on-D/hd2s/adaptation/seed2"
    told = replace(CELL, sources=("A",), target=None, test="A", variant="v", point=("train.lr=1",), fold=3)
    assert named(told).id == "t/A/hd2s/adaptation/v/train.lr=1/seed2/fold3"


def test_an_evaluation_says_on_which_fold():
    spec = EvaluationSpec(1, "x", CorpusDigest("A", "digest"), Test())
    assert on_what(Evaluation("e", "", "x", "A", spec)) == "A"
    folded = replace(spec, test=CorpusDigest("A", "digest", Fold(3, 10)))
    assert on_what(Evaluation("e", "", "x", "A", folded)) == "A, fold 3 of 10"


def test_a_training_has_one_fold_whichever_of_its_corpora_are_read_in_folds():
    def of(labelled, unlabelled=None):
        entries = [CorpusDigest("A", "digest", fold) for fold in (labelled, unlabelled)]
        spec = ModelSpec("hd2s"), ApproachSpec("adaptation"), (entries[0],), (entries[1],), entries[0]
        return folds_of(TrainingSpec(1, *spec, Train(), 0))

    assert of(None) == []
    assert of(Fold(2, 5)) == of(None, Fold(2, 5)) == of(Fold(2, 5), Fold(2, 5, 9)) == [Fold(2, 5)]
