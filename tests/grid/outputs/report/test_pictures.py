"""Figures inside the page."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from grid.outputs.figures.registry import figures
from grid.outputs.report.pictures import pictures
from tests.grid.small_ledger import table_spec


@pytest.fixture
def put(tmp_path):
    def put(name, pixels):
        (tmp_path / "figures").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "figures" / name)

    return put


def embedded(text):
    data = re.search(r"data:image/webp;base64,([\w+/=]+)", text)[1]
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_a_drawn_figure_is_in_the_page_to_the_pixel(put, tmp_path):
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[10:20, 5:50] = 200, 100, 0
    put("table5-curves.png", pixels)
    text = pictures(table_spec(title="A < B"), tmp_path, [])
    assert np.array_equal(np.asarray(embedded(text)), pixels)
    assert f'alt="{figures()["curves"].title}: A &lt; B.' in text
    assert 'width="60" height="40"' in text
    assert "figures/table5-curves.pdf" in text


def test_photographs_and_wide_figures_are_kept_small(put, tmp_path):
    put("table5-curves.png", np.random.default_rng(0).integers(0, 255, (600, 2000, 3), np.uint8))
    found = embedded(pictures(table_spec(), tmp_path, []))
    assert found.size == (1600, 480)


def test_what_is_not_drawn_is_told_and_an_old_drawing_of_it_is_not_shown(put, tmp_path):
    put("table5-ranks.png", np.zeros((4, 4, 3), np.uint8))
    text = pictures(table_spec(), tmp_path, ["table5-ranks: no <pair>", "other-curves: no"])
    assert "<img" not in text
    assert "Not drawn (1)" in text
    assert "ranks: no &lt;pair&gt;" in text
