"""What predicting with a model has cost: a measurement, as a file keeps it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Cost:
    """What predicting with one model on one device has cost.

    Attributes:
        model: its word.
        title: its name in tables.
        options: of its configuration.
        weights: the name of the file that was opened; empty for untrained ones, which cost the same.
        frames: of a window.
        height: of the input, pixels.
        width: of the input, pixels.
        precision: of activations and weights.
        device: its name, as a driver or the operating system tells it, and a processor's threads.
        versions: of what was run.
        measured: when, in ISO 8601.
        parameters: numbers that are trained.
        size: bytes of weights and buffers.
        window_operations: of a window, as plain prediction computes it.
        frame_operations: of a frame more, as the fast prediction computes it that was measured.
        single: frames a second, one frame at a time.
        best: frames a second, with the fastest number of frames at a time.
        batch: that number.
        memory: bytes at the most: on a GPU of tensors, on a processor of the whole process; None if unknown.
    """

    model: str
    title: str
    options: dict[str, Any]
    weights: str
    frames: int
    height: int
    width: int
    precision: str
    device: str
    versions: dict[str, str]
    measured: str
    parameters: int
    size: int
    window_operations: int
    frame_operations: int
    single: float
    best: float
    batch: int
    memory: int | None

    def as_json(self) -> str:
        """Write it down, for `from_json`."""
        return json.dumps(asdict(self), indent=2) + "\n"


def from_json(text: str) -> Cost:
    """Read what `Cost.as_json` has written.

    Raises:
        ValueError: it is something else.
    """
    content = json.loads(text)
    known = {each.name: each.type for each in fields(Cost)}
    if not isinstance(content, dict) or content.keys() != known.keys():
        found = ", ".join(content) if isinstance(content, dict) else type(content).__name__
        raise ValueError(f"expected {', '.join(known)}, found {found}")
    for name, kind in known.items():
        if not isinstance(content[name], _KINDS.get(str(kind).partition("[")[0], object)):
            raise ValueError(f"{name}: expected {kind}, found {content[name]!r}")
    return Cost(**content)


_KINDS: dict[str, Any] = {"str": str, "int": int, "float": (int, float), "dict": dict}
