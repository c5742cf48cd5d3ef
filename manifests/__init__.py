"""What a clip is: schema, Parquet in and out, digest, integrity. Imports nothing else of this project.

The names below are imported on first use, so that a command line can say what is missing where NumPy is not.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from manifests.clip_check import clip_problems
    from manifests.findings import LEVELS, Finding
    from manifests.parquet import ManifestError
    from manifests.problem import Problem, ProblemError
    from manifests.schema import SCHEMA_VERSION, SPLITS, Clip, Fixations, natural_key
    from manifests.store import Manifest, open_manifest
    from manifests.writing import write

_HOMES = {
    "LEVELS": "findings",
    "SCHEMA_VERSION": "schema",
    "SPLITS": "schema",
    "Clip": "schema",
    "Finding": "findings",
    "Fixations": "schema",
    "Manifest": "store",
    "ManifestError": "parquet",
    "Problem": "problem",
    "ProblemError": "problem",
    "clip_problems": "clip_check",
    "natural_key": "schema",
    "open_manifest": "store",
    "write": "writing",
}

__all__ = [
    "LEVELS",
    "SCHEMA_VERSION",
    "SPLITS",
    "Clip",
    "Finding",
    "Fixations",
    "Manifest",
    "ManifestError",
    "Problem",
    "ProblemError",
    "clip_problems",
    "natural_key",
    "open_manifest",
    "write",
]


if not TYPE_CHECKING:  # which knows the names above, and no others

    def __getattr__(name: str):
        if name not in _HOMES:
            raise AttributeError(f"module 'manifests' has no attribute '{name}'")
        return getattr(import_module(f"manifests.{_HOMES[name]}"), name)
