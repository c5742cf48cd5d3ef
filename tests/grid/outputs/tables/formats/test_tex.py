"""Any text in ASCII that pdflatex sets."""

import pytest

from grid.outputs.tables.formats.tex import tex, tex_line
from tests.grid.typesetting import needs_tex, typeset


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("é ü ß Å ñ", r"\'{e} \"{u} \ss{} \AA{} \~{n}"),
        ("a\u0301 ï ệ", r"\'{a} \"{\i} \^{\d{e}}"),
        ("≥ ≈ σ Σ Α λ", r"$\ge$ $\approx$ $\sigma$ $\Sigma$ A $\lambda$"),
        ("m² ﬁ Ａ ½", r"m\textsuperscript{2} fi A 1/2"),
        ("x\u200by", "xy"),
        ("ά中", r"$\alpha$[U+4E2D]\allowbreak{}"),
        ("a -- b – c --- d", "a -{}- b -- c -{}-{}- d"),
    ],
)
def test_letters_and_signs_in_latex(text, written):
    assert tex(text) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [("[a]", "{[a]}"), ("*a", "{*a}"), ("中", r"{[U+4E2D]\allowbreak{}}"), ("a [b]", "a [b]"), ("", "")],
)
def test_what_begins_a_line_belongs_to_no_line_before_it(text, written):
    assert tex_line(text) == written


@needs_tex
@pytest.mark.parametrize("fonts", ["", r"\usepackage[T1]{fontenc}"])
def test_any_character_compiles(tmp_path, fonts):
    """All of the alphabets and signs of the first planes, and some of each beyond."""
    codes = [*range(1, 0x3100), *range(0x3100, 0x110000, 997)]
    lines = [tex("".join(map(chr, codes[n : n + 40]))) for n in range(0, len(codes), 40)]
    assert all(line.isascii() for line in lines)
    body = "\n\n".join(line for line in lines if line)
    page = rf"\documentclass{{article}}{fonts}\begin{{document}}{body}\end{{document}}"
    (tmp_path / "page.tex").write_text(page, encoding="ascii")
    assert "Missing character" not in typeset(tmp_path)


def test_all_text_becomes_ascii_without_line_breaks():
    codes = [*range(1, 0x3100), *range(0x3100, 0x110000, 997)]
    written = [tex(chr(code)) for code in codes]
    assert all(text.isascii() and "\n" not in text for text in written)


def test_spaces_of_any_kind_are_one():
    assert tex("  a\t b\n\nc ") == "a b c"
