"""``python -m datasets gaze``: recorded gaze of one's own videos into fixations and maps to be indexed.

Below --root are videos/<clip>.mp4 or frames/<clip>/, gaze/<clip>.csv (.tsv, .txt) or gaze/<clip>/ with a
table for each subject, and gaze.yaml:

    time: ms                # of the column time: s, ms, us, or frame (from 1)
    position: screen        # pixels of the screen or of the video, or share: 0 to 1 of it
    screen: {width: 1920, height: 1080, width_cm: 53, distance_cm: 65}
    shown: [0, 0, 1920, 1080]   # where the video was on it; else as large as fits, in the middle
    columns: {subject: participant, time: timestamp, x: gaze_x, y: gaze_y}   # names, or numbers from 1
    degrees: 1.0            # of the maps' Gaussian; or sigma: 30, in pixels of the video
    dispersion: 30          # largest spread of a fixation, in pixels; else as much as the Gaussian's
    shortest_ms: 100        # the shortest fixation
    fps: 25                 # of folders of frames, which do not tell

It writes fixations/<clip>/ and maps/<clip>/, and replaces them the next time. Folders of these names that it
has not made itself, or that were changed since, are kept: the command is then refused as a whole.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from datasets.commands.made_folders import made_anew, not_made
from datasets.corpora.own_folder import FolderCorpus
from datasets.corpus import ClipError, Entry, MapRule, Rows
from datasets.reading.clip import Media, read_media
from datasets.reading.gaze import Gaze, Screen, fixated, read_gaze
from datasets.reading.ground_truth import fixations_to_map
from manifests import Problem, ProblemError, natural_key
from manifests.problem import counted, suggest

ABOUT = "gaze.yaml"
_MADE = ("maps", "fixations")
_SUFFIXES = (".csv", ".tsv", ".txt")
_SCREEN_KEYS = ("width", "height", "width_cm", "distance_cm")
_WORDS = {"time": ("s", "ms", "us", "frame"), "position": ("video", "screen", "share")}
_NUMBERS = ("degrees", "sigma", "dispersion", "shortest_ms", "fps")
_KEYS = (*_WORDS, "screen", "shown", "columns", *_NUMBERS)


@dataclass(frozen=True)
class About:
    """What gaze.yaml says: how positions become pixels, and how wide a Gaussian stands for a fixation."""

    screen: Screen
    degrees: float | None
    sigma: float | None
    dispersion: float | None
    pixels_per_degree: float
    fps: float

    def of(self, media: Media) -> tuple[Screen, float]:
        """Return the same for one video, and σ in its pixels."""
        _, _, scale = self.screen.place(media.width, media.height)
        sigma = self.sigma if self.sigma else (self.degrees or 0.0) * self.pixels_per_degree * scale
        return replace(self.screen, dispersion=self.dispersion or sigma), sigma


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "gaze",
        help="make fixations and maps of gaze recorded on your own videos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--root", type=Path, required=True, help="folder of the corpus")
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
    entries = {entry.clip: entry for entry in _videos(root)}
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
    print(f"Now: python -m datasets index folder --name NAME --root {root}")
    return 0


def read_about(path: Path) -> About:
    """Read gaze.yaml.

    Raises:
        ProblemError: all that is wrong with it.
    """
    import yaml  # noqa: PLC0415 - no other command reads YAML

    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        remedy = "Write it beside the videos: python -m datasets gaze --help shows one."
        found = " ".join(str(error).split())
        raise ProblemError(Problem(str(path), "units and screen of the recordings", found, remedy)) from error
    content = content if isinstance(content, dict) else {}
    problems = [*_mistakes(path, content)]
    if problems:
        raise ProblemError(problems)
    screen = content.get("screen", {})
    shown = content.get("shown")
    known = Screen(
        time=content.get("time", "ms"),
        position=content.get("position", "video"),
        width=screen.get("width", 0),
        height=screen.get("height", 0),
        shown=(shown[0], shown[1], shown[2], shown[3]) if shown else None,
        columns=content.get("columns"),
        shortest_ms=content.get("shortest_ms", 100.0),
    )
    per_degree = 0.0
    if "width_cm" in screen and "distance_cm" in screen:
        per_degree = math.tan(math.radians(1)) * screen["distance_cm"] * screen["width"] / screen["width_cm"]
    return About(
        known,
        degrees=content.get("degrees"),
        sigma=content.get("sigma"),
        dispersion=content.get("dispersion"),
        pixels_per_degree=per_degree,
        fps=content.get("fps", 0.0),
    )


def _mistakes(path: Path, content: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield all that is wrong with what gaze.yaml says."""
    for key in content:
        if key not in _KEYS:
            yield Problem(str(path), "a known key", repr(key), suggest(str(key), _KEYS))
    for expected, found in (*_wrong_words(content), *_wrong_numbers(content)):
        yield Problem(str(path), expected, repr(found), "Correct the file.")


def _wrong_words(content: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for key, words in _WORDS.items():
        if (word := content.get(key, words[0])) not in words:
            yield f"{key}: one of {', '.join(words)}", word
    if not isinstance(content.get("columns", {}), Mapping):
        yield "columns: {subject: NAME, time: NAME, x: NAME, y: NAME}", content["columns"]
    given = [key for key in ("degrees", "sigma") if key in content]
    if len(given) != 1:
        yield "either degrees or sigma", given
    screen = content.get("screen", {})
    if not isinstance(screen, Mapping) or set(screen) - set(_SCREEN_KEYS):
        yield f"screen: {', '.join(_SCREEN_KEYS)}", screen
        return
    if content.get("position") == "screen" and not {"width", "height"} <= set(screen):
        yield "screen: {width: …, height: …}, on which positions are", dict(screen)
    if "degrees" in content and not set(_SCREEN_KEYS) <= set(screen):
        yield f"for degrees, screen with {', '.join(_SCREEN_KEYS)}", dict(screen)


def _wrong_numbers(content: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    screen = content.get("screen", {})
    numbers = {key: content[key] for key in _NUMBERS if key in content}
    numbers |= screen if isinstance(screen, Mapping) else {}
    for key, value in numbers.items():
        if not _is_number(value) or not 0 < value < math.inf:
            yield f"{key}: a number above 0", value
    shown = content.get("shown", [0, 0, 1, 1])
    if not isinstance(shown, list) or len(shown) != 4 or not all(map(_is_number, shown)) or shown[2] <= 0:
        yield "shown: [x, y, width, height]", shown


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _recordings(root: Path) -> dict[str, list[Path]]:
    """Return the tables of each clip."""
    found: dict[str, list[Path]] = {}
    for path in sorted((root / "gaze").glob("*")) + sorted((root / "gaze").glob("*/*")):
        if path.is_file() and path.suffix.lower() in _SUFFIXES:
            name = path.stem if path.parent.name == "gaze" else path.parent.name
            found.setdefault(name, []).append(path)
    if not found:
        remedy = "Lay a table for each clip there: python -m datasets gaze --help."
        raise ProblemError(Problem(f"{root}/gaze", "tables of gaze", "none", remedy))
    return found


def _videos(root: Path) -> list[Entry]:
    return [entry for entry in FolderCorpus("Recordings").list(root).entries if not entry.fault]


def _make(root: Path, entry: Entry, tables: list[Path], about: About) -> str:
    """Write a clip's fixations and maps; return what was made of its samples."""
    media = read_media(root, entry)
    fps = media.fps or about.fps
    if not fps:
        raise ClipError("no-rate", "fps: frames per second in gaze.yaml", "nothing", path=entry.path)
    screen, sigma = about.of(media)
    subjects: dict[str, np.ndarray] = {}
    lost = outside = 0
    for table in tables:
        gaze = read_gaze(table, screen, media.width, media.height, fps)
        own = table.stem if len(tables) > 1 else ""
        subjects |= {f"{own}/{name}": samples for name, samples in gaze.subjects.items()}
        lost += gaze.lost
    rows, outside = fixated(Gaze(subjects, lost), screen, media.size, media.n_frames, fps)
    _write(root, entry.clip, media, rows, sigma)
    seen = counted(media.n_frames, "frame")
    amount = f"{counted(len(subjects), 'subject')}, {counted(len(rows), 'fixated pixel')} in {seen}"
    left_out = f"{counted(lost, 'sample')} without eyes and {counted(outside, 'fixation')} outside the video"
    return f"{amount}; {left_out} were left out"


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
