"""Operations of a model and bytes of its weights: counted once by each version of the code, and kept.

Counting takes PyTorch, which takes seconds to load; a plan that this machine has shown before does without.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import hd2s
from datasets.remote import local_folder
from grid.plan import Training
from grid.planning.identity import options_of
from grid.specs.plugins import blamed
from hd2s.approaches.registry import approaches
from hd2s.files import atomic_write
from hd2s.models.registry import find_model
from hd2s.registry import Later
from manifests.problem import Problem, ProblemError, gathered

_COUNTS = "operations"
_counted, _answered = (Later("grid.commands.counting", name) for name in ("count", "require_answer_of"))


@dataclass(frozen=True)
class Costs:
    """Operations of a model, and the bytes of its weights.

    Attributes:
        step: operations of a training step on one clip of each corpus that it draws from.
        forward: of a forward pass.
        frame: of a frame in prediction, with what neighbouring windows have in common computed once.
        weights: bytes.
        trained: bytes of all that is trained, with what is left behind.
    """

    step: int
    forward: int
    frame: int
    weights: int
    trained: int

    @property
    def state(self) -> int:
        """Bytes of a state to resume from: what is trained with two moments of it, and the best weights."""
        return 3 * self.trained + self.weights


class Asked(NamedTuple):
    """What the operations of a training depend on.

    Attributes:
        model: its word.
        options: of its configuration.
        approach: its word.
        domain: the corpus whose own layers are taken, if it has such.
        unlabelled: clips without maps are seen as well.
        frames: of a window, in steps and forward passes.
        source, target: the corpora of labelled and unlabelled clips, which a plug-in may look at; otherwise
            empty, since our own costs are the same for all.
        settings: the approach's own that are not at their default, likewise.
    """

    model: str
    options: Mapping[str, Any]
    approach: str
    domain: str | None
    unlabelled: bool
    frames: int
    source: str = ""
    target: str = ""
    settings: Mapping[str, Any] | None = None


def asked_of(training: Training, corpus: str = "", *, photographs: bool = False) -> Asked:
    """Return what a training's operations depend on; arguments of `costs_of`."""
    spec, corpus = training.spec, corpus or training.spec.validation.corpus
    shown = spec.model.config.shown(corpus)
    frames = 1 if photographs and shown.input.photograph == "alone" else shown.input.frames
    unlabelled, domain = bool(spec.unlabelled), shown.domain_of(corpus)
    asked = Asked(spec.model.name, options_of(shown), spec.approach.name, domain, unlabelled, frames)
    if _is_ours(asked.model, asked.approach):
        return asked
    target = spec.unlabelled[0].corpus if unlabelled else ""
    return asked._replace(source=corpus, target=target, settings=dict(spec.approach.options))


def check_plugged_in(trainings: Iterable[Training]) -> None:
    """Make sure that what plug-ins compute is what they announce; a clip is all that is computed.

    Raises:
        ProblemError: of each model and approach of which it is not so, with word and file.
    """
    plugged_in = [
        (training, entry.corpus)
        for training in trainings
        if not _is_ours(training.spec.model.name, training.spec.approach.name)
        for entry in training.spec.labelled or (training.spec.validation,)
    ]
    problems: list[Problem] = []
    for asked in dict.fromkeys(_text_of(asked_of(*each)) for each in plugged_in):
        with gathered(problems):
            _costs(asked)
    if problems:
        raise ProblemError(dict.fromkeys(problems))


def costs_of(training: Training, corpus: str = "", *, photographs: bool = False) -> Costs:
    """Return what a training's model does.

    Args:
        training: of the model.
        corpus: whose clips it sees; empty for those that it validates on.
        photographs: it sees these, which may stand alone.
    """
    return _costs(_text_of(asked_of(training, corpus, photographs=photographs)))


def _text_of(asked: Asked) -> str:
    return json.dumps(asked, sort_keys=True)


@cache
def _costs(asked: str) -> Costs:
    wanted = Asked(*json.loads(asked))
    model, approach = find_model(wanted.model).model, approaches()[wanted.approach]
    if not _is_ours(wanted.model, wanted.approach):
        alone = wanted._replace(approach="", unlabelled=False, source="", target="", settings=None)
        if not _is_own(model.build) and (problems := _problems_of(_text_of(alone))):
            raise ProblemError(problems)
        with blamed(approach, model):
            return _counted(wanted)
    kept = _kept(asked)
    try:
        return Costs(**json.loads(kept.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        found = _counted(wanted)
        _keep(kept, found)
        return found


@cache
def _problems_of(asked: str) -> tuple[Problem, ...]:
    """Return what is wrong with a plug-in's model: once for all approaches and corpora, since it computes."""
    wanted, problems = Asked(*json.loads(asked)), list[Problem]()
    with gathered(problems), blamed(find_model(wanted.model).model):
        _answered(wanted)
    return tuple(problems)


def _is_ours(model: str, approach: str) -> bool:
    """Whether all of its code is the project's own, by which counts are kept; a plug-in's may change."""
    return _is_own(find_model(model).model.build) and _is_own(approaches()[approach].learner)


def _is_own(code: Callable) -> bool:
    return isinstance(code, Later) and code.module.startswith("hd2s.")


def _kept(asked: str) -> Path:
    name = hashlib.sha256(f"{_code()} {version('torch')} {asked}".encode()).hexdigest()[:32]
    return local_folder() / _COUNTS / f"{name}.json"


def _keep(path: Path, costs: Costs) -> None:
    try:
        with atomic_write(path) as partial:
            partial.write_text(json.dumps(asdict(costs)), encoding="utf-8")
    except OSError:
        return  # a home that cannot be written to is no reason not to show a plan


@cache
def _code() -> str:
    """Return a SHA-256 of all code that counts and is counted."""
    here = (Path(__file__), Path(__file__).with_name("counting.py"))
    (room,) = map(Path, hd2s.__path__)
    digest = hashlib.sha256()
    for path in (*here, *sorted(room.rglob("*.py"))):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
