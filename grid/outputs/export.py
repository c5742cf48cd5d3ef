"""A grid in one folder to attach to a paper: tables, results, declarations, and how to come by them again."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from grid.evaluation import pictures
from grid.outputs.external import Places, places_of
from grid.outputs.reproduce import FOLDER, page, weights_told
from grid.outputs.tables import Style, compile_tables
from grid.planning.noted import described, note
from grid.planning.prepare import Grid, default_out
from grid.results import output_folder
from grid.results.dataframes import CELLS, noted_cells
from grid.results.files import write_atomically, write_text
from grid.results.provenance import python_version, requirements
from grid.results.unit_results import checkpoints
from grid.specs import grid_reader as specs
from grid.specs.dotted_keys import listed, with_references
from grid.specs.plain_yaml import with_list
from grid.specs.tables.table_reader import PLUGINS
from hd2s.files import sha256_of
from manifests.problem import Problem, ProblemError


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
    name = _spec(grid)
    inside = name if name == grid.name else f"{FOLDER}/{name}"
    overrides = [_without_path(override) for override in grid.overrides if not _of_storage(override)]
    # Where a table's own file says that its corpora are, nobody else has them.
    given = [override.partition("=")[0] for override in overrides]
    places = (place.partition("=")[0] for table in grid.plan.tables for place in table.found_at)
    overrides += [f"{key}=DIR" for key in dict.fromkeys(places) if key not in given]
    return replace(grid, name=inside, overrides=tuple(overrides), out=default_out(demo=grid.demo))


def _compiled(portable: Grid) -> Grid:
    """Return the grid as its tables are compiled from the export, which knows its corpora and weights."""
    needed = (
        item for item in portable.overrides if not item.startswith("corpora.") and not item.endswith("=FILE")
    )
    return replace(portable, overrides=tuple(needed), out=Path(FOLDER))


def _spec(grid: Grid) -> str:
    """Return the name of one of the project's grids, or the place in the export of a user's own file."""
    (path, *_) = specs.files(grid.name)
    return grid.name if path.parent == specs.SPECS else f"specs/{path.name}"


def _of_storage(override: str) -> bool:
    return override.startswith("storage.")


def _without_path(override: str) -> str:
    key, _, value = override.partition("=")
    if key.startswith("corpora."):
        return f"{key}=DIR"
    if key == "plugins":
        return f"{key}=[{','.join(map(_exported, listed(key, value)))}]"
    return f"{key}=FILE" if key.endswith(".backbone_weights") and value != "none" else override


def _exported(plugins: str) -> str:
    return f"{FOLDER}/{_plugin(plugins)}"


def _plugin(folder: str) -> str:
    """Return where a folder of plug-ins lies in the export."""
    return f"plugins/{Path(folder).resolve().name}"


def _places(grid: Grid, portable: Grid) -> Places:
    """Return what commands in the export's tables name, without the paths of this machine."""
    here = places_of(grid)
    manifests = {
        # A demo's corpora are generated in its output folder.
        name: str(portable.out / Path(folder).relative_to(grid.out))
        if Path(folder).is_relative_to(grid.out)
        else "DIR"
        for name, folder in here.manifests.items()
    }
    return Places(str(portable.out), manifests, [*map(_exported, here.plugins)])


def _fill(part: Path, grid: Grid, portable: Grid) -> None:
    part.mkdir()
    compiled = _compiled(portable)
    again = compiled.command("--tables")
    style = Style(grid.config.tables, again, grid.demo, _places(grid, portable))
    compile_tables(grid.plan, grid.ledger, part / output_folder.TABLES, style)
    _copy_results(part, grid)
    _copy_specs(part / "specs", grid)
    for folder in grid.config.plugins:
        shutil.copytree(folder, part / _plugin(folder), ignore=shutil.ignore_patterns("__pycache__"))
    checksums = _checksums(grid)
    call = {"name": _spec(grid), "overrides": list(compiled.overrides), "demo": grid.demo}
    texts = {
        "settings.yaml": OmegaConf.to_yaml(OmegaConf.create(_settings(grid))),
        "plan.json": _json(_units(grid)),
        "manifests.json": _json({name: described(found) for name, found in grid.manifests.items()}),
        "requirements.txt": "\n".join([f"# {python_version()}", *requirements(), ""]),
        "checkpoints.sha256": "".join(f"{digest}  {name}\n" for name, digest in checksums.items() if digest),
        "REPRODUCE.md": page(grid, portable.command(), again, [*checksums.values()].count("")),
        output_folder.call(grid.plan.grid): _json(
            call | note(grid.manifests, grid.weights, closed=True) | {CELLS: noted_cells(grid.plan)}
        ),
    }
    for name, text in texts.items():
        (part / name).parent.mkdir(exist_ok=True)
        write_text(part / name, text)


def _settings(grid: Grid) -> dict[str, Any]:
    config = with_references(asdict(grid.config), grid.overrides)
    settings = {name: config[name] for name in ("model", "train", "test", "tables", "seeds")}
    settings["model"]["backbone_weights"] = weights_told(grid)
    return settings


def _units(grid: Grid) -> dict[str, Any]:
    units = {
        kind: [asdict(unit) | {"spec": unit.spec.as_settings()} for unit in found.values()]
        for kind, found in (("trainings", grid.plan.trainings), ("evaluations", grid.plan.evaluations))
    }
    return units | {"cells": [asdict(cell) for cell in grid.plan.cells]}


def _copy_results(part: Path, grid: Grid) -> None:
    """Copy the results of the plan's units that can be read, and their pictures."""
    ledger, plan = grid.ledger, grid.plan
    tested = [unit for unit in plan.evaluations if ledger.read_evaluation(unit)]
    found = [ledger.path("training", unit) for unit in plan.trainings if ledger.read_training(unit)]
    found += [ledger.path("evaluation", unit) for unit in tested]
    for unit in tested:
        pictures.bring(grid.storage, unit)
        found += pictures.kept(grid.out, unit)
    (part / output_folder.RESULTS).mkdir()
    for path in found:
        target = part / path.relative_to(grid.out)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    # What others have returned, and what was measured, beside them.
    for place, wanted in ((output_folder.EXTERNAL, plan.withheld), (output_folder.COSTS, plan.costs)):
        if wanted and (source := grid.out / place).is_dir():
            shutil.copytree(source, part / place, dirs_exist_ok=True)


def _checksums(grid: Grid) -> dict[str, str]:
    """Return where finished trainings' weights lie → their SHA-256; empty if not on this machine."""
    found = filter(None, map(grid.ledger.read_training, grid.plan.trainings))
    places = [place for result in found for place in checkpoints(result.summary)]
    return {name: sha256_of(grid.out / name) if (grid.out / name).is_file() else "" for name in places}


def _copy_specs(folder: Path, grid: Grid) -> None:
    """Copy the grid's YAML files, those below its own to the same places; they name the export's plug-ins."""
    (own, *_) = paths = specs.files(grid.name)
    for path in paths:
        inside = path.resolve().is_relative_to(own.resolve().parent)
        target = folder / (path.resolve().relative_to(own.resolve().parent) if inside else path.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        if named := specs.own_plugins(path):
            moved = [os.path.relpath(folder.parent / _plugin(each), target.parent) for each in named]
            write_text(target, with_list(path.read_text(encoding="utf-8"), PLUGINS, moved))


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
