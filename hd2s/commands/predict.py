"""``python -m hd2s predict``: saliency maps and heat overlays of videos."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from datasets.corpora.registry import manifest_folder
from datasets.corpora.saliency_maps import MapReader
from datasets.listing.file_names import is_image
from hd2s.commands.conspicuity import require_conspicuity, write_conspicuity
from hd2s.commands.manner import add_manner, manner, sizes_given
from hd2s.commands.places import kinds, places, require_free
from hd2s.commands.plugins import add_plugins, register_plugins
from hd2s.commands.sources import Source, clip_source, open_source, videos_of
from hd2s.commands.writable import require_folder
from hd2s.commands.writers import Writer, open_writer
from hd2s.metrics.benchmark import resize_bicubic, to_eight_bit
from hd2s.models.contract import SaliencyModel
from hd2s.models.shown import as_shown
from hd2s.prediction.open_checkpoint import open_checkpoint
from hd2s.prediction.overlay import overlay
from hd2s.prediction.predictor import Predictor
from hd2s.prediction.processor import use_processor
from hd2s.weights.checkpoints import WeightsError
from manifests import Problem, ProblemError, open_manifest
from manifests.problem import counted

_INTERRUPTED = "Videos that were done are complete; the same command predicts all of them again."


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    parser = commands.add_parser("predict", help="saliency maps and heat overlays of videos")
    parser.add_argument(
        "videos", nargs="*", type=Path, metavar="VIDEO", help="video files, folders of frames or of videos"
    )
    parser.add_argument(
        "--photographs", action="store_true", help="the images of a folder are photographs, no clip's frames"
    )
    parser.add_argument("--weights", type=Path, required=True, help="ours, or the released ones")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--model", help="default: as the weights tell")
    parser.add_argument("--domain", help="the corpus whose parts a domain-specific model is to use")
    parser.add_argument(
        "--overlay",
        choices=("mp4", "gif", "png"),
        help="heat over the frames, of a corpus with the heat of its own maps on the right",
    )
    parser.add_argument(
        "--maps",
        nargs="?",
        const="png",
        choices=("png", "mp4"),
        help="the maps (png if nothing is asked for)",
    )
    parser.add_argument(
        "--conspicuity",
        choices=("png", "mp4", "gif"),
        help="the maps of the model's inner levels side by side, the saliency map last: predicted plainly,"
        " several times as slow as the rest",
    )
    parser.add_argument("--corpus", help="predict a split of an indexed corpus instead of VIDEO")
    parser.add_argument("--split", default="unannotated", help="of that corpus (default: unannotated)")
    parser.add_argument("--manifest", type=Path, help="its folder (default: manifests/CORPUS)")
    parser.add_argument("--submission", action="store_true", help="write OUT/video/0001.png, to be scored")
    parser.add_argument("--fps", type=_rate, default=Fraction(30), help="of folders of frames (default: 30)")
    add_manner(parser)
    parser.add_argument("--batch", type=int, help="frames at a time (default: what suits the device)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add_plugins(parser)
    parser.set_defaults(run=run, when_interrupted=_INTERRUPTED)


def _rate(text: str) -> Fraction:
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if rate <= 0:
        raise argparse.ArgumentTypeError(f"expected a positive rate such as 25 or 30000/1001, found {text}")
    return rate


def run(options: argparse.Namespace) -> None:
    """Predict all sources, one after the other.

    Raises:
        ProblemError: something is wrong with the videos or the manifest.
        ValueError: something is wrong with the options, the checkpoint or a clip's frames.
    """
    use_processor()
    code = register_plugins(options.plugins)
    check_device(options.device)
    require_folder("--out", options.out)
    sources = _sources(options)
    require_free(sources, options)
    model, corpus = _model(options, code), sources[0].corpus if sources else None
    with _fitting(options.device):
        model = model.to(options.device)
    if (own := corpus or options.domain) and not sizes_given(options):
        model = as_shown(model, own)
    chosen = manner(model, options, corpus, code)
    predictor = Predictor(
        model, batch=options.batch, domain=chosen.domain, device=options.device, **chosen.predictor_options
    )
    if sizes_given(options):
        predictor.input = replace(predictor.input, predicted_sizes=())
    if options.conspicuity:
        require_conspicuity(predictor, sources[0])
    for line in (*chosen.told, *(told for source in sources for told in source.noticed)):
        sys.stdout.write(f"{line}\n")
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    told: list[str] = []
    with _fitting(options.device, predictor.batch), Progress(*columns) as progress:
        for source in sources:
            task = progress.add_task(source.name, total=source.n_frames)
            n_frames, line = _predict(predictor, source, options, (progress, task))
            progress.update(task, total=n_frames)
            told.append(line)
            if options.conspicuity:
                task = progress.add_task(f"{source.name}, inner levels", total=n_frames)
                told.append(_inner(predictor, source, options, partial(progress.advance, task)))
    print("\n".join(told))


@contextmanager
def _fitting(device: str, batch: int = 0) -> Iterator[None]:
    """Raise ValueError where so many frames at a time, or the model, do not fit into a GPU in the block."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        remedy = f"try --batch {batch // 4}" if batch >= 4 else "try --device cpu"
        what = f"{counted(batch, 'frame')} at a time" if batch else "the model"
        raise ValueError(f"{device}: too little memory for {what}; {remedy}") from error


def check_device(name: str) -> None:
    """Raise ValueError where a device is not to be had."""
    try:
        # Back again as well: PyTorch knows a device of shapes alone.
        torch.empty(0, device=name).cpu()
    except (RuntimeError, AssertionError) as error:  # the latter of a PyTorch without CUDA
        told = str(error).partition("\n")[0]
        raise ValueError(f"--device {name}: not to be had here ({told}); try --device cpu") from error


def _sources(options: argparse.Namespace) -> list[Source]:
    if bool(options.videos) == bool(options.corpus):
        raise ValueError("predict: give either VIDEO… or --corpus")
    if options.corpus:
        manifest = open_manifest(options.manifest or manifest_folder(options.corpus))
        maps = MapReader(manifest)
        sources = [clip_source(manifest, clip, maps) for clip in manifest.clips(options.split)]
        if not sources:
            known = ", ".join(f"{split} ({count})" for split, count in manifest.counts.items() if count)
            found, remedy = f"none of {options.corpus}", f"Give another --split: there are {known}."
            raise ProblemError(Problem(f"--split {options.split}", "clips to predict", found, remedy))
    else:
        sources, problems = [], []
        given = (videos_of(each, photographs=options.photographs) for each in options.videos)
        for path in chain.from_iterable(given):
            try:
                sources.append(open_source(path, options.fps))
            except ProblemError as error:
                problems += [_perhaps_photographs(path, problem) for problem in error.problems]
        if problems:
            raise ProblemError(problems)
    names = [source.name for source in sources]
    problems = [
        Problem(name, "a name of its own for every video", f"{names.count(name)} of it", "Rename them.")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if problems:
        raise ProblemError(problems)
    return sources


def _perhaps_photographs(path: Path, problem: Problem) -> Problem:
    """Say of a folder whose images are no clip what they may be."""
    if not path.is_dir() or not any(is_image(item.name) for item in path.iterdir()):
        return problem
    return replace(problem, remedy=f"{problem.remedy} If each is a photograph by itself, add --photographs.")


def _model(options: argparse.Namespace, code: frozenset[str]) -> SaliencyModel:
    """Open the checkpoint with what the command line says of its size; `code` is that of plug-ins."""
    protocol, sizes = options.protocol or "paper", sizes_given(options)
    try:
        return open_checkpoint(options.weights, model=options.model, options=sizes, protocol=protocol)
    except WeightsError as error:
        if error.tested is None or code.issuperset(error.tested.plugins):
            raise
        told = "its plug-in has changed since it was trained: give --plugins as they were then"
        raise WeightsError(f"{options.weights}: {told}. {error}", error.n_problems) from error


def _predict(
    predictor: Predictor, source: Source, options: argparse.Namespace, bar: tuple[Progress, TaskID]
) -> tuple[int, str]:
    """Predict one source; return how many frames it had, and say so, with where what was asked for lies."""
    count = negative = 0
    with ExitStack() as stack:
        (maps, heat), where = _writers(source, options, stack)
        # The overlay reads the source a second time: holding full frames until their maps are there would
        # take most of a gigabyte for 4K.
        frames = source.frames() if heat else repeat(None)
        truths = source.truth() if heat and source.truth else repeat(None)
        seen = source.as_seen(predictor.input, predictor.protocol.resizing)
        eight_bit = partial(to_eight_bit, truncate=predictor.protocol.truncate)
        for saliency, frame, truth in zip(predictor(seen), frames, truths, strict=False):
            _check_finite(saliency, source.name, count + 1)
            negative += bool((saliency < 0).any())
            image = eight_bit(resize_bicubic(saliency, source.size))
            if maps:
                # What is scored is rounded once, before it is resized (`hd2s.metrics.benchmark`).
                maps.write(eight_bit(saliency) if options.submission else image)
            if heat and frame is not None:
                shown = (image,) if truth is None else (image, truth)
                heat.write(np.hstack([overlay(frame, saliency) for saliency in shown]))
            count += 1
            bar[0].advance(bar[1])
    told = f"{source.name}: {counted(count, 'frame')} in {' and '.join(map(str, where))}"
    if negative:
        told += f"; {negative:,} of them have negative values, which are written as 0"
    return count, told


def _inner(
    predictor: Predictor, source: Source, options: argparse.Namespace, advance: Callable[[], None]
) -> str:
    """Write the maps of the inner levels; say where they are, and which."""
    place = places(source.name, options)["conspicuity"]
    found = write_conspicuity(predictor, source, options.conspicuity, place, advance)
    return f"{source.name}: {', '.join(found)} in {place}"


def _check_finite(saliency: np.ndarray, name: str, number: int) -> None:
    if not np.isfinite(saliency).all():
        remedy = "Try --precision float32; if that is what ran, the weights are to blame."
        where = f"{name}, frame {number}"
        raise ProblemError(Problem(where, "a finite prediction", "NaN or infinity", remedy))


def _writers(
    source: Source, options: argparse.Namespace, stack: ExitStack
) -> tuple[tuple[Writer | None, Writer | None], list[Path]]:
    """Open what maps and overlay are written to, and say where that is."""
    wanted, where = kinds(options), places(source.name, options)
    height, width = source.size
    sizes = {"maps": source.size, "overlay": (height, 2 * width if source.truth else width)}
    maps, heat = (
        open_writer(wanted[what], where[what], size, source.rate, stack) if what in wanted else None
        for what, size in sizes.items()
    )
    return (maps, heat), [where[what] for what in sizes if what in wanted]
