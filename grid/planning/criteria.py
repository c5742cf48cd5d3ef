"""What the words of `select` mean in a cell: whose validation chooses the weights that it shows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from grid.plan import CorpusDigest, Criterion, TrainingSpec
from grid.specs.settings import Config
from grid.specs.settings_reader import protocol_settings
from grid.specs.table import (
    LAST,
    LEAVE_ONE_OUT,
    SELECTIONS,
    SOURCE,
    STUDENT,
    TARGET,
    GridSpec,
    Place,
    TableSpec,
)
from manifests.digests import Digests
from manifests.problem import Problem, ProblemError, suggest

Validation = Callable[[str], CorpusDigest]
"""Corpus → its validation split."""
_OWN = "train.validation_source"


def selecting(spec: GridSpec) -> set[str]:
    """Return the corpora of a grid whose maps supervise some training, any of which may choose weights."""
    return {
        corpus
        for table in spec.tables
        for _, part in table.parts()
        for model, approach in part.rows()
        for sources, target, _ in part.places_of(model, approach)
        for corpus in (*sources, *approach.labelled(sources, target))
    }


def unselecting(config: Config, known: Collection[str]) -> Iterator[Problem]:
    """Yield whether the source that is asked for to choose is none of a grid's: no training would heed it.

    What a protocol asks for it asks of all grids, also of those without its corpus.

    Args:
        config: of a row.
        known: the grid's `selecting`.
    """
    word = config.train.validation_source
    if word and word not in known and word != protocol_settings(config).get(_OWN):
        yield Problem(_OWN, "a source of one of the grid's trainings", repr(word), suggest(word, known))


def has_a_choice(spec: TrainingSpec, word: str = "") -> bool:
    """Whether a training passes weights of which the validation of any corpus, or a word, may choose one."""
    approach = spec.approach.declaration
    if word == STUDENT and word not in approach.further:
        return False
    passes = approach.trains and approach.keeps == "best" and spec.train.selection == "validation"
    # Layers of a domain's own cannot look at another.
    return passes and "domains" not in approach.needs


def criteria(
    table: TableSpec, place: Place, spec: TrainingSpec, validation: Validation
) -> dict[str, Criterion | None]:
    """Return what each word stands for that can be followed; None for the training's own validation.

    Args:
        table: whose corpora take part.
        place: of the cell.
        spec: of its training.
        validation: of the corpora.
    """
    if not has_a_choice(spec):
        return dict.fromkeys(SELECTIONS)
    target = place.target or place.test
    others = [name for name in table.corpora() if name not in (*place.sources, target)]
    asked = {SOURCE: (spec.validation,)} | {
        word: tuple(found for found in map(validation, names) if _has_clips(found))
        for word, names in ((TARGET, [target]), (LEAVE_ONE_OUT, others))
    }
    known = {word: Criterion(found) for word, found in asked.items() if found} | {LAST: Criterion()}
    own = Criterion((spec.validation,))
    known |= {word: replace(own, model=word) for word in spec.approach.declaration.further}
    return {STUDENT: None} | {word: None if each == own else each for word, each in known.items()}


def lacking(word: str, place: Place) -> ProblemError:
    """Say that there is nothing by which a word could choose in a place."""
    target = place.target or place.test
    others = f"a corpus of the table that is neither {' nor '.join((*place.sources, target))}"
    expected = f"validation clips of {target if word == TARGET else others}"
    remedy = "Leave the word out, or add a corpus to the tests."
    return ProblemError(Problem(f"select={word}", expected, "none", remedy))


def _has_clips(split: CorpusDigest) -> bool:
    return split.digest != Digests(split.corpus).of_splits()["val"]
