"""TASED-Net against a plain formulation on the released layout, in double precision."""

from copy import deepcopy

import pytest
import torch

from hd2s import build_model
from hd2s.losses import kld
from hd2s.models.contract import Prediction
from tests.hd2s.models.tased.plain_tased import PlainTased
from tests.hd2s.models.tased.small_tased import SMALL, clips, released


@pytest.mark.slow
@pytest.mark.parametrize("clip_length", [16, 32, 48])
def test_the_output_equals_the_plain_formulation(clip_length):
    model, state = released(clip_length=clip_length)
    given = model.eval().double().normalise(clips(2, clip_length=clip_length)).double()
    with torch.no_grad():
        found, expected = model(given).saliency, PlainTased(state)(given)
    assert expected.std() > 0.01
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("training", [False, True])
def test_gradients_of_every_parameter_equal_those_of_the_plain_formulation(training):
    model, state = released()
    plain = PlainTased(state, training=training)
    given = model.double().train(training).normalise(clips(2)).double()
    target = torch.rand(2, 1, 64, 96, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    sum(model.losses(model(given), target).values()).backward()
    names = {theirs: own for own, theirs in model.declaration.layouts[0].names(model).items()}
    ours = dict(model.named_parameters())
    theirs = {names[name]: plain.state[name].requires_grad_() for name in names if names[name] in ours}
    kld(plain(given), target).mean().backward()
    assert theirs.keys() == ours.keys()
    for name, parameter in ours.items():
        scale = theirs[name].grad.abs().max().item()
        torch.testing.assert_close(parameter.grad, theirs[name].grad, rtol=0, atol=1e-9 * scale + 1e-13)


@pytest.mark.slow
def test_split_batch_norms_train_as_two_gpus_do_that_share_the_batch():
    """Two replicas of a clip each: gradients add up, and the first one's running statistics stay."""
    model, _ = released(loss="batch", batch_norm_parts=2)
    whole, _ = released(loss="batch")
    one, other = (deepcopy(whole).double().train() for _ in range(2))
    given = model.double().train().normalise(clips(2)).double()
    target = torch.rand(2, 1, 64, 96, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    found = model(given)
    parts = [replica(part) for replica, part in zip((one, other), given.chunk(2), strict=True)]
    gathered = Prediction(torch.cat([part.saliency for part in parts]))
    torch.testing.assert_close(found.saliency, gathered.saliency, rtol=0, atol=1e-12)
    for each, prediction in ((model, found), (one, gathered)):
        sum(each.losses(prediction, target).values()).backward()
    replicas = zip(one.parameters(), other.parameters(), strict=True)
    for ours, (first, second) in zip(model.parameters(), replicas, strict=True):
        expected = first.grad + second.grad
        scale = max(expected.abs().max().item(), 1.0)
        torch.testing.assert_close(ours.grad, expected, rtol=0, atol=1e-12 * scale)
    remembered = dict(one.named_buffers())
    for name, buffer in model.named_buffers():
        torch.testing.assert_close(buffer, remembered[name], rtol=0, atol=1e-12)
    assert any((buffer != dict(other.named_buffers())[name]).any() for name, buffer in remembered.items())


def test_single_precision_agrees_but_for_near_ties():
    model, state = released()
    given = model.eval().normalise(clips())
    with torch.no_grad():
        found, expected = (
            model(given).saliency.double().flatten(),
            PlainTased(state)(given.double()).flatten(),
        )
    assert (found - expected).abs().median() < 1e-6
    assert torch.corrcoef(torch.stack([found, expected]))[0, 1] > 0.999


def test_features_are_as_announced_and_keep_their_gradient():
    model = build_model("tased", seed=0, **SMALL)
    found = model(torch.randn(2, 3, 16, 64, 96), unlabelled=True)
    shapes = {name: tuple(x.shape[1:]) for name, x in found.features.items()}
    assert shapes == {name: (f.channels, f.height, f.width) for name, f in model.config.features.items()}
    assert all(x.requires_grad for x in found.features.values())
    assert not found.saliency.requires_grad


def test_the_batch_as_one_distribution_weighs_maps_by_their_mass():
    """The released loss, by hand: Σ t·log(t / p) with p and t divided by their sums over the whole batch."""
    model = build_model("tased", seed=0, **SMALL, loss="batch").double()
    prediction = model.eval()(model.normalise(clips(2)).double())
    target = torch.rand(2, 1, 64, 96, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    target[1] *= 5
    p, t = prediction.saliency / prediction.saliency.sum(), target / target.sum()
    found = model.losses(prediction, target)
    assert list(found) == ["kld/saliency"]
    torch.testing.assert_close(found["kld/saliency"], (t * (t / p).log()).sum())
    of_maps = build_model("tased", seed=0, **SMALL).losses(prediction, target)["kld/saliency"]
    torch.testing.assert_close(of_maps, kld(prediction.saliency, target).mean())
    assert abs(of_maps - found["kld/saliency"]) > 1e-3


def test_the_encoder_moves_a_hundredth_as_fast_and_steadily():
    """Sect. 4.1: 0.001 for the encoder throughout, 0.1 with two drops for the prediction network."""
    model = build_model("tased", seed=0, **SMALL)
    encoder, rest = model.parameter_groups()
    assert (encoder.lr, encoder.scheduled, rest.lr, rest.scheduled) == (0.01, False, 1.0, True)
    assert sum(p.numel() for p in encoder.parameters) == 7_910_048
    settings = model.declaration.settings
    assert (settings["train.lr"], settings["train.lr_milestones"]) == (0.1, [750, 950])


def test_checkpointed_blocks_cover_all_convolutions_but_the_head():
    model = build_model("tased", seed=0, **SMALL)
    covered = {id(p) for block in model.blocks() for p in block.parameters()}
    assert {name for name, p in model.named_parameters() if id(p) not in covered} == {
        "prediction.head.weight",
        "prediction.head.bias",
    }


def test_clips_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"\(3, 16, 64, 96\)"):
        build_model("tased", seed=0, **SMALL)(torch.zeros(1, 3, 32, 64, 96))
