"""Where the numbers come from: commands, data, weights, code, packages, devices and hours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from grid.outputs.report.markup import bullets, command, folded, paragraph, plain_table
from grid.outputs.report.wording import duration, energy
from grid.outputs.reproduce import makers, weights_told
from grid.planning.prepare import Grid
from grid.results.provenance import address, commit, python_version, requirements, source_version
from manifests.problem import counted

# Of a digest in a table, which tell corpora apart.
_DIGITS = 16


def commands(grid: Grid) -> str:
    """Write the commands that make all of it, and what follows from it."""
    wanted = {
        "Train, test and tabulate; what is done already is kept:": (),
        "Compile the tables again, from the results alone:": ("--tables",),
        "Draw the figures again, and write this page again:": ("--report",),
        "Gather all of it in a folder to attach to a paper:": ("--export", "EXPORT"),
    }
    return "".join(paragraph(told) + command(grid.command(*options)) for told, options in wanted.items())


def work(grid: Grid) -> str:
    """Write how much was trained and tested on which devices, and how long it took."""
    headings = ["Device", "Trainings", "Tests", "Training took", "Testing took"]
    kinds = [(device, amounts["training"], amounts["evaluation"]) for device, amounts in spent(grid).items()]
    rows = [
        [device, f"{training.units:,}", f"{test.units:,}", duration(training.seconds), duration(test.seconds)]
        for device, training, test in kinds
    ]
    if any(training.joules for _, training, _ in kinds):
        headings.append("Training used")
        for row, (_, training, _) in zip(rows, kinds, strict=True):
            row.append(energy(training.joules))
    return plain_table("Devices and their time, summed over units that ran side by side", headings, rows)


@dataclass
class Amount:
    """How many units, their seconds together, and the joules of those whose GPUs told them."""

    units: int = 0
    seconds: float = 0.0
    joules: float = 0.0


def spent(grid: Grid) -> dict[str, dict[str, Amount]]:
    """Return device → training and evaluation → what went into them."""
    found: dict[str, dict[str, Amount]] = defaultdict(lambda: {"training": Amount(), "evaluation": Amount()})
    done = [
        *(("training", grid.ledger.read_training(unit)) for unit in grid.plan.trainings),
        *(("evaluation", grid.ledger.read_evaluation(unit)) for unit in grid.plan.evaluations),
    ]
    for kind, result in done:
        if result:
            amount = found[str(result.summary.get("device", "unknown"))][kind]
            amount.units += 1
            amount.seconds += float(result.summary.get("seconds", 0.0))
            amount.joules += float(result.summary.get("joules", 0.0))
    return dict(found)


def data(grid: Grid) -> str:
    """Write what the corpora are, to the digest, and what the trainings started from."""
    rows = [
        (
            name,
            manifest.layout or "unknown",
            ", ".join(f"{n:,} {split}" for split, n in manifest.counts.items() if n),
            f"{sum(manifest.frames.values()):,}",
            f"{manifest.quarantined:,}",
            manifest.digest[:_DIGITS],
        )
        for name, manifest in grid.manifests.items()
    ]
    headings = ("Corpus", "Layout", "Clips", "Frames", "Quarantined", "Digest")
    whole = bullets(f"{name}: {manifest.digest}" for name, manifest in grid.manifests.items())
    weights = paragraph(f"Initial weights: {weights_told(grid)}.")
    return (
        plain_table("Corpora as they were indexed", headings, rows) + folded("Whole digests", whole) + weights
    )


def code(grid: Grid) -> str:
    """Write which code and packages this page, and each result, was made with."""
    head = commit()
    made = f"commit {head}" if head else "no commit"
    told = [f"This page: {source_version()}, {made}, {python_version()}."]
    told += [f"{counted(n, 'result')}: {made}." for made, n in makers(grid).items()]
    told += [f"Cloned from {origin}." for origin in [address()] if origin]
    return bullets(told) + folded("Packages", bullets(requirements()) if requirements() else "")


def identities(grid: Grid) -> Iterator[str]:
    """Yield the ids of all trainings and evaluations, by which their files are found."""
    for kind, units in (("Trainings", grid.plan.trainings), ("Evaluations", grid.plan.evaluations)):
        rows = [(unit.label, unit.id) for unit in units.values()]
        yield folded(f"{kind} and their ids ({len(rows)})", plain_table(kind, ("Unit", "Id"), rows))
