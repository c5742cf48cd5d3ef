"""The code that runs is this project's: also on workers, and also beside a published package `datasets`."""

from __future__ import annotations

from pathlib import Path

import datasets
from manifests.check import Problem, ProblemError


def assert_ours() -> None:
    """Check that `datasets` is this project's package.

    Raises:
        ProblemError: another package of that name came first on the path.
    """
    here = Path(__file__).resolve().parents[1] / "datasets"
    found = Path(datasets.__file__ or ".").resolve().parent
    if found != here:
        raise ProblemError(
            Problem(
                "package datasets",
                str(here),
                str(found),
                "Run run_grid.py from the project's folder, or uninstall the other package named datasets.",
            )
        )
