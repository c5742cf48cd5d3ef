"""Which passes leave UNISAL's recurrence out: none is tested that only chance has drawn."""

import copy

import pytest
import torch
from torch import nn

from hd2s import build_model
from hd2s.approaches.contract import LearnerOptions, MicroBatch
from hd2s.approaches.registry import approaches
from hd2s.layers.folded import Casting
from hd2s.training.iteration import Recipe, take_iteration
from hd2s.training.optimiser import Optimiser, OptimiserOptions
from tests.hd2s.models.unisal.small_unisal import SMALL, clips
from tests.hd2s.models.unisal.test_model import targets

ALONE = {**SMALL, "domains": []}


def photographs_and_videos(seed=0):
    """Return micro-batches of photographs with maps and of videos without, for a model without domains."""
    model = build_model("unisal", seed=0, **ALONE)
    maps, fixations = targets(2, 1)
    source = MicroBatch(model.normalise(clips(2, 1, seed=seed)), maps, fixations=fixations)
    return source, MicroBatch(model.normalise(clips(2, 3, seed=seed + 1)))


@pytest.mark.parametrize("word", ["adaptation", "coral", "mean-teacher"])
def test_videos_without_maps_leave_out_a_recurrence_that_photographs_cannot_train(word):
    """It stays as it was drawn, and would else be a part of what is tested."""
    learner = approaches()[word].learner(build_model("unisal", seed=0, **ALONE), LearnerOptions())
    optimiser, drawn = Optimiser(learner, OptimiserOptions(kind="sgd", lr=0.01)), photographs_and_videos()
    for iteration in range(2):
        batches = iter([([drawn[0]], [drawn[1]])])
        take_iteration(learner, optimiser, Recipe(iterations=2, accumulate=1), iteration, batches)
    model = learner.result().eval()
    assert model.is_static(None)
    assert not any(part.outer["shared"].num_batches_tracked for part in model.rnn.of_input.values())
    with torch.no_grad():
        found = model(drawn[1].clips).saliency
        torch.testing.assert_close(found, model(drawn[1].clips, static=True).saliency)


def test_what_is_fitted_to_videos_behind_a_model_of_photographs_sees_the_maps_that_a_test_sees():
    model = build_model("unisal", seed=0, **ALONE)
    source, target = photographs_and_videos()
    model(source.clips)
    for word in ("calibration", "monotone-map", "adabn"):
        learner = approaches()[word].learner(copy.deepcopy(model), LearnerOptions()).train()
        with torch.no_grad():
            fitted = learner.model(target.clips).saliency
            torch.testing.assert_close(fitted, learner.model.answer(target.clips).saliency)
        assert word != "adabn" or learner.model.is_static(None)


def test_videos_without_maps_pass_the_recurrence_where_videos_with_maps_train_it():
    model = build_model("unisal", seed=0, **ALONE)
    _, target = photographs_and_videos()
    model(target.clips)
    before = model.post_rnn.norm["shared"].num_batches_tracked.clone()
    model(target.clips, unlabelled=True)
    assert model.post_rnn.norm["shared"].num_batches_tracked > before


@pytest.mark.parametrize("own", [True, False])
def test_layers_of_photographs_that_are_fine_tuned_with_videos_are_tested_with_the_recurrence(own):
    """`domain-transfer` to a corpus of videos: what was trained is what is tested."""
    model = build_model(
        "unisal", seed=0, **SMALL | {"domains": ["SALICON", "DHF1K"], "domain_batch_norm": own}
    )
    source, target = photographs_and_videos()
    model(source.clips, domain="SALICON")
    model(target.clips, domain="DHF1K")
    assert model.is_static("SALICON")
    assert not model.is_static("DHF1K")
    model(target.clips, domain="SALICON")
    assert model.is_static("SALICON") == (not own), "what all share says nothing of one domain"
    assert (
        not model.train(False).stream(Casting(torch.device("cpu"), torch.float32, "SALICON")).static
        or not own
    )
    with torch.no_grad():
        found, photographs = (model.answer(each.clips, domain="SALICON") for each in (target, source))
        plain = model(target.clips, domain="SALICON", static=not own)
        torch.testing.assert_close(found.saliency, plain.saliency)
        alone = model(source.clips, domain="SALICON", static=True)
        torch.testing.assert_close(photographs.saliency, alone.saliency)


@pytest.mark.parametrize("frames", [1, 3])
def test_a_training_asks_buffers_once_at_most(frames, monkeypatch):
    """To look at a GPU's memory is to wait for it, and breaks a recording."""
    model = build_model("unisal", seed=0, **ALONE)
    source, target = photographs_and_videos()
    labelled, asked = source.clips if frames == 1 else target.clips, []
    ask = model.is_static
    monkeypatch.setattr(model, "is_static", lambda domain: asked.append(domain) or ask(domain))
    for _ in range(3):
        model(labelled)
        model(target.clips, unlabelled=True)
    assert len(asked) == (frames == 1)
    model(target.clips)
    before = model.post_rnn.norm["shared"].num_batches_tracked.clone()
    model(target.clips, unlabelled=True)
    assert model.post_rnn.norm["shared"].num_batches_tracked > before


def test_a_training_that_goes_on_knows_of_its_recurrence_after_one_look(monkeypatch):
    """Its first clips may be photographs; a second look, in a recording, would break that."""
    model, going_on = (build_model("unisal", seed=0, **ALONE) for _ in range(2))
    photographs, videos = photographs_and_videos()
    model(videos.clips)
    going_on.load_state_dict(model.state_dict())
    asked, ask = [], going_on.is_static
    monkeypatch.setattr(going_on, "is_static", lambda domain: asked.append(domain) or ask(domain))
    for _ in range(3):
        going_on(photographs.clips)
        going_on(videos.clips, unlabelled=True)
    assert asked == [None]
    passes = [each.post_rnn.norm["shared"].num_batches_tracked for each in (model, going_on)]
    assert passes[1] == 4 * passes[0]


def test_where_operations_are_counted_without_batch_norms_the_recurrence_is_one_of_them():
    model = build_model("unisal", seed=0, **ALONE)
    model(photographs_and_videos()[0].clips)
    for unit in (model.post_upsampling.project, model.post_rnn):
        unit.norm["shared"] = nn.Identity()
    assert not model.is_static(None)
