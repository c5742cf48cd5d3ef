"""Mean teacher: who follows whom, what is seen, what is trusted."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from hd2s import build_model
from hd2s.approaches.contract import LearnerOptions, MicroBatch, Progress
from hd2s.approaches.learners import mean_teacher
from hd2s.approaches.learners.mean_teacher import MeanTeacherLearner
from hd2s.approaches.mean_teacher import MeanTeacherSettings
from hd2s.approaches.schedule import grl_lambda
from hd2s.losses import kld
from tests.hd2s.approaches.waiting import WaitingCopies
from tests.hd2s.models.small_models import SMALL, clips, micro_batch, same, settle

NOW = Progress(30, 100)


PLAIN = {"jitter_share": 0.0, "blur_share": 0.0}


def learner_of(**settings):
    model = settle(build_model("hd2s", seed=0, **SMALL))
    return MeanTeacherLearner(model, LearnerOptions(strength=0.5, settings=MeanTeacherSettings(**settings)))


@pytest.mark.slow
def test_the_student_is_drawn_to_the_teachers_maps_as_far_as_mirrored_clips_agree():
    learner = learner_of(weight=2.0, **PLAIN).double().eval()
    with torch.no_grad():
        learner.model.fusion.weight.mul_(-1.5)  # or both would predict the same
    source, target = micro_batch(dtype=torch.float64), MicroBatch(clips(2, 1, torch.float64))
    _, (loss, terms) = learner.losses([source], [target], NOW)
    loss.backward()
    found = learner.model.fusion.weight.grad.clone()
    learner.zero_grad()
    maps = learner.teacher(target.clips).saliency
    mirrored = learner.teacher(target.clips.flip(-1)).saliency.flip(-1)
    student, expected = learner.model(target.clips).saliency, 0.0
    for clip in range(2):
        agreement = (-kld(mirrored[clip, 0], maps[clip, 0])).exp()
        assert 0 < agreement < 1
        expected = (
            expected + 2.0 * 0.5 * grl_lambda(0.3) * agreement * kld(student[clip, 0], maps[clip, 0]) / 2
        )
    expected.backward()
    assert loss > 0
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(found, learner.model.fusion.weight.grad)
    assert list(terms) == ["kld/teacher"]
    assert all(parameter.grad is None for parameter in learner.teacher.parameters())


def test_the_teacher_is_the_moving_average_of_weights_and_statistics():
    learner = learner_of(decay=0.6)
    name, statistic = "fusion.weight", "backbone.block1.0.spatial.norm.running_var"
    expected = {key: learner.model.state_dict()[key].clone() for key in (name, statistic)}
    for step in range(4):
        with torch.no_grad():
            for value in learner.model.state_dict().values():
                value.add_(1 + step) if value.is_floating_point() else value.add_(1)
        learner.after_step()
        kept = min(1 - 1 / (step + 1), 0.6)
        for key, value in expected.items():
            expected[key] = kept * value + (1 - kept) * learner.model.state_dict()[key]
            torch.testing.assert_close(learner.teacher.state_dict()[key], expected[key])
    counts = "backbone.block1.0.spatial.norm.num_batches_tracked"
    assert learner.teacher.state_dict()[counts] == learner.model.state_dict()[counts]


def test_the_teacher_predicts_as_a_test_does_while_the_student_trains():
    learner = learner_of().train()
    assert learner.model.training
    assert not any(module.training for module in learner.teacher.modules())
    before = {name: value.clone() for name, value in learner.teacher.state_dict().items()}
    list(learner.losses([micro_batch()], [MicroBatch(clips(2, 1))], NOW))
    assert same(before, learner.teacher.state_dict())


@pytest.mark.slow
def test_either_may_last_and_it_changes_nothing_in_training():
    learners = [learner_of(lasts=who) for who in ("teacher", "student")]
    assert learners[0].result() is learners[0].teacher
    assert learners[1].result() is learners[1].model
    losses = []
    for learner in learners:
        torch.manual_seed(0)
        losses.append(
            [loss.item() for loss, _ in learner.losses([micro_batch()], [MicroBatch(clips())], NOW)]
        )
    assert losses[0] == losses[1]


@pytest.mark.slow
def test_changes_are_drawn_for_each_clip_and_are_the_same_in_all_its_frames():
    torch.manual_seed(0)
    frame = torch.rand(40, 3, 1, 8, 8).expand(40, 3, 4, 8, 8)
    changed = learner_of().changed(frame)
    torch.testing.assert_close(changed, changed[:, :, :1].expand_as(changed))
    assert ((changed >= 0) & (changed <= 1)).all()
    moved = (changed - frame).abs().amax((1, 2, 3, 4)) > 1e-6
    assert 0.35 < moved.float().mean() < 0.85
    assert torch.equal(learner_of(**PLAIN).changed(frame), frame)


def test_what_is_drawn_goes_to_the_device_without_waiting_for_it():
    learner, colours = learner_of(), torch.empty(2, 3, 4, 8, 8, device="meta")
    with WaitingCopies() as copies:
        assert learner.changed(colours).is_meta
    assert copies.count == 0


def test_jitter_is_of_brightness_then_contrast_then_saturation():
    colours = torch.rand(2, 3, 2, 4, 4, dtype=torch.float64) * 0.5 + 0.2
    factors = torch.tensor([[1.1, 1.0], [0.9, 1.0], [0.8, 1.0]], dtype=torch.float64).view(3, 2, 1, 1, 1, 1)
    found = mean_teacher._jittered(colours, factors).numpy()
    bright = colours[0].numpy() * 1.1
    contrasted = bright.mean() + 0.9 * (bright - bright.mean())
    grey = contrasted.mean(0)
    np.testing.assert_allclose(found[0], grey + 0.8 * (contrasted - grey), rtol=1e-12)
    np.testing.assert_allclose(found[1], colours[1], rtol=1e-12)


def test_blur_is_a_gaussian_of_each_clips_own_width():
    colours = torch.rand(2, 3, 2, 9, 11, dtype=torch.float64)
    sigmas = torch.tensor([0.5, 1.1], dtype=torch.float64).view(2, 1, 1, 1, 1)
    found = mean_teacher._blurred(colours, sigmas)
    for clip, sigma in enumerate((0.5, 1.1)):
        expected = colours[clip].numpy()
        for axis in (-1, -2):
            expected = gaussian_filter1d(expected, sigma, axis=axis, mode="nearest", radius=4)
        np.testing.assert_allclose(found[clip], expected, rtol=1e-10)
