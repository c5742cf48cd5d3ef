"""What was noticed while a corpus was indexed, kept beside its manifest to be listed at any time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.parquet import pack, read_table
from manifests.problem import Problem

LEVELS = ("error", "warning", "note")
"""error: a clip is quarantined, or something that the paper's protocol needs is missing; warning: usable, but
worth a look; note: for information."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing noticed in a corpus: one row of problems.parquet."""

    level: str
    """One of `LEVELS`."""
    kind: str
    """A short word to count by, such as unreadable-video or count-mismatch."""
    clip: str
    """Identifier of the clip; empty for what concerns the whole corpus."""
    path: str
    """The file or folder, posix, relative to the corpus root; may be empty."""
    expected: str
    """What should have been there."""
    found: str
    """What was there."""
    remedy: str
    """What to do about it."""

    def __str__(self) -> str:
        where = " ".join(filter(None, (self.clip, self.path and f"({self.path})"))) or "corpus"
        return str(Problem(where, self.expected, self.found, self.remedy)).rstrip()


PROBLEM_SCHEMA = pa.schema([pa.field(f.name, pa.string(), nullable=False) for f in fields(Finding)])


def write_findings(path: Path, findings: Iterable[Finding], digest: str) -> None:
    """Write findings, the most serious first, as those of the manifest with this digest."""
    rows = sorted(findings, key=lambda f: LEVELS.index(f.level))
    columns = list(zip(*map(astuple, rows), strict=True)) or [()] * len(PROBLEM_SCHEMA)
    table = pa.table([pa.array(c, pa.string()) for c in columns], schema=PROBLEM_SCHEMA)
    pq.write_table(table.replace_schema_metadata(pack({"digest": digest})), path, write_page_checksum=True)


def read_findings(path: Path) -> list[Finding]:
    """Return the findings in a file, the most serious first.

    Raises:
        ManifestError: it is damaged.
    """
    columns = read_table(path, PROBLEM_SCHEMA).to_pydict()
    return [Finding(*row) for row in zip(*columns.values(), strict=True)]
