"""Models, approaches, corpora and metrics from outside the checkout: `plugins=[FOLDER,…]`.

Each file of a folder may end in `MODEL`, `APPROACH`, `CORPUS` or `METRIC`, as the project's own do, and is known by
its word from then on. What uses one has the digest of its folder in its id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from manifests.plugins import digest, import_folder
from omegaconf import OmegaConf

from datasets.corpora import registry as corpora
from hd2s.approaches import registry as approaches
from hd2s.approaches.contract import Approach
from hd2s.metrics import definitions as metrics
from hd2s.models import registry as models
from hd2s.models.contract import Model
from manifests.problem import Problem, ProblemError, gathered

_REGISTER: dict[str, Callable[[Any], None]] = {
    "MODEL": models.register,
    "APPROACH": approaches.register,
    "CORPUS": corpora.register,
    "METRIC": metrics.register,
}
# What came from a plug-in → the digest of its folder.
_DIGESTS: dict[tuple[type, str], str] = {}


def wanted_plugins(overrides: Sequence[str]) -> tuple[str, ...]:
    """Return the folders that a command line names."""
    given = [item.partition("=")[2] for item in overrides if item.partition("=")[0] == "plugins"]
    named = OmegaConf.from_dotlist([f"plugins={given[-1]}"]).plugins if given else []
    return tuple(str(folder) for folder in (named if OmegaConf.is_list(named) else [named]))


def load(folders: Iterable[str | Path]) -> None:
    """Make known what these folders hold; again for one that is known already changes nothing.

    Raises:
        ProblemError: listing every folder and file that cannot be taken, with why.
    """
    problems: list[Problem] = []
    for folder in map(Path, folders):
        with gathered(problems):
            modules, found = import_folder(folder), digest(folder)
            problems += [problem for module in modules for problem in _register(module, folder, found)]
    if problems:
        raise ProblemError(problems)


def digest_of(declaration: Model | Approach) -> str | None:
    """Return the digest of the plug-in that a model or an approach comes from; None for the project's own."""
    return _DIGESTS.get((type(declaration), declaration.word))


def _register(module: ModuleType, folder: Path, found: str) -> list[Problem]:
    problems = []
    for name, declaration in vars(module).items():
        if name not in _REGISTER:
            continue
        where = f"{folder}, {module.__name__}.{name}"
        try:
            _REGISTER[name](declaration)
        except ProblemError as error:
            problems += error.problems
        except (ValueError, TypeError, AttributeError) as error:
            remedy = "Give it a word of its own, or leave the plug-in out."
            problems.append(Problem(where, "what can be added to the project's own", str(error), remedy))
        else:
            if name in ("MODEL", "APPROACH"):
                _DIGESTS[type(declaration), declaration.word] = found
    return problems
