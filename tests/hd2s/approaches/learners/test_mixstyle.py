"""MixStyle against statistics by NumPy."""

import numpy as np
import torch

from hd2s import build_model
from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch, Progress
from hd2s.approaches.learners import mixstyle
from hd2s.approaches.learners.mixstyle import MixStyleLearner, mixed_styles
from hd2s.approaches.mixstyle import MixStyleSettings
from tests.hd2s.approaches.waiting import WaitingCopies
from tests.hd2s.models.small_models import SMALL, micro_batch

NOW = Progress(1, 10)


def test_each_channel_takes_a_mixed_mean_and_deviation():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(3, 2, 4, 5, 6, generator=generator, dtype=torch.float64).requires_grad_()
    other, own = torch.tensor([1, 2, 0]), torch.tensor([0.25, 1.0, 0.0], dtype=torch.float64)
    found = mixed_styles(features, other, own)
    x = features.detach().numpy()
    mean = x.mean((2, 3, 4), keepdims=True)
    deviation = np.sqrt(x.var((2, 3, 4), ddof=1, keepdims=True) + 1e-6)
    for clip in range(3):
        share, beside = own[clip].item(), other[clip]
        style = [share * y[clip] + (1 - share) * y[beside] for y in (mean, deviation)]
        expected = (x[clip] - mean[clip]) / deviation[clip] * style[1] + style[0]
        np.testing.assert_allclose(found[clip].detach(), expected, rtol=1e-12)
    found.sum().backward()
    deviation = torch.from_numpy(deviation)
    scale = [own[c] + (1 - own[c]) * deviation[other[c]] / deviation[c] for c in range(3)]
    for clip in range(3):
        expected = scale[clip].expand_as(features[clip])
        torch.testing.assert_close(features.grad[clip], expected, msg="statistics are constants")


def test_half_precision_is_mixed_in_full_and_comes_back_as_it_was():
    features = torch.randn(2, 3, 4, 5, 6).to(torch.bfloat16)
    arguments = torch.tensor([1, 0]), torch.tensor([0.5, 0.5])
    found = mixed_styles(features, *arguments)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, mixed_styles(features.float(), *arguments).to(torch.bfloat16))


def loss_of(learner):
    torch.manual_seed(0)
    ((loss, _),) = learner.losses([micro_batch()], [], NOW)
    return loss.item()


def test_the_first_blocks_alone_are_mixed_in_training_alone_and_hooks_are_gone():
    model = build_model("hd2s", seed=0, **SMALL)
    plain = Learner(model, LearnerOptions())
    always = MixStyleLearner(model, LearnerOptions(settings=MixStyleSettings(share=1.0)))
    never = MixStyleLearner(model, LearnerOptions(settings=MixStyleSettings(share=0.0)))
    assert loss_of(plain) == loss_of(never) != loss_of(always)
    assert loss_of(always) == loss_of(always)
    assert loss_of(plain.eval()) == loss_of(always.eval())
    assert not any(module._forward_hooks for module in model.modules())


def test_the_styles_of_the_first_blocks_are_mixed_and_no_others():
    model, seen = build_model("hd2s", seed=0, **SMALL), []
    learner = MixStyleLearner(model, LearnerOptions(settings=MixStyleSettings(share=1.0)))
    learner._mix = lambda n, block, _, features: seen.append(block)
    loss_of(learner)
    assert seen == list(model.blocks())[:2]


def test_frames_of_a_clip_have_one_style_where_a_model_takes_them_one_by_one(monkeypatch):
    """UNISAL's encoder does: frame by frame the picture would flicker."""
    model, told = build_model("unisal", seed=0, clip_length=3, height=64, width=64), []

    def mixed(features, other, own):
        told.append((features.shape, len(other), len(own)))
        return mixed_styles(features, other, own)

    monkeypatch.setattr(mixstyle, "mixed_styles", mixed)
    learner = MixStyleLearner(model, LearnerOptions(settings=MixStyleSettings(share=1.0, blocks=1)))
    clips, outputs = torch.randn(2, 3, 3, 64, 64), []
    model.encoder.features[1].register_forward_pre_hook(lambda _, inputs: outputs.append(inputs[0]))
    list(learner.losses([MicroBatch(clips, torch.rand(2, 3, 64, 64))], [], NOW))
    assert told == [((2, 32, 3, 32, 32), 2, 2)]
    plain = model.encoder.features[0](clips.transpose(1, 2).transpose(0, 1).flatten(0, 1))
    of_clips = [x.unflatten(0, (3, 2)).transpose(0, 1) for x in (outputs[0], plain)]
    for found, before in zip(*of_clips, strict=True):
        for channel in range(32):
            slope = found[:, channel].std() / before[:, channel].std()
            expected = (before[:, channel] - before[:, channel].mean()) * slope
            torch.testing.assert_close(
                found[:, channel] - found[:, channel].mean(), expected, rtol=1e-3, atol=1e-4
            )


def test_what_is_drawn_goes_to_the_device_without_waiting_for_it():
    options = LearnerOptions(settings=MixStyleSettings(share=1.0))
    learner = MixStyleLearner(build_model("hd2s", seed=0, **SMALL), options).train()
    features = torch.empty(4, 3, 2, 5, 5, device="meta")
    with WaitingCopies() as copies:
        assert learner._mix(4, learner, (), features).is_meta
    assert copies.count == 0
