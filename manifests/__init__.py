"""What a clip is: schema, Parquet in and out, digest, integrity. Imports nothing else of this project."""

from manifests.clip_check import clip_problems
from manifests.findings import LEVELS, Finding
from manifests.parquet import ManifestError
from manifests.problem import Problem, ProblemError
from manifests.schema import SCHEMA_VERSION, SPLITS, Clip, Fixations, natural_key
from manifests.store import Manifest, open_manifest
from manifests.writing import write

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
