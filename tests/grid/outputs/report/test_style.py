"""How the report looks: text stands out on light and dark."""

import re
from itertools import product

import pytest

from grid.outputs.report.style import SCRIPT, STYLE

COLOURS = {
    name: tuple(re.findall(r"#[0-9a-f]+", pair))
    for name, pair in re.findall(r"--([\w-]+): light-dark\((.*?)\)", STYLE)
}


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", [0, 1])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        *product(("ink", "soft", "accent", "bad"), ("paper", "panel")),
        *product(("ink",), ("best", "bad-panel")),
        ("bad", "bad-panel"),
    ],
)
def test_text_has_the_contrast_that_wcag_asks_for(text, ground, scheme):
    dark, light = sorted(luminance(COLOURS[name][scheme]) for name in (text, ground))
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_nothing_is_fetched():
    assert not re.search(r"https?:|url\(|@import|fetch|XMLHttp|import\(", STYLE + SCRIPT)
