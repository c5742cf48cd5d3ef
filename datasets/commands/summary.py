"""A manifest and its findings, as tables for people."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from manifests import LEVELS, SPLITS, Finding, Manifest
from manifests.store import PROBLEMS

_EXAMPLES = 3
_COLORS = {"error": "red", "warning": "yellow", "note": "dim"}


def show(console: Console, manifest: Manifest, published: Mapping[str, int]) -> None:
    """Print what a manifest holds, and how many clips of each split were published."""
    console.print(f"[bold]{manifest.corpus}[/], layout {manifest.layout or 'unknown'}", highlight=False)
    redrawn = any(finding.kind == "split-redrawn" for finding in manifest.problems())
    quarantined = Counter(clip.split for clip in manifest.clips(status="quarantined"))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("split")
    for name in ("clips", "published", "frames", "with fixations", "quarantined"):
        table.add_column(name, justify="right")
    for split in SPLITS:
        clips, frames = manifest.counts[split], manifest.frames[split]
        if not (clips or quarantined[split] or split in published):
            continue
        fixated = int(manifest.column(split, "n_fixated_frames").sum())
        known = split in published and not (redrawn and split in ("train", "val"))
        of = f"of {published[split]:,}" if known else ""
        numbers = (f"{clips:,}", of, f"{frames:,}", f"{fixated:,}", f"{quarantined[split]:,}")
        table.add_row(split, *numbers)
    console.print(table)


def show_counts(console: Console, findings: Sequence[Finding]) -> None:
    """Print how many findings there are of each level and kind."""
    if not findings:
        console.print("Nothing was found amiss.")
        return
    counts = Counter((finding.level, finding.kind) for finding in findings)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("level")
    table.add_column("kind")
    table.add_column("findings", justify="right")
    for (level, kind), count in sorted(
        counts.items(), key=lambda item: (LEVELS.index(item[0][0]), item[0][1])
    ):
        table.add_row(Text(level, style=_COLORS[level]), kind, f"{count:,}")
    console.print(table)


def show_examples(console: Console, findings: Sequence[Finding], manifest: Manifest) -> None:
    """Print the first few errors of each kind, and where all findings are."""
    errors = defaultdict(list)
    for finding in findings:
        if finding.level == "error":
            errors[finding.kind].append(finding)
    for kind, found in sorted(errors.items()):
        show_list(console, found[:_EXAMPLES])
        if len(found) > _EXAMPLES:
            console.print(f"  … and {len(found) - _EXAMPLES:,} more of {kind}", highlight=False)
    problems = manifest.folder / PROBLEMS
    where = f"All findings: {problems}" if findings else f"Manifest: {manifest.folder}"
    console.print(Text(where), soft_wrap=True)
    console.print(Text(f"Digest: {manifest.digest[:12]}"))


def show_list(console: Console, findings: Sequence[Finding]) -> None:
    """Print findings one by one."""
    for finding in findings:
        line = Text.assemble((finding.level, _COLORS[finding.level]), f" {finding.kind}: {finding}")
        console.print(line, soft_wrap=not console.is_terminal)
