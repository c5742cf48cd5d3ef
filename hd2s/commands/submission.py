"""A folder of anybody's predictions, read as indexing reads frames, and with the same findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.corpora.own_folder import FolderCorpus
from datasets.corpora.registry import find
from datasets.corpus import Entry
from datasets.listing.file_names import first_few
from datasets.listing.folder_tree import FolderTree
from datasets.loading.scored_split import ScoredSplit
from datasets.reading.numbered_files import Numbered, decoded
from datasets.reading.pixels import frame_pixels
from hd2s.commands.sources import noticed, read_whole
from manifests import Clip, Problem, ProblemError, natural_key
from manifests.problem import counted


@dataclass(frozen=True)
class Predicted:
    """A clip's predictions, all of which decode."""

    root: Path
    files: Numbered
    noticed: tuple[str, ...]
    """What was passed over beside them."""

    def frames(self) -> Iterator[np.ndarray]:
        """Yield each as colours, uint8 (h, w, 3)."""
        for i, image in enumerate(decoded(self.root, self.files)):
            yield frame_pixels(image, self.files.path(i))


def find_predictions(folder: Path, split: ScoredSplit, where: str) -> tuple[dict[str, Entry], list[str]]:
    """Find each clip's predictions by the names that the corpus itself is known by.

    Args:
        folder: with a folder of numbered images for each clip; of a photograph, an image will do.
        split: that is scored.
        where: its name, for problems.

    Returns:
        clip → where its predictions lie, and what was passed over.

    Raises:
        ProblemError: the split has no fixations, or all clips that are not there, or there twice.
    """
    if not folder.is_dir():
        raise ProblemError(Problem(str(folder), "a folder of predictions", "none", "Check the path."))
    if not any(map(len, split.points)):
        raise ProblemError(Problem(where, "fixations to score on", "none", "Score on an annotated split."))
    places, others = _places(folder, split)
    entries, problems = {}, []
    for name, clip in split.clips.items():
        found = places.get(name, [])
        if len(found) == 1:
            (place,) = found
            entries[name] = place
        elif found:
            twice, remedy = ", ".join(place.path for place in found), "Remove one of each."
            problems.append(Problem(str(folder), f"{name} once", twice, remedy))
        else:
            there = f"none; of other names: {first_few(others)}" if others else "none"
            expected, remedy = f"a folder of {counted(clip.n_frames, 'frame')}", "Predict this video too."
            problems.append(Problem(str(folder / name), expected, there, remedy))
    if problems:
        raise ProblemError(problems)
    return entries, [f"{folder}: left aside, not of this split: {first_few(others)}."] if others else []


def read_predictions(folder: Path, entry: Entry, clip: Clip) -> Predicted:
    """Decode all of a clip's predictions.

    Args:
        folder: of all predictions.
        entry: where the clip's lie.
        clip: what they are of.

    Raises:
        ProblemError: what indexing would quarantine a clip for, or other frames than the clip's.
    """
    path = folder / entry.path
    read = read_whole(folder, entry, path)
    files = read.images
    if files is None or files.count != clip.n_frames:
        found, remedy = f"{read.n_frames}", "Every frame must be predicted, and no other."
        raise ProblemError(Problem(str(path), counted(clip.n_frames, "frame"), found, remedy))
    firsts = sorted({0, 1, clip.first_frame, clip.first_annotation})
    if entry.media == "frames" and files.first not in firsts:
        expected = f"frames numbered from {' or '.join(map(str, firsts))}"
        remedy = "Number them as the clip's own frames, or from 1."
        raise ProblemError(Problem(str(path), expected, f"from {files.first}", remedy))
    return Predicted(folder, files, noticed(path, entry, read))


def _places(folder: Path, split: ScoredSplit) -> tuple[dict[str, list[Entry]], list[str]]:
    """Return clip → where there are predictions of it, and what else lies in the folder."""
    corpus = split.manifest.corpus
    tree = FolderTree(folder, (find(corpus) or FolderCorpus(corpus)).identify)
    photographs = {name for name, clip in split.clips.items() if clip.media == "image"}
    hits = [("frames", hit) for hit in tree.find("{clip}", ())]
    hits += [("image", hit) for hit in tree.find("{clip}.{image}", ()) if hit.clip in photographs]
    places: dict[str, list[Entry]] = {}
    for media, hit in hits:
        if hit.clip in split.clips or hit.clip in split.shorter:
            places.setdefault(hit.clip, []).append(Entry(hit.clip, "", hit.clip, media, hit.path))
    taken = {place.path for of_clip in places.values() for place in of_clip}
    return places, sorted(tree.names("").keys() - taken, key=natural_key)
