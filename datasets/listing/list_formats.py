"""The ways in which people write a list of clips: lines, tables with or without a header, JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

from manifests import Problem, ProblemError

LIST_SUFFIXES = (".txt", "", ".lst", ".list", ".csv", ".tsv", ".json")
"""What a list's name may end in, in lower case; the first one goes before the others."""

_COLUMNS = ("clip", "clips", "video", "videos", "name", "names", "id", "video_name", "video_id", "filename")
"""Headers, or keys, of the names in a table of several columns."""

Known = Callable[[str], bool]
"""Whether a text means a clip that is there."""


def listed_names(path: Path, known: Known) -> list[str]:
    """Return what a list names, line by line, as it is written.

    Lines that are empty or begin with # say nothing. Of a table (.csv, .tsv) the column of a known header
    counts, or else the first one; of JSON an array of names or of objects, be it the only one of an object.
    A .json that is none is read line by line.

    Raises:
        ProblemError: it is no text in UTF-8, or JSON that lists nothing.
    """
    suffix = path.suffix.lower()
    try:
        text = path.read_text(encoding="utf-8-sig")
        if suffix == ".json" and text.lstrip()[:1] in ("[", "{"):
            return [name.strip() for name in _of_json(json.loads(text))]
    except (OSError, ValueError, RecursionError) as error:
        found = str(error) if type(error) is ValueError else type(error).__name__
        remedy = "Write one clip to a line, in UTF-8, or move the file elsewhere if it is no list."
        raise ProblemError(Problem(f"{path}", "a list of clips", found, remedy)) from error
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    return _of_table(lines, known) if suffix in (".csv", ".tsv") else lines


def _of_table(lines: list[str], known: Known) -> list[str]:
    delimiter = max(",;\t", key=lambda mark: sum(line.count(mark) for line in lines))
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    header = [cell.lower() for cell in rows[0]] if rows else []
    named = [column for column in _COLUMNS if column in header and not known(column)]
    column = header.index(named[0]) if named else 0
    names = []
    for line, row in list(zip(lines, rows, strict=True))[bool(named) :]:
        # A clip may have the delimiter in its name, and a row may be too short.
        names.append(line if known(line) or len(row) <= column else row[column])
    return [name for name in names if name]


def _of_json(value: object) -> list[str]:
    if isinstance(value, dict):
        lists = [item for item in value.values() if isinstance(item, list)]
        if len(lists) != 1:
            raise ValueError(f"an object with {len(lists)} arrays")
        value = lists[0]
    if not isinstance(value, list):
        raise ValueError("JSON without an array")
    return [_of_item(item) for item in value]


def _of_item(item: object) -> str:
    if isinstance(item, dict):
        keys = {str(key).lower(): key for key in item}
        item = next((item[keys[column]] for column in _COLUMNS if column in keys), None)
    if isinstance(item, str) or (isinstance(item, int) and not isinstance(item, bool)):
        return str(item)
    raise ValueError(f"an array with {item!r}, which is no name")
