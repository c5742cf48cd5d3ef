"""What comes of a program whatever way NumPy's matrix products are computed."""

import os
import subprocess
import sys

from tests.places import REPOSITORY

_WAYS = [{"OPENBLAS_NUM_THREADS": n, "OPENBLAS_CORETYPE": core} for n in "12" for core in ("", "Nehalem")]


def printed_by_all_products(program: str) -> set[bytes]:
    """Run a program with other threads and for other processors; return all that it has printed."""
    command = [sys.executable, "-c", program]
    runs = (
        subprocess.run(command, check=True, capture_output=True, cwd=REPOSITORY, env=os.environ | way)
        for way in _WAYS
    )
    return {run.stdout for run in runs}
