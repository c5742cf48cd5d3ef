"""A grid made ready: settings, spec and manifests read and found sound, and its work planned."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from grid.plan import Plan
from grid.planning import planner as planning
from grid.planning.inputs import open_inputs, prepare_demo, require_clips, unknown_corpora, weights_digest
from grid.results.ledger import Ledger
from grid.results.storage import Storage
from grid.results.storage_check import check_storage
from grid.specs import grid_reader as specs
from grid.specs import settings
from grid.specs.overruled import overruled
from grid.specs.settings import Config, Model
from grid.specs.table import GridSpec
from manifests.problem import Problem, ProblemError, gathered
from manifests.schema import SPLITS
from manifests.store import Manifest


@dataclass(frozen=True)
class Grid:
    """A grid whose settings and inputs are sound, and what has been done of it.

    Attributes:
        name: as asked for: the grid's, or the path of a YAML file.
        overrides: the user's own.
        manifests: corpus -> manifest.
        out: the output folder, shared by all grids.
        demo: the corpora are generated ones.
    """

    name: str
    overrides: tuple[str, ...]
    plan: Plan
    config: Config
    manifests: Mapping[str, Manifest]
    out: Path
    demo: bool

    @property
    def ledger(self) -> Ledger:
        """What is done."""
        return Ledger(self.out, self.storage)

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
        return f"python run_grid.py {shlex.join(words)}"


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
) -> Grid:
    """Read settings, spec and manifests, and plan; for the demo generate and index its corpora.

    Args:
        name: a grid's name, or the path of a YAML file.
        overrides: OmegaConf dot-list.
        out: the output folder.
        demo: use generated corpora and the demo's profile.
        tell: hears what takes a while, and what the user may not expect.
        problems: what is known to be wrong, to be told with the rest.

    Raises:
        ProblemError: listing everything that is wrong with settings, spec and manifests. The demo's corpora
            are not generated then.
    """
    given = settings.read(overrides, demo=demo)
    spec, mistakes = specs.read(name, given.config.seeds)
    problems = [*problems, *given.problems, *mistakes]
    with gathered(problems):
        check_storage(given.config.storage.url)
    configure = _configure(given.overrides, demo=demo)
    config = given.config
    if demo:
        problems += [*unknown_corpora(spec, config), *_draft(spec, configure, given.problems)]
        if problems:
            raise ProblemError(problems)
        config = prepare_demo(config, out, tell)
    plan, manifests, wrong = _plan(spec, config, configure, given.problems)
    problems += wrong
    if problems:
        raise ProblemError(dict.fromkeys(problems))
    for note in (*overruled(spec, overrides), *_quarantined(manifests)):
        tell(note)
    grid = Grid(name, tuple(overrides), plan, config, manifests, out, demo)
    grid.ledger.agree()
    return grid


def _plan(
    spec: GridSpec, config: Config, configure: planning.Configure, known: Sequence[Problem]
) -> tuple[Plan, dict[str, Manifest], list[Problem]]:
    """Open manifests and initial weights, and plan; list all that is wrong with any of it but `known`."""
    manifests, weights, problems = {}, None, []
    # A size that no model has is told already; whether the weights fit does not depend on it.
    model = Model(backbone_weights=config.model.backbone_weights) if known else config.model
    with gathered(problems):
        manifests = open_inputs(spec, config)
    with gathered(problems):
        weights = weights_digest(model)
    # Without the manifests a plan is no use, but the settings of its rows are still looked through.
    digests = {name: manifest.digests for name, manifest in manifests.items()} or _no_digests(spec)
    plan, wrong = planning.draft(spec, configure, digests, weights, known)
    with gathered(problems):
        if manifests:
            require_clips(plan, manifests)
    return plan, manifests, [*problems, *wrong]


def _configure(overrides: list[str], *, demo: bool) -> planning.Configure:
    """Return what loads the settings of rows, each combination once."""
    load = cache(lambda under, over: settings.configure(overrides, under, over, demo=demo))
    return lambda under, over: load(tuple(under), tuple(over))


def _draft(spec: GridSpec, configure: planning.Configure, known: Sequence[Problem]) -> list[Problem]:
    """List what is wrong with the settings of a grid's rows, whatever its corpora hold."""
    _, problems = planning.draft(spec, configure, _no_digests(spec), None, known)
    return problems


def _no_digests(spec: GridSpec) -> planning.Digests:
    return {corpus: dict.fromkeys(SPLITS, "") for corpus in spec.corpora()}


def _quarantined(manifests: Mapping[str, Manifest]) -> list[str]:
    return [
        f"{corpus}: {manifest.quarantined} clips are quarantined and left out, see {manifest.folder}"
        for corpus, manifest in manifests.items()
        if manifest.quarantined
    ]
