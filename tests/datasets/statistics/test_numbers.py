"""What a manifest says of its clips without opening them."""

import numpy as np
import pytest

from datasets.statistics.numbers import described_split, fixation_density, fixations_per_frame
from manifests import open_manifest
from tests.datasets.scored_corpus import LENGTHS, N_POINTS, SIZE, fixations_of, write_scored


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return open_manifest(write_scored(tmp_path_factory.mktemp("corpus"), split="test"))


def test_every_frame_is_counted_also_one_that_nobody_looked_at(manifest):
    found = fixations_per_frame(manifest, "test")
    assert found.tolist() == [N_POINTS] * 4 + [0] + [N_POINTS] * 2 + [0]
    assert fixations_per_frame(manifest, "train").tolist() == []


def test_the_density_lies_where_the_fixations_do(manifest):
    found = fixation_density(manifest, "test")
    assert found.shape == (54, 96)
    assert found.max() == 1
    rows = np.concatenate([fixations_of(name, n) for name, n in LENGTHS.items()])
    points = np.argwhere(found >= 0) + 0.5
    mean = (points * found.ravel()[:, None]).sum(0) / found.sum() / found.shape
    np.testing.assert_allclose(mean, (rows[:, 1:] + 0.5).mean(0) / SIZE, atol=0.03)


def test_a_corpus_is_described_by_its_training_clips_or_by_others(manifest, tmp_path):
    assert described_split(manifest) == "test"
    assert described_split(open_manifest(write_scored(tmp_path, split="train"))) == "train"
    with pytest.raises(ValueError, match="no usable clip"):
        described_split(open_manifest(write_scored(tmp_path / "none", {})))
