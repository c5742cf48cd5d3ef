"""Drawn figures on the page: each inside it, with a text for those who do not see it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

from PIL import Image

from grid.outputs.figures.registry import figures
from grid.outputs.report.markup import bullets, folded
from grid.results import output_folder
from grid.specs.table import TableSpec

# Lossless up to this size, which all but photographs keep; what is larger loses what nobody sees.
_LOSSLESS_BYTES = 120_000
_QUALITY = 80
_WIDEST = 1600


def pictures(spec: TableSpec, out: Path, missing: Sequence[str]) -> str:
    """Write a table's figures as they lie in the output folder, and which are not drawn and why.

    Args:
        spec: the table.
        out: the output folder.
        missing: `<table>-<word>: why`, of all tables.
    """
    drawn = [
        _figure(path, f"{figure.title}: {spec.title}")
        for word, figure in figures().items()
        if (path := out / output_folder.FIGURES / f"{spec.name}-{word}.png").is_file()
        and not any(told.startswith(f"{path.stem}:") for told in missing)
    ]
    lacking = [told.removeprefix(f"{spec.name}-") for told in missing if told.startswith(f"{spec.name}-")]
    return "".join(drawn) + folded(f"Not drawn ({len(lacking)})", bullets(lacking))


def _figure(path: Path, title: str) -> str:
    data, kind, (width, height) = _embedded(path)
    folder = output_folder.FIGURES
    return (
        f'<figure><div class="scroll" role="region" tabindex="0" aria-label="{escape(title)}">'
        f'<img alt="{escape(title)}. Its numbers are in {folder}/{path.stem}.csv."'
        f' width="{width}" height="{height}" src="data:image/{kind};base64,{data}"></div>'
        f"<figcaption>{escape(title)}. <small>For papers {folder}/{path.stem}.pdf, its numbers"
        f" {folder}/{path.stem}.csv.</small></figcaption></figure>"
    )


def _embedded(path: Path) -> tuple[str, str, tuple[int, int]]:
    """Return a picture as text, its format, and its size in pixels; WebP is a third of PNG."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    if image.width > _WIDEST:
        image = image.resize((_WIDEST, round(image.height * _WIDEST / image.width)), Image.Resampling.LANCZOS)
    content = _encoded(image, lossless=True)
    if len(content) > _LOSSLESS_BYTES:
        content = min(content, _encoded(image, quality=_QUALITY), key=len)
    return base64.b64encode(content).decode(), "webp", image.size


def _encoded(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "webp", **options)
    return buffer.getvalue()
