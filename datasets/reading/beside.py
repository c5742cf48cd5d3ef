"""What is said of a clip's files that stops nothing: what lies beside them, and what of them is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from datasets.corpus import ClipError, Entry
from datasets.damaged import as_finding
from datasets.listing.layouts import outside_root
from datasets.listing.left_aside import stray_files
from datasets.reading.numbered_files import Numbered
from manifests import Finding
from manifests.problem import agreed, counted


def beside(entry: Entry, files: Iterable[Numbered], known: tuple[str, ...] = ()) -> Iterator[Finding]:
    """Yield what the folders of a clip hold besides its numbered files, and which of these are links.

    Args:
        entry: the clip.
        files: those of each folder.
        known: suffixes and names that belong there as well.
    """
    for numbers in files:
        others = [n for n in numbers.others if n not in known and n.rpartition(".")[2].lower() not in known]
        if names := [*numbers.strays, *others]:
            # An image without a number may be a frame that was misnamed.
            level = "warning" if numbers.strays else "note"
            yield stray_files(level, entry.clip, numbers.folder, "numbered files only", names)
        if numbers.links:
            links, lead = counted(numbers.links, "link"), agreed(numbers.links, "leads", "lead")
            yield outside_root(entry.clip, numbers.folder, f"{links} that {lead} out of it")


def left_aside_of(entry: Entry, files: Numbered, lost: Counter[str]) -> Iterator[Finding]:
    """Yield a warning for what of some images is left aside (`datasets.reading.pixels.left_out`)."""
    for what, count in sorted(lost.items()):
        if what:
            found = f"{what} in {count} of {files.count}, left aside"
            remedy = "If it matters, save them with 8 bits a channel, in grey or RGB, without transparency."
            error = ClipError("left-aside", "images taken whole", found, path=files.folder, remedy=remedy)
            yield as_finding(error, entry, "warning")


def turned_as_shown(entry: Entry, how: str) -> tuple[Finding, ...]:
    """Return a note where frames are turned as their metadata say."""
    if not how:
        return ()
    remedy = "Nothing, unless its maps were made of the picture as it is stored."
    error = ClipError("rotated-video", "frames stored as they are shown", how, remedy=remedy)
    return (as_finding(error, entry, "note"),)


def time_gap(entry: Entry, where: str) -> tuple[Finding, ...]:
    """Return a warning where frames seem to be missing amid the others."""
    if not where:
        return ()
    remedy = "The file may be damaged: compare it with where it comes from, unless its rate is meant to vary."
    error = ClipError("time-gap", "frames of a steady rate", where, remedy=remedy)
    return (as_finding(error, entry, "warning"),)
