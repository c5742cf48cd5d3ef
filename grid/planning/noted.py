"""What the grids of an output folder have read, noted for whoever looks at results where it is not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yaml import YAMLError

from grid.planning.inputs import InitialWeights
from grid.results import output_folder
from grid.specs.grid_reader import files
from grid.specs.plain_yaml import read_file
from grid.specs.tables.table_reader import PLUGINS
from manifests.problem import Problem
from manifests.store import CLIPS, Manifest

_WEIGHTS, _CORPORA, _CLOSED = "weights", "corpora", "closed"


@dataclass(frozen=True)
class Noted:
    """What is known of corpora and weights without them.

    Attributes:
        weights: model → the digest of what its trainings start from.
        corpora: corpus → what its manifest said of itself; it has no clips to read.
        closed: whether the folder's results are of these corpora, whatever is indexed here: an export's are.
    """

    weights: Mapping[str, str] = field(default_factory=dict)
    corpora: Mapping[str, Manifest] = field(default_factory=dict)
    closed: bool = False

    def manifest(self, corpus: str, folder: Path | None) -> Manifest | None:
        """Return what stands for a manifest that should lie in a folder; None where that one counts."""
        here = folder is not None and (folder / CLIPS).exists()
        return None if here and not self.closed else self.corpora.get(corpus)


def note(
    manifests: Mapping[str, Manifest], weights: Mapping[str, InitialWeights], *, closed: bool = False
) -> dict[str, Any]:
    """Return in plain values what `read_noted` reads."""
    corpora = {name: described(manifest) for name, manifest in manifests.items()}
    digests = {model: found.digest for model, found in weights.items()}
    return {_WEIGHTS: digests, _CORPORA: corpora, **({_CLOSED: True} if closed else {})}


def described(manifest: Manifest) -> dict[str, Any]:
    """Return what a manifest says of itself, without its clips and without places on this machine."""
    return {
        "layout": manifest.layout,
        "indexed_with": manifest.options,
        "digest": manifest.digest,
        "digests": manifest.digests,
        "clips": manifest.counts,
        "frames": manifest.frames,
        "quarantined": manifest.quarantined,
    }


def read_noted(out: Path, grid: str) -> Noted:
    """Return what the grids of a folder have noted: this one, and what it has not where all others agree."""
    calls: dict[str, dict[str, Any]] = {}
    for path in sorted(out.glob(output_folder.call("*"))):
        # A damaged one is told when its grid is asked for.
        with suppress(OSError, ValueError, AttributeError, TypeError, KeyError):
            content = json.loads(path.read_text(encoding="utf-8"))
            corpora = {name: _manifest(name, told, path) for name, told in content.get(_CORPORA, {}).items()}
            calls[path.stem] = {
                _WEIGHTS: dict(content.get(_WEIGHTS, {})),
                _CORPORA: corpora,
                _CLOSED: content.get(_CLOSED) is True,
            }
    own = calls.get(grid, {})
    alike = _agreeing({name: each.digest for name, each in call[_CORPORA].items()} for call in calls.values())
    all_noted = {name: found for call in calls.values() for name, found in call[_CORPORA].items()}
    corpora = {name: found for name, found in all_noted.items() if name in alike}
    weights = _agreeing(call[_WEIGHTS] for call in calls.values())
    return Noted(weights, corpora | own.get(_CORPORA, {}), own.get(_CLOSED, False))


def taken(out: Path, grid: str, asked: str) -> list[Problem]:
    """Say that another file's grid of this name has its table and report in a folder, which would be lost.

    A file that was edited, moved or copied is no other, nor is one that has had its name or itself taken
    away since.

    Args:
        out: the folder.
        grid: the name.
        asked: the grid as it is asked for: by a name of ours, or the path of a file.
    """
    path = out / output_folder.call(grid)
    try:
        # What an export has noted is of a file in it.
        other = out / json.loads(path.read_text(encoding="utf-8"))["name"]
        if not other.is_file() or other.samefile(asked):
            return []
        content = _content(other)
        if content == _content(Path(asked)) or content[0].get("name", other.stem) != grid:
            return []
    except (OSError, ValueError, AttributeError, TypeError, KeyError, YAMLError):
        # What is damaged is told by whoever reads it.
        return []
    remedy = (
        f"Give one of them a name of its own (name: in the file), or give another --out; or remove {path},"
        " and this grid takes the other's place. No result is lost by any of it."
    )
    return [Problem(asked, f"a name that no other grid in {out} has", f"{grid}, which is {other}'s", remedy)]


def _content(path: Path) -> list[Any]:
    # Where it says that plug-ins are is another place in an export than it was.
    return [{**read_file(each), PLUGINS: None} for each in files(str(path))]


def _agreeing(notes: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the name → digest of which all that note it say the same."""
    known: dict[str, set[str]] = {}
    for found in notes:
        for name, digest in found.items():
            known.setdefault(name, set()).add(digest)
    return {name: digests.pop() for name, digests in known.items() if len(digests) == 1}


def _manifest(corpus: str, told: Mapping[str, Any], noted_in: Path) -> Manifest:
    return Manifest(
        folder=noted_in,
        corpus=corpus,
        root="",
        digest=told["digest"],
        digests=dict(told["digests"]),
        layout=told["layout"],
        options=dict(told["indexed_with"]),
        counts=dict(told["clips"]),
        frames=dict(told["frames"]),
        quarantined=told["quarantined"],
    )
