"""A grid made ready: settings, spec and manifests read and found sound, and its work planned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from grid.plan import Plan
from grid.planning import planner as planning
from grid.planning.inputs import (
    InitialWeights,
    initial_weights,
    nothing,
    of_lists,
    open_inputs,
    published,
    require_clips,
    unknown_corpora,
)
from grid.planning.noted import Noted, read_noted, taken
from grid.planning.rows import Configure, Digests
from grid.planning.tables_asked import table_problems
from grid.results.ledger import Ledger
from grid.results.storage import Storage
from grid.results.storage.check import check_storage
from grid.specs import grid_reader as specs
from grid.specs import plugins
from grid.specs import settings_reader as settings
from grid.specs.settings import DEFAULT_MODEL, Config
from grid.specs.settings_checks import before_protocols, contradictions, overruled
from grid.specs.table import GridSpec
from hd2s.models.registry import models as known_models
from hd2s.registry import Later
from manifests.escaping import shell
from manifests.folds import Splitting, folded
from manifests.problem import Problem, ProblemError, agreed, counted, gathered
from manifests.schema import SPLITS, Clip
from manifests.store import Manifest


@dataclass(frozen=True)
class Grid:
    """A grid whose settings and inputs are sound, and what has been done of it.

    Attributes:
        name: as asked for: the grid's, or the path of a YAML file.
        overrides: the user's own.
        manifests: corpus -> manifest.
        weights: model -> what its trainings start from, where they do not start from scratch.
        config: the settings in which its models do not differ.
        out: the output folder, shared by all grids.
        demo: the corpora are generated ones.
    """

    name: str
    overrides: tuple[str, ...]
    plan: Plan
    manifests: Mapping[str, Manifest]
    weights: Mapping[str, InitialWeights]
    config: Config
    out: Path
    demo: bool

    @property
    def ledger(self) -> Ledger:
        """What is done."""
        return Ledger(self.out, self.storage, self.plan.may_stop)

    @cached_property
    def storage(self) -> Storage:
        """Where results, checkpoints and states are."""
        return Storage(self.config.storage.url, str(self.out.resolve()))

    @property
    def digests(self) -> dict[str, str]:
        """Corpus -> its manifest's digest, as a run's description gives it."""
        return {name: manifest.digest for name, manifest in self.manifests.items()}

    def command(self, *options: str) -> str:
        """Say how to call this grid again, with these options; left out is what changes no result."""
        out = [] if self.out == default_out(demo=self.demo) else ["--out", str(self.out)]
        overrides = (item for item in self.overrides if item.partition(".")[0] not in _UNTOLD)
        words = ["--grid", self.name, *(["--demo"] if self.demo else []), *out, *options, *overrides]
        return f"python run_grid.py {shell(words)}"


Purpose = Literal["run", "results", "plan"]
"""What a grid is prepared for."""
# What draws and encodes is for the demo alone.
_demo_places, _prepare_demo = (Later("grid.planning.demo", name) for name in ("demo_places", "prepare_demo"))
# In place of the digest of weights that nobody has seen yet: no training's id is made of it.
_NOT_HERE = "not here"

# Sections of settings whose only effect is on time and space.
_UNTOLD = ("resources", "frames", "tracking")


def default_out(*, demo: bool) -> Path:
    """Where results go unless said otherwise."""
    return Path("runs/demo" if demo else "runs")


def prepare(
    name: str,
    overrides: list[str],
    out: Path,
    *,
    demo: bool,
    tell: Callable[[str], None],
    problems: Sequence[Problem] = (),
    purpose: Purpose = "run",
) -> Grid:
    """Read settings, spec and manifests, and plan; for the demo generate and index its corpora.

    Args:
        name: a grid's name, or the path of a YAML file.
        overrides: OmegaConf dot-list.
        out: the output folder.
        demo: use generated corpora and the demo's profile.
        tell: hears what takes a while, and what the user may not expect.
        problems: what is known to be wrong, to be told with the rest.
        purpose: what the grid is for, and so what must be here: to run it, all; to look at its results,
            neither corpora nor initial weights where a run in this folder has noted them; to plan it, neither
            these nor indexed corpora.

    Raises:
        ProblemError: listing everything that is wrong with settings, spec and manifests. The demo's corpora
            are not generated then.
    """
    problems, given = [*problems], overrides
    with gathered(problems):
        given = plugins.load_wanted(overrides, specs.plugin_folders(name))
    asked = _asked(name, given, problems, demo=demo)
    problems += table_problems(asked.spec, asked.config)
    problems += taken(out, asked.spec.name, name) if purpose != "plan" else []
    with gathered(problems):
        check_storage(asked.config.storage.url, look_only=purpose == "plan")
    noted = Noted() if purpose == "run" else read_noted(out, asked.spec.name)
    if demo:
        without = purpose == "results" and noted.corpora.keys() >= set(asked.spec.corpora())
        problems += [] if without else [*unknown_corpora(asked.spec, asked.config), *_draft(asked)]
        if problems:
            raise ProblemError(dict.fromkeys(problems))
        read = asked.spec.corpora()
        places = _demo_places(asked.config, out) if without else _prepare_demo(asked.config, out, tell, read)
        asked = replace(asked, configs={w: replace(c, corpora=places) for w, c in asked.configs.items()})
    planned = _plan(asked, problems, noted, purpose)
    if problems:
        raise ProblemError(dict.fromkeys(problems))
    for note in (
        *_of_settings(asked, overrides),
        *(of_lists(planned.plan, planned.manifests) if purpose != "results" else ()),
        *_quarantined(planned.manifests),
        *_of_weights(planned),
    ):
        tell(note)
    grid = Grid(name, tuple(overrides), *planned, asked.config, out, demo)
    grid.ledger.agree(give=purpose != "plan")
    return grid


@dataclass(frozen=True)
class _Asked:
    """A grid as it is asked for, its settings for each of its models, and what is wrong with these."""

    spec: GridSpec
    configs: Mapping[str, Config]
    configure: Configure
    known: Sequence[Problem]

    @property
    def config(self) -> Config:
        """The settings in which models do not differ."""
        return next(iter(self.configs.values()))


def _asked(name: str, overrides: Sequence[str], problems: list[Problem], *, demo: bool) -> _Asked:
    """Read a grid and its settings, after adding their mistakes to `problems`."""
    models = None
    with gathered(problems):
        models = settings.wanted_models(overrides)
    # What is wrong is told of the grid's own models, which are not known before the grid is read.
    first = settings.read(
        overrides, demo=demo, model=(models or (DEFAULT_MODEL,))[0], among=tuple(known_models())
    )
    chosen = settings.selection(first.config)
    instead = specs.Instead(first.config.seeds, models, chosen, first.config.sweep)
    spec, mistakes = specs.read(name, instead)
    words = spec.models() or models or (DEFAULT_MODEL,)
    # A table's own places of corpora lie under the user's.
    all_given = [*spec.found_at(), *overrides]
    given = {word: settings.read(all_given, demo=demo, model=word, among=words) for word in words}
    known = list(dict.fromkeys(problem for found in given.values() for problem in found.problems))
    # A setting that no model has is told once, though each model has others to suggest.
    told = {(problem.where, problem.expected, problem.found): problem for problem in reversed(known)}
    problems += [*reversed(told.values()), *mistakes]

    @cache
    def load(model: str, under: tuple[str, ...], over: tuple[str, ...], approach: str) -> Config:
        sound = given[model].overrides
        return settings.configure(sound, under, over, demo=demo, model=model, among=words, approach=approach)

    def configure(model: str, under: Sequence[str], over: Sequence[str], approach: str = "") -> Config:
        return load(model, tuple(under), tuple(over), approach)

    return _Asked(spec, {word: found.config for word, found in given.items()}, configure, known)


class _Planned(NamedTuple):
    plan: Plan
    manifests: dict[str, Manifest]
    weights: dict[str, InitialWeights]


def _plan(asked: _Asked, problems: list[Problem], noted: Noted, purpose: Purpose) -> _Planned:
    """Open manifests and initial weights, and plan, after adding all that is wrong to `problems`."""
    manifests: dict[str, Manifest] = {}
    weights: dict[str, InitialWeights] = {}
    with gathered(problems):
        instead = {"run": nothing, "plan": published, "results": noted.manifest}[purpose]
        files = purpose != "results"
        manifests = open_inputs(asked.spec, asked.config, instead=instead, files=files)
    for word, config in asked.configs.items():
        if asked.spec.costs and word not in asked.spec.models():
            continue
        absent = noted.weights.get(word, _NOT_HERE if purpose == "plan" else None)
        with gathered(problems):
            weights |= {word: found} if (found := initial_weights(config.model, absent)) else {}
    # Without the manifests a plan is no use, but the settings of its rows are still looked through.
    digests = {name: manifest.digests for name, manifest in manifests.items()} or _no_digests(asked.spec)
    starts = {word: found.digest for word, found in weights.items()}

    def clips_of(corpus: str, fold: Splitting | None) -> Sequence[Clip]:
        return folded(manifests[corpus], fold).clips("train") if corpus in manifests else ()

    plan, wrong = planning.draft(asked.spec, asked.configure, digests, starts, asked.known, clips_of=clips_of)
    problems += wrong
    with gathered(problems):
        if manifests and purpose != "results":
            require_clips(plan, manifests)
    return _Planned(plan, manifests, weights)


def _draft(asked: _Asked) -> list[Problem]:
    """List what is wrong with the settings of a grid's rows, whatever its corpora hold."""
    _, problems = planning.draft(asked.spec, asked.configure, _no_digests(asked.spec), {}, asked.known)
    return problems


def _no_digests(spec: GridSpec) -> Digests:
    return {corpus: dict.fromkeys(SPLITS, "") for corpus in spec.corpora()}


def _of_weights(planned: _Planned) -> Iterator[str]:
    """Say whose initial weights are not here, and what is asked for that is of no use without any."""
    for model, found in planned.weights.items():
        if found.digest == _NOT_HERE:
            yield f"{model}: the weights that it starts from are not here; with them trainings have other ids"
    specs = [unit.spec for unit in planned.plan.trainings.values() if unit.spec.approach.declaration.trains]
    yield from dict.fromkeys(
        f"{spec.model.name}: model.{name}={getattr(config, name)} is for initial weights, and there are none:"
        f" give model.{name}={expected}"
        for spec in specs
        if not (spec.model.weights or spec.parent)
        for config in [spec.model.config]
        for name, expected in config.faults_from_scratch()
    )


def _of_settings(asked: _Asked, overrides: list[str]) -> Iterator[str]:
    """Say what of a user's settings contradicts, is set otherwise by rows, or goes before a protocol."""
    yield from (*contradictions(overrides), *overruled(asked.spec, overrides))
    for model, config in asked.configs.items():
        yield from before_protocols(model, _stood_for(asked.spec, config), overrides)


def _stood_for(spec: GridSpec, config: Config) -> dict[str, dict[str, Any]]:
    """Return approach, or "" for all -> what protocols stand for in a grid with a model."""
    words = dict.fromkeys(("", *(word for table in spec.tables for word in table.approaches)))
    return {word: settings.protocol_settings(config, word) for word in words}


def _quarantined(manifests: Mapping[str, Manifest]) -> list[str]:
    return [
        f"{corpus}: {counted(n := manifest.quarantined, 'clip')} {agreed(n)} quarantined and left out, see"
        f" {manifest.folder}"
        for corpus, manifest in manifests.items()
        if manifest.quarantined
    ]
