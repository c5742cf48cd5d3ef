"""What a table asks for: which models, trained on what, tested on what; frozen, and free of files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Literal, NamedTuple

from grid.specs.settings import DEFAULT_MODEL
from grid.specs.tables.draws import draw
from grid.specs.tables.early_stopping import Asha
from hd2s.approaches.declaration import Approach, Corpora
from hd2s.approaches.registry import approaches
from hd2s.models.registry import models
from manifests.folds import Fold
from manifests.problem import Problem, suggest

ALL: Literal["all"] = "all"
UNTRAINED = "untrained"
"""The approach of models without weights, whichever approaches a table asks for."""


SOURCE, TARGET, LEAVE_ONE_OUT, LAST, STUDENT = "source", "target", "leave-one-out", "last", "student"
SELECTIONS = {
    SOURCE: "",
    TARGET: "target selection (oracle)",
    LEAVE_ONE_OUT: "leave-one-out selection",
    LAST: "last weights",
    STUDENT: "student",
}
"""Whose validation chooses the weights that a row shows, and how the row is told from others."""

EXPECTED_SEEDS = "different numbers from 0 on, below 2^63"

AXES = ("models", "approaches", "sources", "targets", "tests")
"""What a variant may have otherwise than its table."""


class Place(NamedTuple):
    """Where a cell stands: the labelled domains, the other domain if one takes part, and the test's."""

    sources: Corpora
    target: str | None
    test: str


@dataclass(frozen=True)
class Variant:
    """A row of its own, such as an ablation: its label, what it sets, and where it stands otherwise.

    Attributes:
        axes: (a word of `AXES`, what stands in the place of the table's); of `models`, those of the table's
            that have this row.
        select: a word of `SELECTIONS`.
        repeats: another variant has its rows by another word, and so those that have no choice.
    """

    label: str = ""
    overrides: tuple[str, ...] = ()
    axes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    select: str = SOURCE
    repeats: bool = False

    def selected_by(self, words: tuple[str, ...]) -> tuple[Variant, ...]:
        """Return the variant once for each word of `SELECTIONS`."""
        return tuple(
            replace(
                self,
                label=", ".join(filter(None, (self.label, SELECTIONS[word]))),
                select=word,
                repeats=word != words[0],
            )
            for word in words
        )

    @property
    def plain(self) -> str:
        """The label without what tells the selection."""
        return self.label.removesuffix(SELECTIONS[self.select]).removesuffix(", ")

    @property
    def tells_approach(self) -> bool:
        """Whether the label says which approach it is, since the row has one of its own."""
        return bool(self.label) and len(dict(self.axes).get("approaches", ())) == 1


@dataclass(frozen=True)
class TableSpec:
    """One table.

    Attributes:
        name: its files and runs are called so.
        title: above it.
        metrics: its columns.
        approaches: its rows, each with every model.
        caption: below it, in place of the title.
        sources: labelled domains, taken one at a time, or all together by an approach that pools them.
        models: what is trained, each with every approach that it can take.
        targets: second domains; empty where none takes part. A source is never its own target.
        tests: corpora, or the words `source` and `target` for those of the cell itself.
        variants: one without label, unless the rows differ in settings or in where they stand.
        sweep: (setting, its values); each combination is trained, where it makes a difference, and the table
            shows the one with the lowest validation KLD. In place of values `loguniform(1e-4, 1e-2)`,
            `uniform` or `randint`, from which `points` are drawn.
        drawn: how many points are drawn, and by which seed; 0 for every combination. In a file, `points`: a
            number, or `of` and `seed`.
        stop: how hopeless points are stopped early; None trains all of them to their end. In a file, inside
            `sweep`: `stop: asha`, and if need be `grace` and `reduction`
            (`grid.specs.tables.early_stopping`).
        overrides: settings of all the table's cells, under those of the command line.
        finetuning: over these, of its trainings that start from another one's weights; none of tests, and in
            the place of `train.iterations` is `train.finetune_iterations`.
        paper: `paper/table` of `grid/specs/printed_numbers/` that holds the printed numbers, or empty.
        withheld: the tests' annotations are not public: their curators return a cell's values, which are read
            from `results/external/*.csv` (`grid.outputs.external`).
        seeds: every cell is repeated with each.
        compare: pairs for the table of differences, the first minus the second: of approaches, of models, or
            of labels of `variants` as the file has them; `ALL` for every pair of approaches; empty for those
            that an approach says itself that it improves on.
        select: whose validation chooses the weights that are tested: `source`, the training's own; `target`,
            the oracle; `leave-one-out`, all corpora of the table but sources and target; the `last` weights;
            or, of an approach that has one beside its teacher, those of the `student`. Each word has rows of
            its own, of one training that is validated on every corpus of the table.
        folds: corpora that are read in folds, whose cells are repeated with each: (corpus, how many, seed).
        found_at: where its corpora are, as settings `corpora.*`, under those of the command line; in a file,
            `corpora`: each corpus with the folder of its manifest, or with its manifest and root.
    """

    name: str
    title: str
    metrics: tuple[str, ...]
    sources: Corpora
    approaches: tuple[str, ...]
    models: tuple[str, ...] = (DEFAULT_MODEL,)
    targets: Corpora = ()
    tests: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = (Variant(),)
    sweep: tuple[tuple[str, tuple[str, ...]], ...] = ()
    drawn: tuple[int, int] = (0, 0)
    stop: Asha | None = None
    overrides: tuple[str, ...] = ()
    finetuning: tuple[str, ...] = ()
    caption: str = ""
    paper: str = ""
    withheld: bool = False
    seeds: tuple[int, ...] = (0,)
    compare: tuple[tuple[str, str], ...] | Literal["all"] = ()
    select: tuple[str, ...] = (SOURCE,)
    folds: tuple[tuple[str, int, int], ...] = ()
    found_at: tuple[str, ...] = ()

    def parts(self) -> list[tuple[Variant, TableSpec]]:
        """List the variants, each with the table as that variant has it."""
        return [(variant, self._part(variant)) for variant in self.variants]

    def _part(self, variant: Variant) -> TableSpec:
        axes = dict(variant.axes)
        if "models" in axes:
            axes["models"] = tuple(word for word in self.models if word in axes["models"])
        changes: dict[str, Any] = {**axes}
        return replace(self, variants=(variant,), **changes)

    def places(self, approach: Approach) -> list[Place]:
        """List where an approach's cells stand, in the table's order."""
        found = [
            Place(sources, target, test)
            for sources, target in self._domains(approach)
            if target or not approach.needs_target
            for word in self.tests or ("target" if self.targets else "source",)
            for test in _tests(word, sources, target)
        ]
        return list(dict.fromkeys(found))

    def folds_of(self, place: Place) -> list[dict[str, Fold]]:
        """List the folds that a place's cells are repeated with: of each, corpus → fold."""
        read = {*place.sources, place.target, place.test}
        folded = [(corpus, of, seed) for corpus, of, seed in self.folds if corpus in read]
        if not folded:
            return [{}]
        numbers = range(1, folded[0][1] + 1)
        return [{corpus: Fold(number, of, seed) for corpus, of, seed in folded} for number in numbers]

    def rows(self) -> list[tuple[str, Approach]]:
        """List the models with their approaches, approach by approach; one without weights has one row."""
        known = models()
        trained = [word for word in self.models if known[word].trains]
        untrained = [word for word in self.models if not known[word].trains]
        rows = [(word, approaches()[approach]) for approach in self.approaches for word in trained]
        return rows + [(word, approaches()[UNTRAINED]) for word in untrained]

    def places_of(self, model: str, approach: Approach) -> list[Place]:
        """List where a row of `rows` has cells: one of a model without weights wherever any approach has."""
        if models()[model].trains:
            return self.places(approach)
        found = [place for word in self.approaches for place in self.places(approaches()[word])]
        return list(dict.fromkeys(found))

    def points(self) -> list[tuple[str, ...]]:
        """List the sweep's points, drawn or all combinations, as overrides; one empty without a sweep."""
        if self.drawn[0]:
            return draw(self.sweep, *self.drawn)
        axes = [[f"{key}={value}" for value in values] for key, values in self.sweep]
        return list(product(*axes))

    def corpora(self) -> Corpora:
        """Every corpus that the table reads, in order of first mention."""
        found: list[str] = []
        for part in (part for _, part in self.parts() if part.models):
            found += [*part.sources, *part.targets]
            found += [word for word in part.tests if word not in ("source", "target")]
        return tuple(dict.fromkeys(found))

    def _domains(self, approach: Approach) -> Iterator[tuple[Corpora, str | None]]:
        targets = self.targets or (None,)
        if approach.pools:
            for target in targets:
                others = tuple(source for source in self.sources if source != target)
                if others:
                    yield others, target
        else:
            yield from (
                ((source,), target) for source in self.sources for target in targets if source != target
            )


@dataclass(frozen=True)
class CostSpec:
    """A table of what models cost, whatever they are trained on; see `TableSpec` for what it has in common.

    Its values are what `python -m hd2s cost` has measured.
    """

    name: str
    title: str
    models: tuple[str, ...]
    caption: str = ""
    paper: str = ""


@dataclass(frozen=True)
class GridSpec:
    """A named family of tables that share their trainings."""

    name: str
    tables: tuple[TableSpec, ...]
    costs: tuple[CostSpec, ...] = ()

    def models(self) -> tuple[str, ...]:
        """Every model that the grid trains or tests, in order of first mention."""
        return tuple(dict.fromkeys(word for table in self.tables for word in table.models))

    def found_at(self) -> tuple[str, ...]:
        """List where its tables say that their corpora are, as settings `corpora.*`."""
        return tuple(dict.fromkeys(item for table in self.tables for item in table.found_at))

    def corpora(self) -> Corpora:
        """Every corpus that the grid reads, in order of first mention."""
        return tuple(dict.fromkeys(name for table in self.tables for name in table.corpora()))


def are_seeds(value: Any) -> bool:
    """Whether something is a list of seeds: of different whole numbers that every generator takes."""
    whole = isinstance(value, Sequence) and bool(value) and all(type(seed) is int for seed in value)
    return whole and len(set(value)) == len(value) and min(value) >= 0 and max(value) < 2**63


def selected_words(value: Any) -> tuple[tuple[str, ...], list[Problem]]:
    """Return what a `select` of one word or of a list says, `SOURCE` of nothing sound, and what is wrong."""
    words = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    problems = [
        Problem("select", "a known selection", repr(word), suggest(str(word), SELECTIONS))
        for word in words
        if not isinstance(word, str) or word not in SELECTIONS
    ]
    if not words or len(set(map(str, words))) < len(words):
        problems.append(Problem("select", "a word, or different ones", str(list(words)), "Correct it."))
    return (SOURCE,) if problems else tuple(words), problems


def _tests(word: str, sources: Corpora, target: str | None) -> Corpora:
    if word == "source":
        return sources
    if word == "target":
        return (target,) if target else ()
    return (word,)
