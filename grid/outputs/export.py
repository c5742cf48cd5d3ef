"""A grid in one folder to attach to a paper: tables, results, declarations, and how to come by them again."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from datasets.corpora.registry import available, get
from grid.outputs.tables import Style, compile_tables
from grid.outputs.tables.table import DEMO
from grid.planning.prepare import Grid, default_out
from grid.results import output_folder
from grid.results.files import write_atomically
from grid.results.provenance import python_version, requirements, source_version
from grid.specs import grid_reader as specs
from grid.specs.dotted_keys import listed
from manifests.problem import Problem, ProblemError
from manifests.store import Manifest

# Stands for the exported folder in commands, which are called from the project's.
_FOLDER_IN_COMMANDS = "EXPORT"


def export(grid: Grid, folder: Path) -> None:
    """Gather all of a grid but corpora and weights; the folder appears whole or not at all.

    Args:
        grid: as prepared; what is not done yet is missing, and its tables say so.
        folder: where to; must not exist, or be empty.

    Raises:
        ProblemError: there is something at `folder` already.
    """
    folder = folder.resolve()
    check_free(folder)
    write_atomically(folder, lambda part: _fill(part, grid, _portable(grid)))


def check_free(folder: Path) -> None:
    """Check that nothing would be overwritten.

    Raises:
        ProblemError: there is a file, or a folder with something in it.
    """
    remedy = "Nothing was exported: name another folder, or remove this one."
    if folder.is_dir() and (n := len(list(folder.iterdir()))):
        raise ProblemError(Problem(str(folder), "a new or an empty folder", f"one that holds {n}", remedy))
    if folder.exists() and not folder.is_dir():
        raise ProblemError(Problem(str(folder), "a new or an empty folder", "a file", remedy))


def _portable(grid: Grid) -> Grid:
    """Return the grid as someone else calls it: without the paths of this machine."""
    (path, *_) = specs.files(grid.name)
    name = grid.name if path.parent == specs.SPECS else f"{_FOLDER_IN_COMMANDS}/specs/{path.name}"
    overrides = tuple(_without_path(override) for override in grid.overrides)
    return replace(grid, name=name, overrides=overrides, out=default_out(demo=grid.demo))


def _without_path(override: str) -> str:
    key, _, value = override.partition("=")
    if key.startswith("corpora."):
        return f"{key}=DIR"
    if key == "plugins":
        names = (Path(folder).resolve().name for folder in listed(key, value))
        return f"{key}=[{','.join(f'{_FOLDER_IN_COMMANDS}/plugins/{name}' for name in names)}]"
    return f"{key}=FILE" if key.endswith(".backbone_weights") and value != "none" else override


def _fill(part: Path, grid: Grid, portable: Grid) -> None:
    part.mkdir()
    again = replace(portable, out=Path(_FOLDER_IN_COMMANDS)).command("--tables")
    style = Style(grid.config.tables.paper, again, grid.demo)
    compile_tables(grid.plan, grid.ledger, part / output_folder.TABLES, style)
    _copy_results(part / output_folder.RESULTS, grid)
    _copy_specs(part / "specs", grid)
    for folder in map(Path, grid.config.plugins):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(folder, part / "plugins" / folder.resolve().name, ignore=ignored)
    settings = {name: asdict(grid.config)[name] for name in ("model", "train", "test", "tables", "seeds")}
    settings["model"]["backbone_weights"] = _weights(grid)
    units = {
        kind: [asdict(unit) | {"spec": unit.spec.as_settings()} for unit in found.values()]
        for kind, found in (("trainings", grid.plan.trainings), ("evaluations", grid.plan.evaluations))
    }
    units["cells"] = [asdict(cell) for cell in grid.plan.cells]
    texts = {
        "settings.yaml": OmegaConf.to_yaml(OmegaConf.create(settings)),
        "plan.json": _json(units),
        "manifests.json": _json(_corpora(grid)),
        "requirements.txt": "\n".join([f"# {python_version()}", *requirements(), ""]),
        "REPRODUCE.md": _reproduce(grid, portable, again),
    }
    for name, text in texts.items():
        (part / name).write_text(text, encoding="utf-8")


def _copy_results(folder: Path, grid: Grid) -> None:
    """Copy the results of the plan's units that can be read."""
    folder.mkdir()
    ledger, plan = grid.ledger, grid.plan
    found = [ledger.path("training", unit) for unit in plan.trainings if ledger.read_training(unit)]
    found += [ledger.path("evaluation", unit) for unit in plan.evaluations if ledger.read_evaluation(unit)]
    for path in found:
        shutil.copyfile(path, folder / path.name)
    # What others have returned, and what was measured, beside them.
    for place, wanted in ((output_folder.EXTERNAL, plan.withheld), (output_folder.COSTS, plan.costs)):
        if wanted and (source := grid.out / place).is_dir():
            shutil.copytree(source, folder.parent / place)


def _copy_specs(folder: Path, grid: Grid) -> None:
    """Copy the grid's YAML files, those below its own to the same places."""
    (own, *_) = paths = specs.files(grid.name)
    for path in paths:
        inside = path.resolve().is_relative_to(own.resolve().parent)
        target = folder / (path.resolve().relative_to(own.resolve().parent) if inside else path.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _corpora(grid: Grid) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "layout": manifest.layout,
            "indexed_with": manifest.options,
            "digest": manifest.digest,
            "digests": manifest.digests,
            "clips": manifest.counts,
            "frames": manifest.frames,
            "quarantined": manifest.quarantined,
        }
        for name, manifest in grid.manifests.items()
    }


def _weights(grid: Grid) -> str:
    """Say which initial weights were taken, by their content."""
    found = ", ".join(f"{weights.digest} ({model})" for model, weights in grid.weights.items())
    return f"SHA-256 {found}" if found else "none"


def _reproduce(grid: Grid, portable: Grid, again: str) -> str:
    plan = grid.plan
    done = len(plan.cells) - len(grid.ledger.cells_without_values(plan))
    return "\n".join(
        [
            f"# {plan.grid}: how to reproduce it",
            "",
            *([f"**{DEMO}**", ""] if grid.demo else []),
            f"{done} of {len(plan.cells)} cells have their values, from {len(plan.trainings)} trainings and"
            f" {len(plan.evaluations)} evaluations. All commands are called from the project's folder;"
            f" `{_FOLDER_IN_COMMANDS}` stands for this folder, `DIR` and `FILE` for your own.",
            "",
            *_code_lines(),
            *_data_lines(grid),
            "## 3. Train, test and tabulate",
            "",
            f"    {portable.command()}",
            "",
            "The ids of trainings and evaluations must come out as in `plan.json`, which gives all that"
            " enters them; `--plan` shows them before anything starts.",
            "",
            "## Only the tables, from the results in this folder",
            "",
            f"    {again}",
            "",
            "Needs the corpora as indexed above, but no trained weights.",
            "",
            *_CONTENTS_LINES,
            "",
        ]
    )


def _code_lines() -> list[str]:
    return [
        "## 1. Code and packages",
        "",
        f"{source_version()}; {python_version()}. The sources are the same if this prints the same:",
        "",
        '    python -c "from grid.results.provenance import source_version; print(source_version())"',
        f"    pip install -r {_FOLDER_IN_COMMANDS}/requirements.txt",
        "",
    ]


def _data_lines(grid: Grid) -> list[str]:
    if grid.demo:
        return ["## 2. Data", "", "The demo generates its corpora.", ""]
    commands = [f"    python -m datasets index {_indexing(manifest)}" for manifest in grid.manifests.values()]
    digests: Mapping[str, str] = grid.digests
    return [
        "## 2. Data",
        "",
        *commands,
        "",
        "Indexing must end in these digests of the manifests:",
        "",
        *(f"- {name}: `{digest}`" for name, digest in digests.items()),
        "",
        f"Initial weights of the backbone: {_weights(grid)}.",
        "",
    ]


def _indexing(manifest: Manifest) -> str:
    """Return the options of the command that makes a manifest again, with those that no default has."""
    words = {get(word).name: word for word in available()}
    given = {"layout": manifest.layout, **manifest.options}
    changed = {name: value for name, value in given.items() if value != _INDEXING_DEFAULTS.get(name)}
    options = [f"--{name} {shlex.quote(str(value))}" for name, value in changed.items()]
    corpus = words.get(manifest.corpus, f"folder --name {shlex.quote(manifest.corpus)}")
    return " ".join([corpus, "--root DIR", *options])


# What `python -m datasets index` does by itself; a layout is found out, but two may fit.
_INDEXING_DEFAULTS = {"split": "paper", "seed": 0}

_CONTENTS_LINES = (
    "## What is in this folder",
    "",
    "- `tables/`: each table and its comparisons, as LaTeX, Markdown, HTML and CSV",
    "- `results/`: the curve of each training; each frame's scores of each evaluation",
    "- `specs/`: the tables as declared; `settings.yaml`: the settings as they took effect, before those"
    " that a table sets itself",
    "- `plan.json`: every training, evaluation and cell with all that its id is made of",
    "- `manifests.json`: digests, clips and frames of each split; `requirements.txt`: packages",
    "",
    "The trained weights are too large to be here; they lie in `checkpoints/` of the output folder.",
)


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
