"""What gaze.yaml says of recordings, and what is wrong with it (`datasets.commands.gaze` shows one)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datasets.reading.clip import Media
from datasets.reading.gaze import COLUMNS, Screen
from manifests import Problem, ProblemError
from manifests.problem import suggest

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

    def of(self, media: Media, pixel_aspect: float = 1.0) -> tuple[Screen, float]:
        """Return the same for one video, perhaps of pixels that are not square, and σ in its pixels."""
        screen = replace(self.screen, pixel_aspect=pixel_aspect)
        _, _, across, down = screen.place(media.width, media.height)
        # One Gaussian for both: where a video is shown stretched, of the mean of its scales.
        scale = math.sqrt(across * down)
        sigma = self.sigma if self.sigma else (self.degrees or 0.0) * self.pixels_per_degree * scale
        return replace(screen, dispersion=self.dispersion or sigma), sigma


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
    columns = content.get("columns", {})
    if not isinstance(columns, Mapping) or not all(map(_is_column, columns.items())):
        yield "columns: {subject: NAME, time: NAME, x: NAME, y: NAME}, or numbers from 1", columns
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
    known = isinstance(shown, list) and len(shown) == 4 and all(map(_is_number, shown))
    if not known or min(shown[2:]) <= 0:
        yield "shown: [x, y, width, height]", shown


def _is_column(item: tuple[object, object]) -> bool:
    column, name = item
    is_place = isinstance(name, int) and _is_number(name) and name > 0
    return column in COLUMNS and (isinstance(name, str) or is_place)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
