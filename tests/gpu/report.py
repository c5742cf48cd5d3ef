"""What was found, as JSON for programs and as Markdown for people, written anew whenever there is more."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from tests.places import REPOSITORY

Row = dict[str, Any]
"""One thing found, by columns. `ok` tells whether a check holds; `left out` and `error` say why a row has
no figures."""


@dataclass
class Found:
    """What a part found.

    Attributes:
        title: for people.
        state: "not yet", "done", or "failed" where it could not go to its end.
        error: why it could not.
        seconds: that it took.
        rows: what it found, in order.
    """

    title: str
    state: str = "not yet"
    error: str = ""
    seconds: float = 0.0
    rows: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Report:
    """All parts' findings and where they are written.

    Attributes:
        folder: of `check.json` and `check.md`.
        head: what the figures hold for, by name: device, date, versions.
        parts: word -> findings, in the order in which they are made.
    """

    folder: Path
    head: Mapping[str, Any]
    parts: Mapping[str, Found]

    @property
    def right(self) -> bool:
        """Whether every check that was made holds, and none is missing."""
        rows = [row for part in self.parts.values() for row in part.rows]
        held = all(row["ok"] for row in rows if "ok" in row)
        checks = self.parts.get("right")
        return held and (checks is None or checks.state == "done")

    def write(self) -> None:
        """Write both files."""
        self.folder.mkdir(parents=True, exist_ok=True)
        parts = {word: asdict(part) for word, part in self.parts.items()}
        content = {**self.head, "right": self.right, "parts": parts}
        _replace(self.folder / "check.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        _replace(self.folder / "check.md", self._markdown())

    def _markdown(self) -> str:
        lines = [f"# GPU check: {self.head['device']}, {self.head['date']}", "", "| | |", "|---|---|"]
        lines += [f"| {name} | {_cell(value)} |" for name, value in self.head.items()]
        lines += [f"| every check that can be made here was, and holds | {_cell(self.right)} |"]
        for part in self.parts.values():
            told = f"; {part.error}" if part.error else ""
            lines += ["", f"## {part.title}", "", f"{part.state}, {part.seconds:.0f} s{told}", ""]
            lines += table(part.rows)
        return "\n".join(lines) + "\n"


def table(rows: list[Row]) -> list[str]:
    """Return the lines of a Markdown table with every column that some row has."""
    if not rows:
        return []
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    return lines + [f"| {' | '.join(_cell(row.get(name, '')) for name in columns)} |" for row in rows]


def heading(device: torch.device, minutes: float, *, tiny: bool) -> dict[str, Any]:
    """Return what all figures of a run hold for."""
    gpu = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if gpu else "processor",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "torch": torch.__version__,
        "cuda": torch.version.cuda if gpu else "none",
        "commit": _commit(),
        "size": "tiny" if tiny else "the papers'",
        "minutes": minutes,
    }


def _commit() -> str:
    command = ["git", "-C", str(REPOSITORY), "describe", "--always", "--abbrev=12", "--dirty"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return found.stdout.strip() or "unknown"


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all, so that an interruption leaves the one before."""
    beside = path.with_name(f".{path.name}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "**no**"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return " ".join(text.replace("|", "\\|").split())
