"""Maps of inner levels, written side by side."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from hd2s import build_model
from hd2s.commands.conspicuity import require_conspicuity, write_conspicuity
from hd2s.commands.sources import Source
from hd2s.prediction.overlay import stretched
from hd2s.prediction.predictor import Predictor
from tests.hd2s.models.small_models import SMALL, frames_of
from tests.hd2s.models.toy_models import TOY, declared

N = 9


def source_of(frames: np.ndarray) -> Source:
    return Source("clip", frames.shape[1:3], Fraction(25), len(frames), lambda: iter(frames))


def test_each_frame_has_its_levels_and_its_map_side_by_side(tmp_path):
    predictor, frames = Predictor(build_model("hd2s", **SMALL)), frames_of(N)
    counted: list[None] = []
    names = write_conspicuity(predictor, source_of(frames), "png", tmp_path, lambda: counted.append(None))
    assert names == [*(f"conspicuity_{level}" for level in (1, 2, 3, 4)), "saliency"]
    assert len(counted) == N
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == [f"{i + 1:04d}.png" for i in range(N)]
    for file, (saliency, auxiliary) in zip(files, predictor.inner_maps(frames), strict=True):
        strip = np.asarray(Image.open(file))
        assert strip.shape == (32, 5 * 34)
        np.testing.assert_array_equal(strip[:, 4 * 34 : 4 * 34 + 32], stretched(saliency))
        np.testing.assert_array_equal(strip[:, 34:66], stretched(auxiliary["conspicuity_2"]))
        assert (strip[:, 32:34] == 255).all()


def test_a_model_without_such_maps_is_told():
    frames = frames_of(3, (6, 7))
    with pytest.raises(ValueError, match=r"--conspicuity: .* has no maps of inner levels"):
        require_conspicuity(Predictor(declared(TOY)), source_of(frames))


def test_one_with_such_maps_is_asked_for_a_frame():
    seen = []
    frames = source_of(frames_of(N))
    watched = replace(frames, native=lambda: (seen.append(frame) or frame for frame in frames.native()))
    require_conspicuity(Predictor(build_model("hd2s", **SMALL)), watched)
    assert len(seen) == 1
