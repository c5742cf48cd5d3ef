"""Scores that a benchmark's curators have returned, for tests whose annotations are withheld.

`results/external/*.csv` of the output folder, any number of files, written by hand. A line each submission:

    training,test,NSS,CC,SIM,AUC-J,s-AUC,note
    hd2s-single-source-dhf1k-seed0-0123456789ab,DHF1K,2.781,0.497,0.406,0.901,0.699,returned in May

`training` is what the checkpoint is called that made the submission, `test` the corpus. Metrics may be left
out or empty; `note` is for people. A line that cannot be taken is told, and the others count.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datasets.corpora.registry import default_folder, find
from grid.plan import Cell, Plan
from grid.planning.prepare import Grid
from grid.results import output_folder
from hd2s.metrics.definitions import find_metric, known_metrics
from manifests.escaping import shell
from manifests.problem import Problem, suggest

_PLACE = ("training", "test")
_NOTE = "note"
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,2})?")


@dataclass(frozen=True)
class Returned:
    """What was returned.

    Attributes:
        scores: (training, test) → metric → score.
        files: what they are read from, relative to the output folder.
        problems: lines and files that could not be taken.
    """

    scores: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Places:
    """What the command of a submission names, as it is reached from where the grid's own was called.

    Attributes:
        out: the output folder.
        manifests: corpus → the folder of its manifest, where that is not the usual one.
        plugins: the grid's folders of plug-ins.
    """

    out: str
    manifests: Mapping[str, str] = field(default_factory=dict)
    plugins: Sequence[str] = ()


def places_of(grid: Grid) -> Places:
    """Return the places of a grid."""
    folders = {name: place.manifest for name, place in grid.config.corpora.items()}
    unusual = {name: folder for name, folder in folders.items() if folder != _usual_folder(name)}
    return Places(str(grid.out), unusual, grid.config.plugins)


def _usual_folder(name: str) -> str:
    corpus = find(name)
    return str(default_folder(corpus)) if corpus else ""


def read(plan: Plan, out: Path) -> Returned:
    """Read all that was returned for a plan's withheld cells; nothing where it has none.

    Args:
        plan: whose trainings are known; those of other grids of the folder are known by their results.
        out: the output folder.
    """
    found = Returned()
    if not plan.withheld:
        return found
    for path in sorted((out / output_folder.EXTERNAL).glob("*.csv")):
        name = path.relative_to(out).as_posix()
        try:
            with path.open(encoding="utf-8-sig", newline="") as lines:
                reader = csv.DictReader(lines)
                found.problems.extend(_column_problems(name, reader.fieldnames or ()))
                for row in reader:
                    _take(f"{name}, line {reader.line_num}", row, plan, out, found)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            found.problems.append(Problem(name, "a readable CSV file", str(error), "Write it again."))
            continue
        found.files.append(name)
    return found


def how_to_get(cell: Cell, places: Places) -> str:
    """Say how a withheld cell's scores are had, once its training is done."""
    corpus = find(cell.test)
    manifest = places.manifests.get(cell.test)
    words = ["predict", "--corpus", corpus.word if corpus else cell.test, "--split", "unannotated"]
    words += ["--manifest", manifest] if manifest else []
    words += ["--weights", f"{places.out}/{output_folder.checkpoint(cell.training)}"]
    words += ["--out", f"submissions/{cell.training}", "--submission"]
    words += [word for folder in places.plugins for word in ("--plugins", folder)]
    return (
        f"annotations withheld: `python -m hd2s {shell(words)}` writes what the benchmark takes; what it"
        f" returns goes into {places.out}/{output_folder.EXTERNAL}/*.csv as training {cell.training}"
    )


def _column_problems(name: str, columns: object) -> Iterator[Problem]:
    found = [*columns] if isinstance(columns, list | tuple) else []
    for column in _PLACE:
        if column not in found:
            yield Problem(name, f"a column {column}", ", ".join(map(str, found)) or "nothing", "Add it.")
    known = (*_PLACE, *known_metrics(), _NOTE)
    for column in found:
        if column not in known:
            yield Problem(name, "known columns", repr(column), suggest(str(column), known))


def _take(where: str, row: Mapping[str, str | None], plan: Plan, out: Path, found: Returned) -> None:
    """Take a line, or say why it cannot be taken."""
    training, test = ((row.get(column) or "").strip() for column in _PLACE)
    scores, problems = {}, []
    for metric in known_metrics():
        if not (text := (row.get(metric) or "").strip()):
            continue
        value, known = _number(text), find_metric(metric)
        if known.low <= value <= known.high:
            scores[metric] = value
        else:
            expected = f"{metric} of {known.low:g} to {known.high:g}"
            problems.append(Problem(where, expected, text, "Write it as the benchmark does."))
    known_here = training in plan.trainings or (out / output_folder.result("training", training)).exists()
    if not training or not known_here:
        remedy = "Give the name of the checkpoint that was submitted, without its folder and .pt."
        problems.append(Problem(where, "a training of this folder or grid", repr(training), remedy))
    elif training in plan.trainings and test not in (tests := _tests(plan, training)):
        problems.append(Problem(where, f"the test {' or '.join(tests)}", repr(test), "Correct the line."))
    if (training, test) in found.scores:
        remedy = "Keep one of them; the first counts."
        problems.append(Problem(where, "each training and test once", f"{training} on {test} again", remedy))
    if not scores and not problems:
        problems.append(Problem(where, "a score of some metric", "none", "Write what was returned."))
    if None in row:
        problems.append(Problem(where, "as many values as columns", "more", "Correct the line."))
    if problems:
        found.problems.extend(problems)
    else:
        found.scores[training, test] = scores


def _tests(plan: Plan, training: str) -> list[str]:
    """List the withheld tests that a training is to be scored on; any of the plan's, where it has none."""
    own = {cell.test for cell in plan.withheld if cell.training == training}
    return sorted(own or {cell.test for cell in plan.withheld})


def _number(text: str) -> float:
    # Nothing that only Python takes for a number: inf, 2_781.
    return float(text) if _NUMBER.fullmatch(text) else math.nan
