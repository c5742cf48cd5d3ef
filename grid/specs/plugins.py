"""Models, approaches, corpora and metrics from outside the checkout: `plugins=[FOLDER,…]`.

Each file of a folder may end in `MODEL`, `APPROACH`, `CORPUS` or `METRIC`, as the project's own do, and is
known by its word from then on. What uses one has the digest of its folder in its id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from datasets.corpora import registry as corpora
from grid.specs.dotted_keys import listed
from hd2s import plugins
from hd2s.approaches.declaration import Approach
from hd2s.metrics.definitions import Metric
from hd2s.models.declaration import Model
from manifests.plugins import digest, import_folder
from manifests.problem import Problem, ProblemError, gathered

_REGISTER = plugins.REGISTER | {"CORPUS": corpora.register}


class Origin(NamedTuple):
    """Where something came from: its plug-in's folder, the module in it, and the folder's digest."""

    folder: Path
    module: str
    digest: str


_ORIGINS: dict[tuple[type, str], Origin] = {}


def wanted_plugins(overrides: Sequence[str]) -> tuple[str, ...]:
    """Return the folders that a command line names."""
    given = [item.partition("=")[2] for item in overrides if item.partition("=")[0] == "plugins"]
    return listed("plugins", given[-1]) if given else ()


def load(folders: Iterable[str | Path]) -> None:
    """Make known what these folders hold; again for one that is known already changes nothing.

    Raises:
        ProblemError: listing every folder and file that cannot be taken, with why.
    """
    problems: list[Problem] = []
    for folder in map(Path, folders):
        with gathered(problems):
            for module in import_folder(folder):
                problems += _register(module, Origin(folder.resolve(), module.__name__, digest(folder)))
    if problems:
        raise ProblemError(problems)


def origin_of(declaration: Model | Approach | Metric) -> Origin | None:
    """Return where something came from; None for the project's own."""
    return _ORIGINS.get(_key(declaration))


def digest_of(declaration: Model | Approach | Metric) -> str | None:
    """Return the digest of the plug-in that something came from; None for the project's own."""
    origin = origin_of(declaration)
    return origin and origin.digest


def _key(declaration: Any) -> tuple[type, str]:
    return type(declaration), getattr(declaration, "word", "") or declaration.name


def _register(module: ModuleType, origin: Origin) -> list[Problem]:
    """Add all that a module declares; list what cannot be added."""
    problems = []
    for name, declaration in vars(module).items():
        if name not in _REGISTER:
            continue
        try:
            _REGISTER[name](declaration)
            _ORIGINS[_key(declaration)] = origin
        except ProblemError as error:
            problems += error.problems
        except (ValueError, TypeError, AttributeError) as error:
            where = f"{origin.folder}, {module.__name__}.{name}"
            remedy = "Give it a word of its own, or leave the plug-in out."
            problems.append(Problem(where, "what can be added to the project's own", str(error), remedy))
    return problems
