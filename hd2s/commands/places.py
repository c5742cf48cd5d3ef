"""Where predictions are written, and that nothing of somebody else's lies there."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

from hd2s.commands.sources import Source
from hd2s.commands.writers import in_the_way
from manifests import Problem, ProblemError


def kinds(options: argparse.Namespace) -> dict[str, str]:
    """Return what is asked for, and as what it is written: png, mp4 or gif."""
    maps = "png" if options.submission else options.maps or (None if options.overlay else "png")
    asked = {"maps": maps, "overlay": options.overlay, "conspicuity": options.conspicuity}
    return {what: kind for what, kind in asked.items() if kind}


def places(name: str, options: argparse.Namespace) -> dict[str, Path]:
    """Return the file or the folder of PNG files for each of these of one source."""
    out = options.out
    found = {
        what: out / name / what if kind == "png" else out / f"{name}_{what}.{kind}"
        for what, kind in kinds(options).items()
    }
    return found | ({"maps": out / name} if options.submission else {})


def require_free(sources: Iterable[Source], options: argparse.Namespace) -> None:
    """Refuse to write where anything is read from, or where pictures lie that this command has not written.

    Raises:
        ProblemError: with all such places.
    """
    sources = [*sources]
    read = {path.resolve(): source.name for source in sources for path in source.read_from}
    if problems := [problem for source in sources for problem in _taken(source.name, options, read)]:
        raise ProblemError(problems)


def _taken(name: str, options: argparse.Namespace, read: dict[Path, str]) -> Iterator[Problem]:
    remedy, wanted = "Give another --out.", kinds(options)
    for what, place in places(name, options).items():
        if owner := read.get(place.resolve()):
            found = f"what {owner} is read from"
            yield Problem(str(place), f"a place for the {what} of {name} alone", found, remedy)
        elif found := in_the_way(place, wanted[what]):
            kind = "a folder, or numbered images" if wanted[what] == "png" else "nothing, or a video"
            expected = f"{kind} that this command has written"
            yield Problem(str(place), expected, found, f"{remedy} Or take them away: they would be replaced.")
