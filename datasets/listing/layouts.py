"""Layouts as data: patterns that say where a corpus keeps each clip, and finding the layout that fits.

A pattern is a path relative to the corpus root. ``{clip}`` stands for the clip's name, ``{part}`` for one of
the layout's parts, ``{video}`` and ``{image}`` for the suffix of such a file, all in upper or lower case. A
last step with a dot names a file, any other a folder: ``video/{clip}.{video}``, ``annotation/{clip}/maps``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.corpus import Entry, Layout
from datasets.listing.folder_tree import FolderTree, Hit, Identify
from datasets.listing.left_aside import left_aside, what_is_there
from manifests import Finding, Problem, ProblemError, natural_key
from manifests.problem import counted, suggest


@dataclass(frozen=True, slots=True)
class Place:
    """Where one clip lies."""

    entry: Entry
    """Its split is still empty, and the clip its own source video."""
    part: str
    """What ``{part}`` is in the path of its media, or else of its annotations, in lower case; empty without
    parts."""

    @property
    def annotated(self) -> bool:
        """Whether it has a folder of maps or of fixations."""
        return bool(self.entry.maps or self.entry.fixations)


@dataclass(frozen=True, slots=True)
class Found:
    """The layout that fits a root, its clips in natural order, and what was noticed."""

    layout: str
    places: list[Place]
    findings: list[Finding]


def detect(
    corpus: str,
    root: Path,
    layouts: Sequence[Layout],
    identify: Identify,
    wanted: str | None = None,
    *,
    lists: Callable[[Path], Mapping[str, str]] = lambda _: {},
) -> Found:
    """Find the layout with the most clips that have both media and annotations.

    Where no clip of any layout has annotations, media alone count. A clip found twice, or annotated and
    without media, is listed once, with its fault. Whatever lies beside the clips is named
    (`datasets.listing.left_aside`).

    Args:
        corpus: its name.
        root: where it lies.
        layouts: the ways in which it may lie there.
        identify: which names are clips.
        wanted: name of the layout to take; None takes the one that fits best.
        lists: what the corpus reads besides its clips, from the root: paths by what they say.

    Raises:
        ProblemError: nothing of the corpus is there, two layouts fit equally, or there is none so called.
    """
    known = {layout.name: layout for layout in layouts}
    if wanted is not None and wanted not in known:
        raise ProblemError(
            Problem(f"layout of {corpus}", "a known one", repr(wanted), suggest(wanted, known))
        )
    chosen = list(layouts) if wanted is None else [known[wanted]]
    more = f" (or the layout {', '.join(layout.name for layout in chosen[1:])})" if chosen[1:] else ""
    require(corpus, root, root.is_dir(), f"{chosen[0]}{more}")
    tree = FolderTree(root, identify)
    found = {layout.name: _places(tree, layout) for layout in chosen}
    fits = _fits(tree, found)
    require(corpus, root, any(fits.values()), f"{chosen[0]}{more}")
    best = _best(corpus, root, found, fits)
    notes = [
        _runner_up(known[name], count, best)
        for name, count in fits.items()
        if count and found[name] != found[best]
    ]
    places = found[best]
    used = [known[name] for name, count in fits.items() if count]
    notes += [*_links(tree, places), *_closed(tree)]
    notes += left_aside(tree, layouts, used, set(lists(root).values()))
    return Found(best, places, notes)


def require(corpus: str, root: Path, found: object, expected: str) -> None:
    """Raise a ProblemError unless something of the corpus was found under the root."""
    if found:
        return
    inside = "a file" if root.is_file() else "no such folder"
    if root.is_dir():
        inside = what_is_there(root)
    raise ProblemError(
        Problem(f"{corpus} at {root}", expected, inside, "Give the folder that holds these as --root.")
    )


def _places(tree: FolderTree, layout: Layout) -> list[Place]:
    """Return every clip that has anything in a layout, in natural order."""
    hits: dict[str, dict[str, list[Hit]]] = defaultdict(lambda: {"media": [], "maps": [], "fixations": []})
    for role in ("media", "maps", "fixations"):
        for pattern in getattr(layout, role):
            for hit in tree.find(pattern, layout.parts):
                hits[hit.clip][role].append(hit)
    return [_place(layout, clip, hits[clip]) for clip in sorted(hits, key=natural_key)]


def _place(layout: Layout, clip: str, hits: Mapping[str, list[Hit]]) -> Place:
    media, maps, fixations = (sorted(hits[role], key=lambda hit: hit.path) for role in hits)
    twice = [hit.path for found in (media, maps, fixations) if len(found) > 1 for hit in found]
    first = next(found[0] for found in (media, maps, fixations) if found)
    fault, path = None, media[0].path if media else ""
    if not media:
        shape = layout.media[0].replace("{part}", first.part)
        for suffix in ("{video}", "{image}"):
            shape = shape.replace(suffix, "*")
        path = shape.replace("{clip}", first.name)
        remedy = f"Take the clip's {layout.kind} again, or remove its annotations."
        fault = Finding("error", "missing-clip", clip, path, f"the {layout.kind} of the clip", "none", remedy)
    elif twice:
        remedy = "Remove one, or rename it: clips are told apart by their names, not by their folders."
        expected, found = "one place for each clip", ", ".join(twice)
        fault = Finding("error", "duplicate-clip", clip, path, expected, found, remedy)
    entry = Entry(
        clip,
        split="",
        source_video=clip,
        media=layout.kind,
        path=path,
        maps=maps[0].path if maps else "",
        fixations=fixations[0].path if fixations else "",
        fault=fault,
    )
    return Place(entry, first.part.lower())


def without_annotation(place: Place) -> Finding | None:
    """Return the fault of a clip that must have annotations, if it has none."""
    if place.annotated:
        return None
    expected, remedy = "a folder of maps and one of fixations", "Unpack the annotations again."
    return Finding("error", "no-annotation", place.entry.clip, place.entry.path, expected, "none", remedy)


def listed_only(clip: str, split: str, path: str, media: str, hint: str = "") -> Entry:
    """Return a clip that a list names and that is not there, with its fault.

    Args:
        clip: the name in the list.
        split: of the list.
        path: where the clip should be; empty for a name that leads out of the root.
        media: video or frames.
        hint: what to do, where the name tells.
    """
    kind, expected, found = "missing-clip", f"the {media} of a listed clip", "none"
    remedy = hint or "Take the clip again from where the corpus comes from, or correct the list."
    if not path:
        kind, expected, found = "outside-root", "a name inside the root", repr(clip)
        remedy = "Correct the list: names are relative to the root and have no '..'."
    fault = Finding("error", kind, clip, path, expected, found, remedy)
    return Entry(clip, split, source_video=clip, media=media, path=path, fault=fault)


def _fits(tree: FolderTree, found: Mapping[str, list[Place]]) -> dict[str, int]:
    """Return how many clips of each layout speak for it."""
    there = {name: [p for p in places if _has_media(tree, p)] for name, places in found.items()}
    annotated = {name: sum(place.annotated for place in places) for name, places in there.items()}
    return annotated if any(annotated.values()) else {name: len(places) for name, places in there.items()}


def _has_media(tree: FolderTree, place: Place) -> bool:
    entry = place.entry
    if entry.fault and entry.fault.kind == "missing-clip":
        return False
    return entry.media != "frames" or tree.has_images(entry.path)


def _best(corpus: str, root: Path, found: Mapping[str, list[Place]], fits: Mapping[str, int]) -> str:
    """Return the name of the layout that fits best."""
    most = max(fits.values())
    # Layouts that differ in nothing that is there are no conflict: any one of them reads the same files.
    equal: list[str] = []
    for name, count in fits.items():
        if count == most and all(found[name] != found[other] for other in equal):
            equal.append(name)
    if len(equal) == 1:
        return equal[0]
    counts = " and ".join(f"{name} with {counted(fits[name], 'clip')}" for name in equal)
    remedy = f"Choose: {' or '.join(f'--layout {name}' for name in equal)}."
    raise ProblemError(Problem(f"{corpus} at {root}", "one layout that fits best", counts, remedy))


def _runner_up(layout: Layout, count: int, best: str) -> Finding:
    found = f"{counted(count, 'clip')} in the layout {layout.name} as well ({layout})"
    remedy = f"To read those instead: --layout {layout.name}."
    return Finding("note", "second-layout", "", "", f"only the layout {best}", found, remedy)


def _links(tree: FolderTree, places: Iterable[Place]) -> Iterator[Finding]:
    """Yield a warning for each link out of the root that a clip is reached by."""
    reached: dict[str, set[str]] = defaultdict(set)
    for place in places if tree.outside else ():
        for path in (place.entry.path, place.entry.maps, place.entry.fixations):
            steps = path.split("/")
            for depth in range(1, len(steps) + 1):
                if (link := "/".join(steps[:depth])) in tree.outside:
                    reached[link].add(place.entry.clip)
    for link, clips in sorted(reached.items()):
        clip = next(iter(clips)) if len(clips) == 1 else ""
        yield outside_root(clip, link, "a link that leads out of it")


def outside_root(clip: str, path: str, found: str) -> Finding:
    """Return the warning for something that is read through a link out of the root."""
    remedy = "A copy of the root needs what the link points to as well."
    return Finding("warning", "outside-root", clip, path, "files inside the root", found, remedy)


def _closed(tree: FolderTree) -> Iterator[Finding]:
    for folder, why in sorted(tree.closed.items()):
        remedy = "Give the right to read it, and index again."
        yield Finding("error", "unreadable", "", folder, "a folder that can be listed", why, remedy)
    for folder, count in sorted(tree.unwritable.items()):
        remedy = "They are left aside; rename them."
        yield Finding("warning", "bad-name", "", folder, "names in UTF-8", f"{count} that are not", remedy)
