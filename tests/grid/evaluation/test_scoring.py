"""A clip's way from its files to its scores."""

import numpy as np
import pytest

from datasets.loading.scored_split import ScoredSplit
from grid.evaluation import scoring
from tests.grid.grids import evaluation_job_of, prepare_small


def test_a_prediction_that_is_not_finite_is_told_with_clip_and_frame(small_demo):
    job = evaluation_job_of(prepare_small(small_demo), "generalization")
    split = ScoredSplit.open(job.manifest[0], "test", job.manifest[1])
    name = max(job.expected, key=job.expected.get)

    def predictor(frames):
        for i, frame in enumerate(frames):
            yield np.full(frame.shape[:2], np.nan if i == 3 else 0.5, np.float32)

    with pytest.raises(ValueError, match=f"clip {name}, frame 3: .*expected finite predictions, found NaN"):
        scoring.score_clip(split, name, predictor=predictor, size=(32, 32), threads=1, eight_bit=True)
