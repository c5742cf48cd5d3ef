"""The loss on a validation split, by windows or by whole clips, of any corpus that a training reads."""

import pytest
import torch

from grid.training.feed import Feed
from grid.training.validation import Validation
from hd2s import build_model
from hd2s.losses import kld
from hd2s.training.execution import Execution
from tests.grid.grids import TINY, Context, job_of, prepare_small, with_train


@pytest.mark.slow
def test_the_loss_is_the_mean_over_the_windows_of_the_corpus_that_is_named(small_demo):
    job = job_of(prepare_small(small_demo, *TINY, "select=target"), "generalization")
    cpu = torch.device("cpu")
    model = build_model(job.spec.model.name, **job.spec.model.options).eval()
    feed = Feed(job, model, cpu, Context.rank)
    validation = Validation(feed, Execution().resolve(cpu))
    with torch.inference_mode():
        found = {name: validation.loss(model, name, 0) for name in ("DHF1K", "UCFSports")}
        plain = {
            name: torch.cat(
                [kld(model(b.clips).saliency, b.truth).flatten() for b in feed.validation(name, 0)]
            )
            for name in found
        }
    assert found["DHF1K"] != found["UCFSports"]
    assert found == pytest.approx({name: values.mean().item() for name, values in plain.items()}, rel=1e-5)


@pytest.mark.slow
def test_whole_clips_count_alike_however_long_they_are(small_demo):
    job = with_train(job_of(prepare_small(small_demo, *TINY), "generalization"), validation_windows=None)
    cpu = torch.device("cpu")
    model = build_model(job.spec.model.name, **job.spec.model.options).eval()
    validation = Validation(Feed(job, model, cpu, 0), Execution().resolve(cpu))
    with torch.inference_mode():
        each = [values.item() for values in validation._of_clips(model, "DHF1K", 0)]
        assert validation.loss(model, "DHF1K", 0) == pytest.approx(sum(each) / len(each))
