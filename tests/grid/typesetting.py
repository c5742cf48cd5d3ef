"""Pages set by pdflatex, where it is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest


def compile_page(folder: Path, layout: str = "", preamble: str = "") -> str:
    """Have pdflatex set every table of a folder in an article with these options; return its log."""
    names = "".join(rf"\input{{{path.stem}}}\clearpage" for path in sorted(folder.glob("*.tex")))
    packages = rf"\documentclass[{layout}]{{article}}\usepackage{{booktabs,graphicx}}{preamble}"
    page = rf"{packages}\begin{{document}}{names}\end{{document}}"
    (folder / "page.tex").write_text(page)
    return typeset(folder)


def typeset(folder: Path) -> str:
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    # Its terminal output is in the fonts' own encoding.
    done = subprocess.run(
        command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


needs_tex = pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
