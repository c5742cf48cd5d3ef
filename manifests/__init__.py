"""What a clip is: schema, Parquet in and out, digest, integrity. Imports nothing else of this project."""

from manifests.check import Problem, ProblemError, clip_problems
from manifests.parquet import ManifestError
from manifests.schema import SCHEMA_VERSION, SPLITS, Clip, Fixations, natural_key
from manifests.store import Manifest, open_manifest, write

__all__ = [
    "SCHEMA_VERSION",
    "SPLITS",
    "Clip",
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
