"""What a table asks, in a sentence."""

from __future__ import annotations

from grid.outputs.report.wording import listed
from grid.outputs.tables.layout import shown
from grid.outputs.tables.scores import Results
from grid.specs.table import SELECTIONS, TableSpec
from hd2s.approaches.registry import approaches
from hd2s.models.registry import models
from manifests.problem import counted


def asked(spec: TableSpec, results: Results) -> str:
    """Say what is trained on what, tested on what, how and how often."""
    sources = [shown(corpus) for corpus in spec.sources]
    titles = [models()[word].title for word in spec.models]
    verb = "does" if len(titles) == 1 else "do"
    trained = f"How well {verb} {listed(titles)} predict saliency, trained on {listed(sources, 'or')}"
    ways = [approaches()[word].title for word in spec.approaches]
    rows = list(dict.fromkeys(variant.plain for variant in spec.variants if variant.plain))
    chosen = [SELECTIONS[word] for word in dict.fromkeys(variant.select for variant in spec.variants)]
    told = [f"by {listed(ways)}"] if len(ways) > 1 else []
    told += [f"in {counted(len(rows), 'variant')} ({listed(rows)})"] if rows else []
    told += [f"with {listed([word or 'own selection' for word in chosen])}"] if any(chosen) else []
    cells = counted(len(results.plan.cells_of(spec.name)), "cell")
    seeds = f"{'seeds' if len(spec.seeds) > 1 else 'seed'} {listed([*map(str, spec.seeds)])}"
    how = f", {', '.join(told)}" if told else ""
    return f"{trained}{_tested(spec)}{how}? {cells}, {seeds}, measured by {listed(spec.metrics)}."


def _tested(spec: TableSpec) -> str:
    """Say what is tested on, with the second domain if one takes part."""
    tests = [word for word in spec.tests or ("target" if spec.targets else "source",)]
    corpora = [shown(word) for word in tests if word not in ("source", "target")]
    targets = [shown(corpus) for corpus in spec.targets]
    told = []
    if "target" in tests:
        alike = set(spec.sources) == set(spec.targets)
        told.append("each of the others" if alike else listed(targets, "or"))
    if "source" in tests:
        told.append("the source itself" if len(spec.sources) == 1 else "each of these")
    towards = (
        f" (with {listed(targets, 'or')} as the other domain)" if targets and "target" not in tests else ""
    )
    return f"{towards} and tested on {listed([*told, *corpora])}"
