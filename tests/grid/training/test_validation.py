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
def test_the_loss_is_the_mean_over_the_windows_of_the_corpus_that_is_named(small_demo, few):
    job = job_of(prepare_small(small_demo, *few, "select=target"), "generalization")
    cpu = torch.device("cpu")
    model = build_model(job.spec.model.name, **job.spec.model.options).eval()
    feed = Feed(job, model, cpu, Context.rank)
    validation = Validation(feed, Execution().resolve(cpu))
    with torch.inference_mode():
        found = {name: validation.losses(model, name, 0) for name in ("DHF1K", "UCFSports")}
        plain = {
            name: torch.cat(
                [kld(model(b.clips).saliency, b.truth).flatten() for b in feed.validation(name, 0)]
            )
            for name in found
        }
    assert found["DHF1K"] != found["UCFSports"]
    for name, values in plain.items():
        assert found[name] == pytest.approx([values.mean().item()] * 2, rel=1e-5)


@pytest.mark.slow
def test_whole_clips_count_alike_however_long_they_are(small_demo, few):
    job = with_train(job_of(prepare_small(small_demo, *few), "generalization"), validation_windows=None)
    cpu = torch.device("cpu")
    model = build_model(job.spec.model.name, **job.spec.model.options).eval()
    validation = Validation(Feed(job, model, cpu, 0), Execution().resolve(cpu))
    with torch.inference_mode():
        each = [values.item() for values, _ in validation._of_clips(model, "DHF1K", 0)]
        assert validation.losses(model, "DHF1K", 0).kld == pytest.approx(sum(each) / len(each))


@pytest.mark.slow
def test_filters_are_told_of_each_source_where_they_are_learnt(small_demo):
    axes = {
        "sources": "DHF1K, UCFSports, Hollywood2",
        "targets": None,
        "approaches": "multi-source, domain-specific",
    }
    grid, widths = prepare_small(small_demo, *TINY, **axes), {}
    for name in ("domain-specific", "multi-source"):
        job = job_of(grid, name)
        model = build_model(job.spec.model.name, **job.spec.model.options)
        validation = Validation(Feed(job, model, torch.device("cpu"), 0), Execution())
        for n, smoothing in enumerate(getattr(model, "smoothing", {}).values()):
            smoothing.sigma.data.fill_(2.0 + n)
        widths[name] = validation.sigmas(model)
    assert widths["multi-source"] == {}
    corpora = ("DHF1K", "UCFSports", "Hollywood2")
    assert widths["domain-specific"].keys() == {f"smoothing/sigma/{corpus}" for corpus in corpora}
    assert sorted(widths["domain-specific"].values()) == [2.0, 3.0, 4.0]
