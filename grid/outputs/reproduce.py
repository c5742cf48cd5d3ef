"""How to come by a grid's numbers again: the page of an export that says by which code, data and commands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from datasets.corpora.registry import available, find, get
from datasets.demo import DOMAINS
from grid.outputs.tables.scores import Results
from grid.outputs.tables.table import DEMO
from grid.planning.prepare import Grid
from grid.results.provenance import address, commit, python_version, source_version
from manifests.escaping import markdown, markdown_line, shell
from manifests.problem import agreed, counted
from manifests.store import Manifest

FOLDER = "EXPORT"
"""Stands for the exported folder in commands, which are called from the project's."""

# What `python -m datasets index` does by itself; a layout is found out, but two may fit.
_INDEXING_DEFAULTS = {"split": "paper", "seed": 0}

_CONTENTS = (
    "## What is in this folder",
    "",
    "- `tables/`: each table and its comparisons, as LaTeX, Markdown, HTML and CSV",
    "- `results/`: the curve of each training; each frame's scores of each evaluation",
    "- `pictures/`: of each evaluation a few test frames, with fixations and predicted maps",
    "- `specs/`: the tables as declared; `settings.yaml`: the settings as they took effect, before those"
    " that a table sets itself",
    "- `plan.json`: every training, evaluation and cell with all that its id is made of",
    "- `manifests.json`: digests, clips and frames of each split; `grids/`: the same, by which tables are"
    " compiled without corpora; `requirements.txt`: packages",
    "- `checkpoints.sha256`: SHA-256 of the trained weights",
)


def weights_told(grid: Grid) -> str:
    """Say which initial weights were taken, by their content."""
    found = ", ".join(f"{weights.digest} ({model})" for model, weights in grid.weights.items())
    return f"SHA-256 {found}" if found else "none"


def page(grid: Grid, train: str, tabulate: str, unchecked: int) -> str:
    """Write the page.

    Args:
        grid: as prepared.
        train: the command that does all of it.
        tabulate: the command that compiles the tables from the exported folder.
        unchecked: finished trainings whose weights are not on this machine.
    """
    plan = grid.plan
    done = len(Results(plan, grid.ledger).with_values(plan.all_cells))
    cells = counted(len(plan.all_cells), "cell")
    lines = [
        f"# {markdown(plan.grid)}: how to reproduce it",
        "",
        *([f"**{DEMO}**", ""] if grid.demo else []),
        f"{done} of {cells} {agreed(done, 'has its value', 'have their values')},"
        f" from {counted(len(plan.trainings), 'training')} and"
        f" {counted(len(plan.evaluations), 'evaluation')}. All commands are called from the project's folder;"
        f" `{FOLDER}` stands for this folder, `DIR` and `FILE` for your own.",
        "",
        *_code(grid),
        *_data(grid),
        "## 3. Train, test and tabulate",
        "",
        f"    {train}",
        "",
        "The ids of trainings and evaluations must come out as in `plan.json`, which gives all that"
        " enters them; `--plan` shows them before anything starts.",
        "",
        *_trained(unchecked),
        "## Only the tables, from the results in this folder",
        "",
        f"    {tabulate}",
        "",
        "Needs neither corpora nor weights.",
        "",
        *_CONTENTS,
        "",
    ]
    return "\n".join(lines)


def _code(grid: Grid) -> list[str]:
    head, _, changed = commit().partition(" ")
    told = f"; commit `{head}`" if head else ""
    told += ", and changes that no commit has" if changed else ""
    origin = address()
    fetched = [f"    git clone {shell([origin])} && git checkout {head}"] if head and origin else []
    return [
        "## 1. Code and packages",
        "",
        f"{source_version()}{told}; {python_version()}. The sources are the same if this prints the same:",
        "",
        '    python -c "from grid.results.provenance import source_version; print(source_version())"',
        "",
        "To come by them and the packages:",
        "",
        *fetched,
        f"    pip install -r {FOLDER}/requirements.txt",
        "",
        *(
            f"- {counted(n, 'result')} {agreed(n, 'was', 'were')} made by {made}"
            for made, n in makers(grid).items()
        ),
        "",
    ]


def makers(grid: Grid) -> dict[str, int]:
    """Count the results that each commit has made."""
    ledger, plan = grid.ledger, grid.plan
    found = [*map(ledger.read_training, plan.trainings), *map(ledger.read_evaluation, plan.evaluations)]
    codes = [result.summary.get("code") or {} for result in found if result]
    return dict(Counter(f"commit {code['commit']}" if code.get("commit") else "no commit" for code in codes))


def _data(grid: Grid) -> list[str]:
    generated = {domain.name for domain in DOMAINS} if grid.demo else set()
    real = {name: manifest for name, manifest in grid.manifests.items() if name not in generated}
    demo = ["The demo generates its corpora.", ""] if len(real) < len(grid.manifests) else []
    return ["## 2. Data", "", *demo, *(_indexed(grid, real) if real else []), *_initial(grid)]


def _indexed(grid: Grid, manifests: dict[str, Manifest]) -> Iterator[str]:
    yield from (f"- {markdown_line(name)}: {_had(name)}" for name in manifests)
    yield ""
    yield from (f"    python -m datasets index {_indexing(found, grid)}" for found in manifests.values())
    yield from ("", "Indexing must end in these digests of the manifests, over these usable clips:", "")
    for name, manifest in manifests.items():
        splits = ", ".join(f"{n:,} {split}" for split, n in manifest.counts.items() if n)
        yield f"- {markdown_line(name)}: `{manifest.digest}` ({splits}; {manifest.quarantined} quarantined)"
    yield ""


def _initial(grid: Grid) -> list[str]:
    files = ", ".join(
        f"{markdown(found.path.name)} ({model})" for model, found in grid.weights.items() if found.path.name
    )
    named = f" (here {files})" if files else ""
    return [f"Initial weights of the backbone: {weights_told(grid)}{named}.", ""]


def _had(corpus: str) -> str:
    """Say where a corpus is had from; of one's own, what else there is to know."""
    adapter = find(corpus)
    if adapter and adapter.had_from:
        return f"had from {markdown(adapter.had_from)}"
    if adapter:
        return "a corpus that a plug-in reads; to be had from the authors"
    return (
        "a corpus of the authors' own, laid out as `datasets/corpora/own_folder.py` says; to be had from them"
    )


def _indexing(manifest: Manifest, grid: Grid) -> str:
    """Return the options of the command that makes a manifest again, with those that no default has."""
    words = {get(word).name: word for word in available()}
    given = {"layout": manifest.layout, **manifest.options}
    changed = {name: value for name, value in given.items() if value != _INDEXING_DEFAULTS.get(name)}
    options = [f"--{name} {shell([str(value)])}" for name, value in changed.items()]
    adapter = find(manifest.corpus)
    if adapter and not adapter.had_from:
        options += [
            f"--plugins {shell([f'{FOLDER}/plugins/{Path(each).resolve().name}'])}"
            for each in grid.config.plugins
        ]
    corpus = words.get(manifest.corpus, f"folder --name {shell([manifest.corpus])}")
    return " ".join([corpus, "--root DIR", *options])


def _trained(unchecked: int) -> list[str]:
    told = (
        "The trained weights are too large to be here; they lie in `checkpoints/` of the output folder, where"
        f" `sha256sum -c {FOLDER}/checkpoints.sha256` compares them."
    )
    lacking = f" Those of {counted(unchecked, 'training')} were not on this machine." if unchecked else ""
    return [told + lacking, ""]
