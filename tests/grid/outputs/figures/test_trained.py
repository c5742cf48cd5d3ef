"""What a cell's model says of a frame is what its test has scored."""

import numpy as np
import pytest

from datasets.reading.video import read_frames
from grid.outputs.figures.chosen import strips
from grid.outputs.figures.trained import Place, _seen, maps_of, open_model, picture, truth
from hd2s.prediction.predictor import Predictor
from tests.datasets.scored_corpus import map_of
from tests.hd2s.models.small_models import frames_of, predict_clip
from tests.hd2s.models.toy_models import TOY, declared


def test_a_frame_s_maps_are_those_of_the_whole_clip(shift):
    (strip,) = strips(shift)
    manifest = shift.material.manifests["DHF1K"]
    clip = manifest.clips("test")[0]
    found = list(maps_of(shift, strip.first, [Place(clip, i) for i in range(clip.n_frames)]))
    frames = read_frames(manifest.root, clip, (32, 32))
    expected = predict_clip(open_model(shift, strip.first), frames)
    np.testing.assert_allclose([maps.saliency for maps in found], expected, atol=1e-5)
    assert list(found[0].auxiliary) == ["conspicuity_1", "conspicuity_2"]


def test_pictures_are_the_clip_s_own(shift):
    manifest = shift.material.manifests["DHF1K"]
    place = Place(manifest.clips("test")[1], 1)
    assert picture(manifest, place).shape == (36, 64, 3)
    np.testing.assert_array_equal(truth(manifest, place), map_of("0602", 1, 3))


@pytest.mark.parametrize(
    ("options", "n_frames", "frame", "expected"),
    [
        ({}, 100, 50, (35, 51)),
        ({}, 100, 15, (0, 16)),
        ({}, 100, 3, (0, 31)),
        ({}, 20, 3, (0, 20)),
        ({"frames": 4, "step": 3, "answers": "every"}, 100, 13, (0, 24)),
        ({"frames": 4, "step": 3, "answers": "every"}, 20, 13, (0, 20)),
        ({"frames": 4, "step": 3, "answers": "middle"}, 100, 50, (44, 54)),
        ({"frames": 4, "step": 3, "answers": "middle"}, 100, 1, (0, 6)),
        ({"frames": 4, "step": 3, "answers": "middle"}, 100, 99, (93, 100)),
        ({"frames": 4, "step": 3, "answers": "middle"}, 3, 1, (0, 3)),
    ],
)
def test_only_the_frames_that_have_a_part_in_it_are_read(options, n_frames, frame, expected):
    assert _seen(TOY.config(**options).input, n_frames, frame) == expected


@pytest.mark.parametrize(("length", "step"), [(1, 1), (4, 1), (5, 1), (4, 3), (2, 5)])
@pytest.mark.parametrize("n_frames", [1, 2, 5, 12, 30])
def test_around_a_middle_frame_they_give_the_same_map(n_frames, length, step):
    predictor = Predictor(declared(TOY, frames=length, step=step, answers="middle"), method="plain")
    frames = frames_of(n_frames, (6, 7))
    for frame, expected in enumerate(predictor(frames)):
        start, stop = _seen(predictor.input, n_frames, frame)
        found, _ = next(predictor.inner_maps(frames[start:stop], frame - start))
        np.testing.assert_allclose(found, expected, atol=1e-6)
