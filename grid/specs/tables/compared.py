"""The pairs that a table compares: two of its approaches, two of its models, or two of its rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args

from grid.specs.table import ALL, SELECTIONS, TableSpec
from hd2s.approaches.registry import approaches
from manifests.problem import suggest

Pairs = tuple[tuple[str, str], ...]
Compared = Literal["approach", "model", "variant"]
"""What two cells that are compared differ in."""
COMPARED = get_args(Compared)


class Row(NamedTuple):
    """What stands in a row, or in the table where all rows are alike."""

    approaches: Collection[str]
    models: Collection[str]


class Mistake(NamedTuple):
    """What a file should have held, what it holds, and what to do."""

    expected: str
    found: str
    remedy: str


def read_compared(value: Any, rows: Mapping[str, Row]) -> tuple[Any, list[Mistake]]:
    """Return pairs, or `ALL`, and what is wrong with them.

    Args:
        value: of the key `compare`.
        rows: by their labels; empty where they cannot be read.
    """
    if value == ALL:
        return ALL, []
    if not isinstance(value, list) or not all(map(_is_pair, value)):
        expected = f"compare: {ALL}, or pairs such as [[adaptation, generalization]]"
        return (), [Mistake(expected, repr(value), "Correct the file.")]
    pairs = tuple((first, second) for first, second in value)
    return pairs, [*_mistakes(pairs, rows)] if rows else []


def compared(spec: TableSpec, by: Compared) -> Pairs:
    """Return the pairs of a table's file that are two approaches, two models or two rows.

    Of rows as cells are labelled: those of one selection are compared with each other.
    """
    words = {
        "approach": {word for _, part in spec.parts() for word in part.approaches},
        "model": {*spec.models},
        "variant": {variant.plain for variant in spec.variants},
    }
    asked = () if spec.compare == ALL else spec.compare
    pairs = [pair for pair in asked if next((w for w in words if words[w] >= {*pair}), "") == by]
    if by != "variant":
        return tuple(pairs)
    labels = {(variant.plain, variant.select): variant.label for variant in spec.variants}
    found = [[(label, word) for label in pair] for pair in pairs for word in SELECTIONS]
    return tuple((labels[a], labels[b]) for a, b in found if {a, b} <= labels.keys())


def apart(spec: TableSpec) -> Pairs:
    """Return the pairs of approaches or rows without a place in common: one may pool the sources."""
    known, stands = approaches(), defaultdict(set)
    for variant, part in spec.parts():
        for word in part.approaches:
            for place in part.places(known[word]):
                stands["approach", word].add((variant.label, place))
                stands["variant", variant.label].add((word, place))
    axes: tuple[Compared, ...] = ("approach", "variant")
    pairs = [(by, pair) for by in axes for pair in compared(spec, by)]
    return tuple(pair for by, pair in pairs if not set.intersection(*(stands[by, one] for one in pair)))


def _mistakes(pairs: Pairs, rows: Mapping[str, Row]) -> Iterator[Mistake]:
    words = (word for label, row in rows.items() for word in (*row.approaches, *row.models, label))
    known = dict.fromkeys(filter(None, words))
    for word in dict.fromkeys(word for pair in pairs for word in pair if word not in known):
        expected = "a known approach, model or row of this table"
        yield Mistake(expected, repr(word), suggest(word, known))
    for pair in pairs:
        if known.keys() >= {*pair} and not _meet(pair, rows):
            expected = "compare: two approaches or two models of one row, or two rows that have one of each"
            yield Mistake(expected, " and ".join(pair), "Correct the file.")


def _meet(pair: tuple[str, str], rows: Mapping[str, Row]) -> bool:
    """Whether two stand side by side anywhere, alike but for what is compared."""
    if any({*words} >= {*pair} for row in rows.values() for words in row):
        return True
    found = [rows[label] for label in pair if label in rows]
    return len(found) == len(pair) and all({*one} & {*other} for one, other in zip(*found, strict=True))


def _is_pair(value: Any) -> bool:
    words = isinstance(value, list) and all(isinstance(word, str) for word in value)
    return words and len(value) == len(set(value)) == 2
