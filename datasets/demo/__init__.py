"""Small look-alikes of the corpora, generated from a seed in the real corpora's layouts.

    python -m datasets demo --out DIR

Every clip depends on the seed, its corpus and its name alone, so that clips can be made in any order. A
corpus appears under its final name only when it is whole.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from datasets.demo.cast import takes
from datasets.demo.domains import DOMAINS, Domain
from datasets.demo.layouts import write_clip, write_lists
from manifests import Problem, ProblemError

RECIPE = 1  # to be raised whenever the same seed gives other files
MARKER = "demo.json"


def generate(
    out: Path,
    seed: int = 0,
    *,
    domains: Sequence[Domain] = DOMAINS,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Path]:
    """Make the demo corpora below ``out``, or keep those there are; return the root of each by its word.

    The words are those of the command line: dhf1k, hollywood2, ucf_sports and ledov; where ``domains`` has
    `PHOTOGRAPHS`, salicon, mit1003 and mit300. A corpus made by this recipe from this seed is kept, one made
    otherwise is replaced. After each clip, ``progress(word, clips done, clips in all)`` is called.

    Raises:
        ProblemError: a corpus's folder holds something this function has not made. It is left untouched.

    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    roots = {domain.word: out / domain.name for domain in domains}
    if problems := [problem for root in roots.values() if (problem := _foreign(root))]:
        raise ProblemError(problems)
    for domain in domains:
        if _recipe_of(roots[domain.word]) != _marker(domain, seed):
            _make(domain, roots[domain.word], seed, progress)
    return roots


def _make(domain: Domain, root: Path, seed: int, progress: Callable[[str, int, int], None] | None) -> None:
    """Build a corpus in a folder beside ``root`` and move it there whole, its marker written last."""
    cast = takes(domain, seed)
    with tempfile.TemporaryDirectory(prefix=f".{domain.name}-", dir=root.parent) as scratch:
        unfinished = Path(scratch) / domain.name
        unfinished.mkdir()
        write_lists(domain, cast, unfinished)
        for done, take in enumerate(cast, 1):
            write_clip(domain, take, unfinished, seed)
            if progress:
                progress(domain.word, done, len(cast))
        (unfinished / MARKER).write_text(json.dumps(_marker(domain, seed), indent=2) + "\n")
        shutil.rmtree(root, ignore_errors=True)
        unfinished.replace(root)


def _marker(domain: Domain, seed: int) -> dict[str, object]:
    return {"demo of": domain.name, "recipe": RECIPE, "seed": seed}


def _recipe_of(root: Path) -> dict[str, object] | None:
    marker = root / MARKER
    try:
        return json.loads(marker.read_text()) if marker.exists() else None
    except json.JSONDecodeError:
        return None  # damaged, so made anew


def _foreign(root: Path) -> Problem | None:
    """Name the folder that stands where a corpus is to go and is not ours to replace, as a real one."""
    if not root.exists() or (root / MARKER).is_file() or (root.is_dir() and not any(root.iterdir())):
        return None
    return Problem(
        where=str(root),
        expected=f"nothing, or a demo corpus with its {MARKER}",
        found="something else",
        remedy="Choose another folder for the demo, or remove this one if you need nothing in it.",
    )
