"""A grid made ready: settings, spec and manifests read and found sound, and its work planned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from grid import config as settings
from grid import plan as planning
from grid import spec as specs
from grid.config import Config
from grid.inputs import open_inputs, prepare_demo, weights_digest
from grid.plan import Plan
from grid.results import Ledger
from grid.spec import GridSpec
from manifests.check import Problem, ProblemError, gathered
from manifests.store import Manifest


@dataclass(frozen=True)
class Grid:
    """A grid whose settings and inputs are sound, and what has been done of it.

    Attributes:
        manifests: corpus -> manifest.
        out: the output folder, shared by all grids.
        demo: the corpora are generated ones.
    """

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
        """Corpus -> its manifest's digest."""
        return {name: manifest.digest for name, manifest in self.manifests.items()}


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
    manifests, weights = _open(spec, config)
    for corpus, manifest in manifests.items():
        if manifest.quarantined:
            tell(
                f"{corpus}: {manifest.quarantined} clips are quarantined and left out, see {manifest.folder}"
            )
    digests = {name: manifest.digest for name, manifest in manifests.items()}
    plan = planning.make(spec, config, digests, weights)
    return Grid(plan, config, manifests, out, demo)


def _open(spec: GridSpec, config: Config) -> tuple[dict[str, Manifest], str | None]:
    """Open the manifests and the initial weights; all that is wrong with either is told together."""
    manifests, weights, problems = {}, None, []
    with gathered(problems):
        manifests = open_inputs(spec, config)
    with gathered(problems):
        weights = weights_digest(config.model)
    if problems:
        raise ProblemError(problems)
    return manifests, weights
