"""What a grid reads, corpora and initial weights: found and checked before anything starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from datasets.corpora.registry import default_folder, find
from datasets.listing.file_names import first_few
from datasets.remote import is_folder
from grid.plan import Plan
from grid.planning.stand_in import stand_in
from grid.specs.settings import Config, ModelSettings
from grid.specs.table import GridSpec
from hd2s.files import sha256_of
from hd2s.models.declaration import had_from
from hd2s.models.registry import build_model, find_model
from manifests.folds import HeldOut, folded
from manifests.problem import Problem, ProblemError, counted, suggest
from manifests.schema import natural_key
from manifests.store import CLIPS, Manifest, ManifestError, is_url, open_manifest

Instead = Callable[[str, Path | None], Manifest | None]
"""(Corpus, where its manifest should lie or None) → what stands for it; None where nothing does."""


def nothing(corpus: str, folder: Path | None) -> Manifest | None:
    """Let nothing stand for a manifest."""


def open_inputs(
    spec: GridSpec, config: Config, *, instead: Instead = nothing, files: bool = True
) -> dict[str, Manifest]:
    """Open the manifests of all corpora that a grid reads.

    Args:
        spec: the grid.
        config: says where they are.
        instead: what is taken for a corpus in place of its manifest, which then need not be there.
        files: whether the corpora's own files must be there.

    Raises:
        ProblemError: listing every corpus that is unknown, not indexed or not on disk.
    """
    found: dict[str, Manifest] = {}
    problems: list[Problem] = []
    for name in spec.corpora():
        place = config.corpora.get(name)
        if stand := instead(name, Path(place.manifest) if place else None):
            found[name] = stand
            continue
        if place is None:
            problems += unknown_corpora(spec, config, [name])
            continue
        try:
            found[name] = open_manifest(Path(place.manifest), place.root or None)
        except ManifestError as error:
            problems += [replace(problem, remedy=_how_to_index(name, problem)) for problem in error.problems]
            continue
        if found[name].corpus != name:
            remedy = f"Give the manifest of {name}: corpora.{name}.manifest=DIR."
            problems.append(Problem(place.manifest, f"the manifest of {name}", found[name].corpus, remedy))
        problems += _root_problems(found[name]) if files else []
    if problems:
        raise ProblemError(problems)
    return found


def published(corpus: str, folder: Path | None) -> Manifest | None:
    """Return what is published of a corpus, if there is no manifest and nobody has said where one is."""
    declared = find(corpus)
    said = declared is None or folder != default_folder(declared)
    return None if said or folder is None or (folder / CLIPS).exists() else stand_in(corpus)


def unknown_corpora(spec: GridSpec, config: Config, names: Iterable[str] | None = None) -> list[Problem]:
    """List the corpora of a grid, of all or of these, that nothing is known of."""
    return [
        Problem(
            f"grid {spec.name}",
            "corpora with manifests",
            repr(name),
            f"{suggest(name, config.corpora)} For a new corpus give corpora.{name}.manifest=DIR.",
        )
        for name in (spec.corpora() if names is None else names)
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


@dataclass(frozen=True)
class InitialWeights:
    """A file that a model's trainings start from, and its SHA-256."""

    path: Path
    digest: str


def initial_weights(model: ModelSettings, absent: str | None = None) -> InitialWeights | None:
    """Return what a model's trainings start from; None from scratch, or if it can start from nothing else.

    Args:
        model: its settings.
        absent: the digest to take where no file is named or there; None: it is needed.

    Raises:
        ProblemError: no file is named, or it does not hold what the model can start from. One that fills the
            whole model would fit as well, and spoil every comparison by what it has learnt from a corpus.
    """
    layouts = find_model(model.word).model.starts_from
    if model.backbone_weights == "none" or not layouts:
        return None
    path, known = Path(model.backbone_weights), " or ".join(layout.title for layout in layouts)
    if not path.is_file() and absent is not None:
        return InitialWeights(path, absent)
    if not path.is_file():
        remedy = (
            "Give model.backbone_weights=FILE, or model.backbone_weights=none to start from scratch."
            f" {had_from(layouts)}"
        )
        found = model.backbone_weights or "nothing"
        expected = f"what the paper starts from: {known}"
        raise ProblemError(Problem("model.backbone_weights", expected, found, remedy))
    # PyTorch takes seconds, which a plan of trainings from scratch does without.
    from hd2s.weights.checkpoints import WeightsError, load_weights  # noqa: PLC0415

    try:
        found = load_weights(build_model(model.word, seed=0, **model.options), path)
    except WeightsError as error:
        found = str(error)
    if found not in [layout.word for layout in layouts]:
        raise ProblemError(Problem("model.backbone_weights", known, found, "Correct the path."))
    return InitialWeights(path, sha256_of(path))


def _how_to_index(name: str, problem: Problem) -> str:
    """Say how to come by a manifest; for a corpus without an adapter, what its reader says."""
    corpus = find(name)
    if corpus is None:
        return problem.remedy
    return (
        f"Index it: python -m datasets index {corpus.word} --root DIR (or say where its manifest is:"
        f" corpora.{name}.manifest=DIR). To try the grid without any corpus add --demo."
        f"{f' {name} is had from {corpus.had_from}.' if corpus.had_from else ''}"
    )


def require_clips(plan: Plan, manifests: Mapping[str, Manifest]) -> None:
    """Make sure that every corpus has the clips that the plan reads of it, as many as its settings take.

    Raises:
        ProblemError: listing every split without a clip that is long enough, or with nothing to score.
    """
    problems = [*_never_risen(plan)]
    reads = (item for training in plan.trainings.values() for item in training.reads.items())
    # Where nothing is held out, a target's training clips are all there is to see without maps.
    for read in dict.fromkeys(read for read, labelled in reads if labelled or read.split == "train"):
        enough = folded(manifests[read.corpus], read.fold).filling(read.split, read.clip_length)
        if not enough.any():
            found = f"none ({len(enough)} shorter)"
            lists = ", take train.splits=corpus" if isinstance(read.fold, HeldOut) else ""
            lists += ", or lower model.clip_length" if len(enough) else ""
            remedy = _remedy(manifests[read.corpus], enough, lists)
            expected = f"clips of {read.clip_length} frames"
            problems.append(Problem(f"{read.corpus}, split {read.split}", expected, found, remedy))
    specs = [unit.spec for unit in plan.evaluations.values()]
    problems += _without_fixations(plan, manifests)
    for test, least in dict.fromkeys((spec.test, spec.protocol.min_frames) for spec in specs):
        place, manifest = f"{test.corpus}, split test", folded(manifests[test.corpus], test.fold)
        enough = manifest.filling("test", least)
        if len(enough) and not enough.any():
            expected, found = f"clips of {least} frames", f"none ({len(enough)} shorter)"
            remedy = "Index the whole corpus, or lower test.min_frames."
            problems.append(Problem(place, expected, found, remedy))
        elif not manifest.column("test", "n_fixated_frames")[enough].any():
            found = f"{enough.sum()} clips, none with a fixation"
            remedy = _remedy(manifest, enough, " with its fixations: nothing can be scored without")
            problems.append(Problem(place, "clips with fixations", found, remedy))
    if problems:
        raise ProblemError(dict.fromkeys(problems))


def _remedy(manifest: Manifest, there: np.ndarray, how: str) -> str:
    """Say how a split comes by clips: where there is none, those that it should have may be damaged."""
    if len(there) or not manifest.quarantined:
        return f"Index the whole corpus{how}."
    corpus = find(manifest.corpus)
    check = f"python -m datasets check {corpus.word if corpus else manifest.corpus}"
    damaged = counted(manifest.quarantined, "clip")
    return f"Mend {damaged} of it that cannot be used ({check} says why), or index the whole corpus{how}."


def of_lists(plan: Plan, manifests: Mapping[str, Manifest]) -> Iterator[str]:
    """Say of each corpus that is read by a release's lists what they leave aside, and what it lacks."""
    reads = [read for training in plan.trainings.values() for read in training.reads]
    for corpus, lists in dict.fromkeys((read.corpus, read.fold) for read in reads):
        if not isinstance(lists, HeldOut) or not manifests[corpus].has_names:
            continue
        found = folded(manifests[corpus], lists)
        if aside := sorted((clip.clip for clip in found.clips("unlisted")), key=natural_key):
            yield (
                f"{corpus}: train.splits=released leaves {counted(len(aside), 'clip')} aside, whose"
                f" source videos come after {lists.last}: {first_few(aside)}"
            )
        there = {clip.source_video for clip in found.clips("val")}
        if lacking := [name for name in lists.validation if name not in there]:
            yield (
                f"{corpus}: it lacks {len(lacking)} of {len(lists.validation)} source videos that"
                f" train.splits=released validates on: {first_few(lacking)}"
            )


def _never_risen(plan: Plan) -> Iterator[Problem]:
    """Yield of how many iterations trainings are that are over before their learning rate has risen.

    Those of epochs are known by their clips, and those of fine-tuning are few where any is fine-tuned.
    """
    for train in (unit.spec.train for unit in plan.trainings.values()):
        if 0 < train.iterations <= train.lr_warmup:
            expected = f"fewer than the {train.iterations} iterations of a training"
            yield Problem("train.lr_warmup", expected, str(train.lr_warmup), "Correct it.")


def _without_fixations(plan: Plan, manifests: Mapping[str, Manifest]) -> Iterator[Problem]:
    """Yield what trainings by fixations have none of: their loss would be another, and nobody would know."""
    for training in plan.trainings.values():
        config = training.spec.model.config
        asks, among = (training.model, "models")
        if not config.needs_fixations:
            asks, among = (training.approach, "approaches")
        for entry in training.spec.labelled if training.spec.needs_fixations else ():
            manifest, least = manifests[entry.corpus], config.shown(entry.corpus).input.shortest
            enough = (corpus := folded(manifest, entry.fold)).filling("train", least)
            if enough.any() and not corpus.column("train", "n_fixated_frames")[enough].any():
                place, expected = (
                    f"{entry.corpus}, split train",
                    f"fixations, which {asks} learns from",
                )
                found = f"{enough.sum()} clips, none with a fixation"
                remedy = f"Index the corpus with its fixations, or leave {asks} out of the {among}."
                yield Problem(place, expected, found, remedy)
