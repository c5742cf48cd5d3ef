"""What lies under a corpus root beside the data: it is named, since it may say what a clip is for."""

from __future__ import annotations

import itertools
import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from datasets.corpus import Layout
from datasets.listing.file_names import first_few, is_image, is_usable_name
from datasets.listing.folder_tree import FolderTree
from datasets.listing.split_lists import SPLIT_OF, tells_split
from manifests import Finding, natural_key
from manifests.problem import counted, suggest

_MOST_LOOKED_AT = 2000  # files below a root that holds nothing known, to say of what kinds they are
_OURS = {"gaze", "gaze.yaml", "demo.json"}  # in a root: what `datasets gaze` reads and `datasets demo` leaves
_ALIKE = 4  # folders with the same names beside the data that are told one by one


def left_aside(
    tree: FolderTree, layouts: Iterable[Layout], used: Iterable[Layout], lists: Collection[str]
) -> Iterator[Finding]:
    """Yield a finding for everything beside the data, down to the folders of frames, maps and fixations.

    What these hold is told when their clip is read. A warning for what may say which clips are tested on,
    for what may be misspelt, and for images beside a clip's maps; a note for the rest.

    Args:
        tree: of the root.
        layouts: all the corpus is known in, for the names that were perhaps meant.
        used: the layouts whose clips are listed or told of otherwise.
        lists: paths, from the root, of the files that the corpus reads besides its clips.
    """
    layouts = list(layouts)
    taken, above = _taken(tree, used)
    tops, words = _top_names(layouts), _words(layouts)
    read = {path.partition("/")[0] for path in lists} | _OURS
    alike: dict[tuple[str, tuple[str, ...]], list[tuple[str, str]]] = defaultdict(list)
    for folder, clip in sorted(above.items(), key=lambda item: natural_key(item[0])):
        aside = tree.names(folder).keys() - (() if folder else read)
        aside = {name for name in aside if f"{folder}/{name}".lstrip("/") not in taken}
        # Folders of another layout that are empty say nothing.
        aside -= {name for name in aside & words if not _holds_files(tree, f"{folder}/{name}".lstrip("/"))}
        names = tuple(sorted(aside, key=natural_key))
        if names and not folder and tops:
            yield from (_unknown(tree, name, tops) for name in names)
        elif names:
            alike[_level(tree, folder, names, clip), names].append((folder, clip))
    for (level, names), places in alike.items():
        if len(places) <= _ALIKE:
            yield from (stray_files(level, clip, folder, _expected(clip), names) for folder, clip in places)
            continue
        found = f"{len(names)} more in {counted(len(places), 'folder')}: {first_few(names)}"
        remedy = "They are left aside; remove or rename them."
        yield Finding(level, "stray-file", "", places[0][0], _expected(places[0][1]), found, remedy)


def stray_files(level: str, clip: str, folder: str, expected: str, names: Iterable[str]) -> Finding:
    """Return the finding for files that stand where they are not looked for."""
    names = sorted(names, key=natural_key)
    found = f"{len(names)} more: {first_few(names)}"
    remedy = "They are left aside; remove or rename them."
    return Finding(level, "stray-file", clip, folder, expected, found, remedy)


def what_is_there(root: Path) -> str:
    """Say what a folder holds in which no corpus was found: its names, and the kinds of files below."""
    names = sorted(path.name for path in root.iterdir())
    if not names:
        return "an empty folder"
    walk = (name for _, _, files in os.walk(root) for name in files if is_usable_name(name))
    kinds = Counter(Path(name).suffix.lower() for name in itertools.islice(walk, _MOST_LOOKED_AT))
    below = ", ".join(f"{count} {suffix or 'without a suffix'}" for suffix, count in kinds.most_common(5))
    return f"only {first_few(names, 8)}{f' with files below: {below}' if below else ''}"


def _taken(tree: FolderTree, used: Iterable[Layout]) -> tuple[set[str], dict[str, str]]:
    """Return the paths that are data or lead to it, and the folders above data with the clip they are of."""
    taken: set[str] = set()
    above = {"": ""}
    for layout in used:
        for pattern in (*layout.media, *layout.maps, *layout.fixations):
            own = next(depth for depth, step in enumerate(pattern.split("/"), 1) if "{clip}" in step)
            for hit in tree.find(pattern, layout.parts):
                steps = hit.path.split("/")
                folders = ["/".join(steps[:depth]) for depth in range(1, len(steps))]
                taken.update(folders, [hit.path])
                for depth, folder in enumerate(folders, 1):
                    above.setdefault(folder, hit.clip if depth >= own else "")
    return taken, above


def _top_names(layouts: Iterable[Layout]) -> set[str]:
    """Return what the folders in the root may be called; empty where they are called after clips."""
    tops = set()
    for layout in layouts:
        firsts = {p.partition("/")[0] for p in (*layout.media, *layout.maps, *layout.fixations)}
        if any("{clip}" in first for first in firsts):
            return set()
        tops |= (firsts - {"{part}"}) | (set(layout.parts) if "{part}" in firsts else set())
    return tops


def _words(layouts: Iterable[Layout]) -> set[str]:
    """Return what folders are called in any layout."""
    patterns = [p for layout in layouts for p in (*layout.media, *layout.maps, *layout.fixations)]
    return {step for pattern in patterns for step in pattern.split("/") if "{" not in step}


def _holds_files(tree: FolderTree, folder: str) -> bool:
    """Whether there is any file below; True for what is a file itself."""
    above, _, name = folder.rpartition("/")
    if not tree.names(above).get(name, False):
        return True
    return any(_holds_files(tree, f"{folder}/{item}") for item in tree.names(folder))


def _unknown(tree: FolderTree, name: str, tops: set[str]) -> Finding:
    """Return the finding for a name in the root that is none of the corpus' own: it may be misspelt."""
    is_folder, known = tree.names("")[name], name in tops
    # Files in the root are lists of clips, where the corpus has any.
    words = tops if is_folder else tops & SPLIT_OF.keys()
    remedy = suggest(name if is_folder else Path(name).stem, words) if words else ""
    if not (is_folder or remedy.startswith("Did")):
        remedy = ""  # what lists are called is no help with a file of another name
    inside = tree.names(name) if is_folder else {}
    told = [item for item in (name, *inside) if tells_split(item)]
    if told and not known:
        remedy = f"It seems to say which clips are for what. {remedy}"
    elif known and is_folder:
        remedy = "It has no clip of the layout that is read."
    expected = "folders of the layout" if is_folder else "the corpus' own files"
    found = f"another name with {first_few(sorted(inside))}" if inside else "another name"
    level = "warning" if remedy.startswith(("Did", "It seems")) else "note"
    return Finding(level, "unknown-name", "", name, expected, found, f"Left aside. {remedy}".rstrip())


def _level(tree: FolderTree, folder: str, names: Iterable[str], clip: str) -> str:
    is_folder = tree.names(folder)
    image_of_clip = clip and any(is_image(name) and not is_folder[name] for name in names)
    return "warning" if image_of_clip or any(map(tells_split, names)) else "note"


def _expected(clip: str) -> str:
    return "the clip's own files" if clip else "clips only"
