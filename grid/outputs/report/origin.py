"""Where the numbers come from: commands, data, weights, code, packages, devices and hours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from grid.outputs.report.markup import bullets, command, folded, paragraph, plain_table
from grid.outputs.report.wording import counted, duration
from grid.outputs.reproduce import makers, weights_told
from grid.planning.prepare import Grid
from grid.results.provenance import address, commit, python_version, requirements, source_version

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
    rows = [
        (device, f"{amounts['training'][0]:,}", f"{amounts['evaluation'][0]:,}", *map(duration, seconds))
        for device, amounts in spent(grid).items()
        for seconds in [(amounts["training"][1], amounts["evaluation"][1])]
    ]
    headings = ("Device", "Trainings", "Tests", "Training took", "Testing took")
    return plain_table("Devices and their time, summed over units that ran side by side", headings, rows)


def spent(grid: Grid) -> dict[str, dict[str, list[float]]]:
    """Return device → training and evaluation → how many, and their seconds together."""
    found: dict[str, dict[str, list[float]]] = defaultdict(
        lambda: {"training": [0, 0.0], "evaluation": [0, 0.0]}
    )
    done = [
        *(("training", grid.ledger.read_training(unit)) for unit in grid.plan.trainings),
        *(("evaluation", grid.ledger.read_evaluation(unit)) for unit in grid.plan.evaluations),
    ]
    for kind, result in done:
        if result:
            amount = found[str(result.summary.get("device", "unknown"))][kind]
            amount[0] += 1
            amount[1] += float(result.summary.get("seconds", 0.0))
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
