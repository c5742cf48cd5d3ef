"""Models, approaches, corpora and metrics from outside the checkout: `plugins=[FOLDER,…]`, in a file as well.

Each file of a folder may end in `MODEL`, `APPROACH`, `CORPUS` or `METRIC`, as the project's own do, and is
known by its word from then on. What uses one has the digest of its file in its id, with what that imports
of its folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from datasets.corpora import registry as corpora
from grid.specs.dotted_keys import listed
from hd2s import plugins
from hd2s.approaches.checked import dangling
from hd2s.approaches.declaration import Approach
from hd2s.approaches.registry import APPROACHES, approaches
from hd2s.checks import DeclarationError, Wrong
from hd2s.metrics.definitions import Metric
from hd2s.models.declaration import Model
from manifests.plugins import import_digested, last_line, line_of
from manifests.problem import Problem, ProblemError, gathered

_CORRECT = "Correct it there."
_REGISTER = plugins.REGISTER | {"CORPUS": corpora.register}


class Origin(NamedTuple):
    """Where something came from: its plug-in's folder, the module in it, and the digest of what that uses."""

    folder: Path
    module: str
    digest: str

    @property
    def file(self) -> Path:
        """The module's file."""
        return self.folder / f"{self.module.rpartition('.')[2]}.py"


_ORIGINS: dict[tuple[type, str], Origin] = {}


def wanted_plugins(overrides: Sequence[str], in_files: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the folders that a command line names, and then those that a grid's files do, each once."""
    given = [item.partition("=")[2] for item in overrides if item.partition("=")[0] == "plugins"]
    found: dict[Path, str] = {}
    for folder in (*(listed("plugins", given[-1]) if given else ()), *in_files):
        found.setdefault(Path(folder).resolve(), folder)
    return tuple(found.values())


def load_wanted(overrides: Sequence[str], in_files: Sequence[str] = ()) -> list[str]:
    """Load the folders of `wanted_plugins`; return the command line as if it had named them all.

    Raises:
        ProblemError: as `load`; or what the command line names is no list.
    """
    wanted = wanted_plugins(overrides, in_files)
    load(wanted)
    return [*overrides, f"plugins={json.dumps(wanted)}"] if wanted else [*overrides]


def load(folders: Iterable[str | Path]) -> None:
    """Make known what these folders hold; again for one that is known already changes nothing.

    Raises:
        ProblemError: listing every folder and file that cannot be taken, with why.
    """
    problems: list[Problem] = []
    for folder in map(Path, folders):
        with gathered(problems):
            for module, digest in import_digested(folder).items():
                problems += _register(module, Origin(folder.resolve(), module.__name__, digest))
    problems += _dangling()
    if problems:
        raise ProblemError(problems)


def origin_of(declaration: Model | Approach | Metric) -> Origin | None:
    """Return where something came from; None for the project's own."""
    return _ORIGINS.get(_key(declaration))


def digest_of(declaration: Model | Approach | Metric) -> str | None:
    """Return the digest of the file that something came from; None for the project's own."""
    origin = origin_of(declaration)
    return origin and origin.digest


@contextmanager
def blamed(*declarations: Model | Approach | Metric) -> Iterator[None]:
    """Name the plug-in whose code the block calls, should it raise what is no problem yet.

    That in whose file it arose, or else the first of the declarations that is a plug-in's; what has to do
    with none is raised as it is.
    """
    try:
        yield
    except ProblemError:
        raise
    except Exception as error:
        arose = [key for key, origin in _ORIGINS.items() if line_of(error, origin.file)]
        given = [key for each in declarations if (key := _key(each)) in _ORIGINS]
        keys = [key for key in given if key in arose] or arose or given[:1]
        if not keys:
            raise
        where = " or ".join(map(partial(_place, error), keys))
        remedy = "Mend it, or leave it out of the grid."
        raise ProblemError(Problem(where, "code that runs", last_line(error), remedy)) from error


def _place(error: Exception, key: tuple[type, str]) -> str:
    kind, word = key
    file = _ORIGINS[key].file
    line = line_of(error, file)
    return f"{kind.__name__.lower()} {word} of {file}{f', line {line}' if line else ''}"


def _key(declaration: Any) -> tuple[type, str]:
    return type(declaration), getattr(declaration, "word", "") or declaration.name


def _told(kind: str, origin: Origin, declaration: Any, wrong: Iterable[Wrong]) -> list[Problem]:
    word = getattr(declaration, "word", getattr(declaration, "name", ""))
    called = f"{kind.lower()} {word}".rstrip() + f" of {origin.file}"
    return [Problem(f"{called}, {field}", expected, found, _CORRECT) for field, expected, found in wrong]


def _dangling() -> list[Problem]:
    """List the approaches of plug-ins that name one that there is not, and forget them."""
    problems: list[Problem] = []
    lost: Any = True
    while lost:
        known = approaches()
        ours = [one for one in known.values() if origin_of(one)]
        lost = [(one, wrong) for one in ours if (wrong := [*dangling(one, known)])]
        for approach, wrong in lost:
            APPROACHES.forget(approach.word)
            problems += _told("APPROACH", _ORIGINS.pop(_key(approach)), approach, wrong)
    return problems


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
        except DeclarationError as error:
            problems += _told(name, origin, declaration, error.wrong)
        except (ValueError, TypeError, AttributeError) as error:
            where = f"{origin.folder}, {module.__name__}.{name}"
            remedy = "Give it a word of its own, or leave the plug-in out."
            problems.append(Problem(where, "what can be added to the project's own", str(error), remedy))
    return problems
