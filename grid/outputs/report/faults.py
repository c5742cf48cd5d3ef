"""What failed, what was left out and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from grid.outputs import external
from grid.outputs.report.markup import bullets, command, paragraph, plain_table
from grid.outputs.tables.below.footnotes import length_notes
from grid.outputs.tables.scores import Results
from grid.planning.prepare import Grid
from grid.results.failures import failures, incomplete, reason
from grid.results.redo import other_code, untold_weights
from manifests.parquet import ManifestError
from manifests.problem import counted
from manifests.schema import Clip
from manifests.store import Manifest

# Clips of a corpus that the page names; the manifest has them all.
_NAMED = 10


def faults(grid: Grid, results: Results) -> str:
    """Write what is wrong, or that nothing is, and which test clips are too short for their tables."""
    wrong = "".join([*_failed(grid), *_stopped(grid), *_unread(grid), *_quarantined(grid), *_told(grid)])
    short = bullets(length_notes(grid.plan.all_cells, results))
    nothing = paragraph(f"Nothing failed, and no clip was {'quarantined' if short else 'left out'}.")
    told = paragraph("Left out as too short, as these tests ask:") + short if short else ""
    return (wrong or nothing) + told


def _failed(grid: Grid) -> Iterator[str]:
    own, _ = found = failures(grid.plan, grid.ledger)
    rows = [
        (f"{kind} {unit.label}", reason(file), file.relative_to(grid.out).as_posix())
        for kind, unit, file in own
    ]
    if rows:
        yield plain_table("Failed trainings and evaluations", ("Unit", "Error", "All of it"), rows)
    if found.rest:
        yield paragraph(found.rest)
    if rows or found.rest:
        yield paragraph("What to do: mend what the error names, and try these again, and nothing else, with")
        yield command(grid.command("--retry-failed"))


def _stopped(grid: Grid) -> Iterator[str]:
    units = grid.plan.trainings.values()
    rows = [(unit.label, where.words) for unit in units if (where := grid.ledger.stops.of(unit.id))]
    if rows:
        yield plain_table("Points of sweeps that were stopped early by ASHA", ("Training", "Where"), rows)
        yield paragraph(
            "None of them is shown, since it was worse than others after as much of its training; which are"
            " stopped depends on the order in which their validations came. All of them are trained to their"
            " end, each from where it was stopped, with"
        )
        yield command(f"{grid.command()} sweep.stop=none")


def _unread(grid: Grid) -> Iterator[str]:
    rows = []
    for unit in incomplete(grid.plan, grid.ledger):
        if result := grid.ledger.read_evaluation(unit):
            lacking = sorted(result.summary["unread"].items())
            label = grid.plan.evaluations[unit].label
            rows += [(label, clip, why) for clip, why in lacking[:_NAMED]]
            rows += [(label, f"{len(lacking) - _NAMED:,} more", "")] if len(lacking) > _NAMED else []
    if rows:
        yield plain_table("Test clips that could not be read", ("Evaluation", "Clip", "Why"), rows)
        yield paragraph(
            "Its values are over the other clips, and marked †. What to do: put the files back, or index the"
            " corpus again, and evaluate again with"
        )
        yield command(grid.command("--retry-failed"))


def _quarantined(grid: Grid) -> Iterator[str]:
    found = {name: manifest for name, manifest in grid.manifests.items() if manifest.quarantined}
    rows = [
        (name, clip, split, why) for name, manifest in found.items() for clip, split, why in _named(manifest)
    ]
    if rows:
        headings = ("Corpus", "Clip", "Split", "Why")
        yield plain_table("Quarantined clips, never trained or tested on", headings, rows)
        yield paragraph(
            "What to do: python -m datasets check CORPUS lists each with its remedy; mend the files and index"
            " the corpus again. What has been trained on the others stays valid, under its own id."
        )


def _named(manifest: Manifest) -> list[tuple[str, str, str]]:
    """List clips of a manifest: name, split and reason; of one that is only noted how many they are."""
    clips: Sequence[Clip] = ()
    with suppress(ManifestError, OSError):
        clips = manifest.clips(status="quarantined")
    found = [(clip.clip, clip.split, clip.reason) for clip in clips[:_NAMED]]
    rest = manifest.quarantined - len(found)
    return [*found, *([(counted(rest, "clip"), "", "see its manifest")] if rest else [])]


def _told(grid: Grid) -> Iterator[str]:
    lines = [str(problem) for problem in grid.ledger.problems(weights=False)]
    lines += [f"Not taken: {problem}" for problem in external.read(grid.plan, grid.out).problems]
    lines += filter(None, [other_code(grid.plan, grid.ledger).told, untold_weights(grid.plan, grid.ledger)])
    yield bullets(lines)
