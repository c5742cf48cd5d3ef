"""A grid made ready: settings, spec and manifests read and found sound, and its work planned."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from grid import config as settings
from grid import plan as planning
from grid import spec as specs
from grid.config import Config
from grid.inputs import open_inputs, prepare_demo, require_clips, weights_digest
from grid.plan import Plan
from grid.results import Ledger
from grid.tablespec import GridSpec
from manifests.check import Problem, ProblemError, gathered
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
        return Ledger(self.out)

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
_UNTOLD = ("resources", "frames")


def default_out(*, demo: bool) -> Path:
    """Where results go unless said otherwise."""
    return Path("runs/demo" if demo else "runs")


def prepare(name: str, overrides: list[str], out: Path, *, demo: bool, tell: Callable[[str], None]) -> Grid:
    """Read settings, spec and manifests, and plan; for the demo generate and index its corpora.

    Args:
        name: a grid's name, or the path of a YAML file.
        overrides: OmegaConf dot-list.
        out: the output folder.
        demo: use generated corpora and the demo's profile.
        tell: hears what takes a while.

    Raises:
        ProblemError: listing everything that is wrong with settings, spec and manifests.
    """
    problems: list[Problem] = []
    # If the user's settings are wrong, the spec is still looked through, with any seeds.
    config, spec = settings.load([], demo=True), None
    with gathered(problems):
        config = settings.load(overrides, demo=demo)
    with gathered(problems):
        spec = specs.load(name, config.seeds)
    if problems:
        raise ProblemError(problems)
    if demo:
        config = prepare_demo(config, out, tell)
    plan, manifests = _plan(spec, config, partial(settings.configure, overrides, demo=demo))
    for corpus, manifest in manifests.items():
        if manifest.quarantined:
            tell(
                f"{corpus}: {manifest.quarantined} clips are quarantined and left out, see {manifest.folder}"
            )
    return Grid(name, tuple(overrides), plan, config, manifests, out, demo)


def _plan(spec: GridSpec, config: Config, configure: planning.Configure) -> tuple[Plan, dict[str, Manifest]]:
    """Open manifests and initial weights, and plan; all that is wrong with any of it is told together."""
    manifests, weights, problems = {}, None, []
    with gathered(problems):
        manifests = open_inputs(spec, config)
    with gathered(problems):
        weights = weights_digest(config.model)
    # Without the manifests a plan is no use, but the settings of its rows are still looked through.
    unknown = dict.fromkeys(SPLITS, "")
    digests = {name: manifests[name].digests if name in manifests else unknown for name in spec.corpora()}
    with gathered(problems):
        plan = planning.make(spec, configure, digests, weights)
        if not problems:
            require_clips(plan, manifests)
    if problems:
        raise ProblemError(problems)
    return plan, manifests
