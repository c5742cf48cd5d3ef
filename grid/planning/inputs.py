"""The corpora that a grid reads: found, or made for the demo, and checked before anything starts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from datasets import demo
from datasets.corpora.registry import available, get
from datasets.indexing.index import index
from datasets.remote import is_folder, is_url
from grid.plan import Plan
from grid.results import output_folder
from grid.results.lock import held
from grid.specs.settings import Config, Model
from grid.specs.table import GridSpec
from hd2s import build_model, load_weights
from hd2s.weights.checkpoints import WeightsError
from manifests.problem import Problem, ProblemError, suggest
from manifests.store import CLIPS, Manifest, ManifestError, open_manifest


def prepare_demo(config: Config, out: Path, tell: Callable[[str], None]) -> Config:
    """Generate and index the demo corpora under `out` unless they are there; return them as config."""

    def on_clip(word: str, done: int, total: int) -> None:
        if done == 1:
            tell(f"generating a look-alike of {get(word).name}: {total} clips")

    places = dict(config.corpora)
    with held(out / output_folder.CORPORA, "generating and indexing the demo corpora"):
        for word, root in demo.generate(out / output_folder.CORPORA, progress=on_clip).items():
            folder = out / output_folder.demo_manifest(word)
            if not _indexed(folder, root):
                tell(f"indexing {get(word).name}")
                index(word, root, folder)
            places[get(word).name] = replace(places[get(word).name], manifest=str(folder))
    return replace(config, corpora=places)


def open_inputs(spec: GridSpec, config: Config) -> dict[str, Manifest]:
    """Open the manifests of all corpora that a grid reads.

    Raises:
        ProblemError: listing every corpus that is unknown, not indexed or not on disk.
    """
    found: dict[str, Manifest] = {}
    problems = unknown_corpora(spec, config)
    for name in spec.corpora():
        place = config.corpora.get(name)
        if place is None:
            continue
        try:
            found[name] = open_manifest(Path(place.manifest), place.root or None)
        except ManifestError as error:
            problems += [replace(problem, remedy=_how_to_index(name, problem)) for problem in error.problems]
            continue
        if found[name].corpus != name:
            remedy = f"Give the manifest of {name}: corpora.{name}.manifest=DIR."
            problems.append(Problem(place.manifest, f"the manifest of {name}", found[name].corpus, remedy))
        problems += _root_problems(found[name])
    if problems:
        raise ProblemError(problems)
    return found


def unknown_corpora(spec: GridSpec, config: Config) -> list[Problem]:
    """List the corpora of a grid that nothing is known of."""
    return [
        Problem(
            f"grid {spec.name}",
            "corpora with manifests",
            repr(name),
            f"{suggest(name, config.corpora)} For a new corpus give corpora.{name}.manifest=DIR.",
        )
        for name in spec.corpora()
        if name not in config.corpora
    ]


def _root_problems(manifest: Manifest) -> list[Problem]:
    """Say whether a corpus' files are not where they should be, on disk or behind a url."""
    found = f"no folder {manifest.root}"
    try:
        if is_folder(manifest.root) if is_url(manifest.root) else Path(manifest.root).is_dir():
            return []
    except (ProblemError, OSError) as error:
        found = f"{manifest.root}: {error}"
    remedy = f"Mount it, or say where the files are now: corpora.{manifest.corpus}.root=DIR (or s3://…)."
    return [Problem(manifest.corpus, "the corpus' files where they were indexed", found, remedy)]


def weights_digest(model: Model) -> str | None:
    """Return the SHA-256 of the backbone's initial weights; None from scratch.

    Raises:
        ProblemError: no file is named, or it does not hold S3D trained on Kinetics-400. A whole HD2S would
            fit as well, and spoil every comparison by what it has learnt from a corpus.
    """
    if model.backbone_weights == "none":
        return None
    path = Path(model.backbone_weights)
    if not path.is_file():
        expected = "the state dict of S3D on Kinetics-400, from which the paper starts"
        remedy = "Give model.backbone_weights=FILE, or model.backbone_weights=none to start from scratch."
        found = model.backbone_weights or "nothing"
        raise ProblemError(Problem("model.backbone_weights", expected, found, remedy))
    size = {"clip_length": model.clip_length, "height": model.height, "width": model.width}
    try:
        found = load_weights(build_model("hd2s", seed=0, **size), path)
    except WeightsError as error:
        found = str(error)
    if found not in ("kinetics", "torchvision"):
        expected = "a state dict of S3D on Kinetics-400, in its author's layout or torchvision's"
        raise ProblemError(Problem("model.backbone_weights", expected, found, "Correct the path."))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _indexed(folder: Path, root: Path) -> bool:
    """Whether a manifest of this root stands already, made after the corpus was."""
    try:
        manifest = open_manifest(folder)
    except ManifestError:
        return False
    made, indexed = (path.stat().st_mtime_ns for path in (root / demo.MARKER, folder / CLIPS))
    return Path(manifest.root) == root.resolve() and indexed >= made


def _how_to_index(name: str, problem: Problem) -> str:
    """Say how to come by a manifest; for a corpus without an adapter, what its reader says."""
    word = {get(word).name: word for word in available()}.get(name)
    if word is None:
        return problem.remedy
    return (
        f"Index it: python -m datasets index {word} --root DIR (or say where its manifest is:"
        f" corpora.{name}.manifest=DIR). To try the grid without any corpus add --demo."
    )


def require_clips(plan: Plan, manifests: Mapping[str, Manifest]) -> None:
    """Make sure that every corpus has the clips that the plan reads of it.

    Raises:
        ProblemError: listing every split without a clip that is long enough, or with nothing to score.
    """
    problems = []
    for read in dict.fromkeys(read for training in plan.trainings.values() for read in training.reads):
        lengths = manifests[read.corpus].lengths(read.split)
        if not (lengths >= read.clip_length).any():
            found = f"none ({len(lengths)} shorter)"
            remedy = "Index the whole corpus, or lower model.clip_length."
            expected = f"clips of {read.clip_length} frames"
            problems.append(Problem(f"{read.corpus}, split {read.split}", expected, found, remedy))
    for name in dict.fromkeys(evaluation.test for evaluation in plan.evaluations.values()):
        if not manifests[name].column("test", "n_fixated_frames").any():
            found = f"{manifests[name].counts['test']} clips, none with a fixation"
            remedy = "Index the whole corpus with its fixations: nothing can be scored without."
            problems.append(Problem(f"{name}, split test", "clips with fixations", found, remedy))
    if problems:
        raise ProblemError(dict.fromkeys(problems))
