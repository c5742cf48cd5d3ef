"""``python -m datasets gaze``: recorded gaze of one's own videos into fixations and maps to be indexed.

Below --root are videos/<clip>.mp4 or frames/<clip>/, gaze/<clip>.csv (.tsv, .txt) or gaze/<clip>/ with a
table for each subject, and gaze.yaml:

    time: ms                # of the column time: s, ms, us, or frame (from 1)
    position: screen        # pixels of the screen or of the video, or share: 0 to 1 of it
    screen: {width: 1920, height: 1080, width_cm: 53, distance_cm: 65}
    shown: [0, 0, 1920, 1080]   # x, y, width, height of the video on it; else as large as fits, in the middle
    columns: {subject: participant, time: timestamp, x: gaze_x, y: gaze_y}   # names, or numbers from 1
    degrees: 1.0            # of the maps' Gaussian; or sigma: 30, in pixels of the video
    dispersion: 30          # largest spread of a fixation, in pixels; else as much as the Gaussian's
    shortest_ms: 100        # the shortest fixation
    fps: 25                 # of folders of frames, which do not tell

It writes fixations/<clip>/ and maps/<clip>/, and replaces them the next time. Folders of these names that it
has not made itself, or that were changed since, are kept: the command is then refused as a whole. Of a clip
whose gaze lies mostly outside its time, or nowhere in its picture, nothing is written, and the exit status
is 2.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from datasets.commands.gaze_yaml import About, read_about
from datasets.commands.made_folders import made_anew, not_made
from datasets.corpora.own_folder import FolderCorpus
from datasets.corpus import ClipError, Entry, MapRule, Rows
from datasets.reading.clip import Media, read_media
from datasets.reading.gaze import Gaze, Screen, fixated, read_gaze
from datasets.reading.ground_truth import fixations_to_map
from datasets.reading.video import pixel_aspect, shown_at
from manifests import Problem, ProblemError, natural_key
from manifests.escaping import shell
from manifests.problem import counted, suggest

ABOUT = "gaze.yaml"
_RECORDINGS = FolderCorpus("Recordings")
_MADE = ("maps", "fixations")
_LAYOUTS = ("videos", "frames")
_SUFFIXES = (".csv", ".tsv", ".txt")
_ROUNDED = 0.02  # by how much whole pixels of the screen change a video's shape


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "gaze",
        help="make fixations and maps of gaze recorded on your own videos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--root", type=Path, required=True, help="folder of the corpus")
    parser.add_argument("--layout", choices=_LAYOUTS, help="which of the two, where the clips lie in both")
    parser.add_argument(
        "--replace",
        action="store_true",
        help="delete maps and fixations of these clips that were there before, whoever made them",
    )
    parser.set_defaults(run=_run, when_interrupted="The same command begins again.")


def _run(options: argparse.Namespace) -> int:
    root: Path = options.root
    about = read_about(root / ABOUT)
    recorded = _recordings(root)
    entries = {entry.clip: entry for entry in _videos(root, options.layout)}
    problems = [
        Problem(
            f"{root}/gaze/{name}",
            "a video or a folder of frames of this name",
            "none",
            suggest(name, entries),
        )
        for name in recorded
        if name not in entries
    ]
    for folder in () if options.replace else _MADE:
        problems += not_made(root / folder, sorted(recorded.keys() & entries, key=natural_key))
    if problems:
        raise ProblemError(problems)
    for name in sorted(entries, key=natural_key):
        if name not in recorded:
            print(f"{name}: no gaze; it stays unannotated")
            continue
        try:
            print(f"{name}: {_make(root, entries[name], recorded[name], about)}")
        except ClipError as error:
            where = error.path or name
            problems.append(Problem(where, error.expected, error.found, error.remedy or "Correct the table."))
    if problems:
        raise ProblemError(problems)
    layout = ("--layout", options.layout) if options.layout else ()
    words = ("python", "-m", "datasets", "index", "folder", "--name", "NAME", "--root", str(root), *layout)
    print(f"Now: {shell(words)}")
    return 0


def _recordings(root: Path) -> dict[str, list[Path]]:
    """Return the tables of each clip."""
    found: dict[str, list[Path]] = {}
    for path in sorted((root / "gaze").glob("*")) + sorted((root / "gaze").glob("*/*")):
        if path.is_file() and path.suffix.lower() in _SUFFIXES:
            name = path.stem if path.parent.name == "gaze" else path.parent.name
            found.setdefault(_RECORDINGS.identify(name), []).append(path)
    if not found:
        remedy = "Lay a table for each clip there: python -m datasets gaze --help."
        raise ProblemError(Problem(f"{root}/gaze", "tables of gaze", "none", remedy))
    return found


def _videos(root: Path, layout: str | None) -> list[Entry]:
    """Return the clips beside whose folders those of maps and fixations are found."""
    listing = _RECORDINGS.list(root, layout)
    if listing.layout not in _LAYOUTS:
        found = f"the layout {listing.layout}"
        remedy = "Lay them so for this command; which are for what, train.txt and test.txt can say."
        raise ProblemError(Problem(str(root), "videos/<clip>.mp4 or frames/<clip>/", found, remedy))
    return [entry for entry in listing.entries if not entry.fault]


def _make(root: Path, entry: Entry, tables: list[Path], about: About) -> str:
    """Write a clip's fixations and maps; return what was made of its samples."""
    media = read_media(root, entry)
    fps = media.fps or about.fps
    if not fps:
        raise ClipError("no-rate", "fps: frames per second in gaze.yaml", "nothing", path=entry.path)
    screen, sigma = about.of(media, pixel_aspect(root / entry.path) if entry.media == "video" else 1.0)
    # Samples that say their frame have times by the mean rate.
    by_clock = entry.media == "video" and screen.time != "frame"
    times = shown_at(root / entry.path, media.n_frames, fps) if by_clock else ()
    gaze, end = _read(root, tables, screen, media, fps), times[-1] / 1000 if times else media.n_frames / fps
    where, beyond = f"{root}/gaze/{entry.clip}", gaze.outside(1000 * end)
    if 2 * len(beyond) > len(gaze.times):
        raise _beside_the_video(where, gaze, beyond, end)
    rows, outside = fixated(gaze, screen, media.size, media.n_frames, times or float(fps))
    if not len(rows):
        raise _nothing_fixated(where, gaze, outside)
    _write(root, entry.clip, media, rows, sigma)
    seen = counted(media.n_frames, "frame")
    amount = f"{counted(len(gaze.subjects), 'subject')}, {counted(len(rows), 'fixated pixel')} in {seen}"
    left_out = f"{counted(gaze.lost, 'sample')} without eyes and {counted(outside, 'fixation')}"
    told = [amount, f"{left_out} outside the video were left out", *_doubts(gaze, beyond, end, screen, media)]
    return "; ".join(told)


def _read(root: Path, tables: list[Path], screen: Screen, media: Media, fps: float) -> Gaze:
    """Read all tables of a clip as one recording."""
    subjects: dict[str, np.ndarray] = {}
    lost = 0
    for table in tables:
        of_all = table.parent == root / "gaze"
        gaze = read_gaze(table, screen, media.width, media.height, fps, of_all=of_all)
        own = table.stem if len(tables) > 1 else ""
        subjects |= {f"{own}/{name}": samples for name, samples in gaze.subjects.items()}
        lost += gaze.lost
    return Gaze(subjects, lost)


def _beside_the_video(where: str, gaze: Gaze, beyond: np.ndarray, end: float) -> ClipError:
    expected = f"times from the video's first frame to its end at {end:g} s"
    found = f"{len(beyond):,} of {counted(len(gaze.times), 'sample')} outside of it, {_span(beyond)}"
    remedy = "Correct time in gaze.yaml, or the times of the table."
    return ClipError("outside-time", expected, found, path=where, remedy=remedy)


def _nothing_fixated(where: str, gaze: Gaze, outside: int) -> ClipError:
    there = f"{counted(len(gaze.times), 'sample')}{f' {_span(gaze.times)}' if len(gaze.times) else ''}"
    found = (
        f"none in {there}, {gaze.lost:,} without eyes and {counted(outside, 'fixation')} outside the video"
    )
    remedy = "Correct time, position, screen or shown in gaze.yaml, or take the clip's table away."
    return ClipError("no-fixation", "fixations in the video", found, path=where, remedy=remedy)


def _doubts(gaze: Gaze, beyond: np.ndarray, end: float, screen: Screen, media: Media) -> Iterator[str]:
    """Yield what is possible and yet more often a mistake in gaze.yaml."""
    if len(beyond):
        yield f"{counted(len(beyond), 'sample')} outside its {end:g} s: {_span(beyond)}"
    if gaze.times.max() / 1000 < end / 2:
        yield f"its gaze ends at {gaze.times.max() / 1000:.4g} of {end:g} s"
    _, _, across, down = screen.place(media.width, media.height)
    if abs(screen.pixel_aspect * across / down - 1) > _ROUNDED:
        yield f"its shape as shown is another than its own, {media.width} × {media.height}"


def _span(times: np.ndarray) -> str:
    return f"from {times.min() / 1000:.4g} to {times.max() / 1000:.4g} s"


def _write(root: Path, clip: str, media: Media, rows: Rows, sigma: float) -> None:
    rule = MapRule(sigma=sigma, reach=math.ceil(4 * sigma), even=False, replicate=False)
    starts = np.searchsorted(rows[:, 0], np.arange(media.n_frames + 1))
    with made_anew(root / "maps" / clip) as maps, made_anew(root / "fixations" / clip) as fixations:
        for i in range(media.n_frames):
            points = rows[starts[i] : starts[i + 1], 1:]
            marked = np.zeros((media.height, media.width), np.uint8)
            marked[points[:, 0], points[:, 1]] = 255
            density = np.rint(fixations_to_map(points, media.height, media.width, rule) * 255)
            for folder, image in ((fixations, marked), (maps, density.astype(np.uint8))):
                Image.fromarray(image).save(folder / f"{media.first_frame + i:04d}.png", compress_level=1)
