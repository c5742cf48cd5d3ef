"""UNISAL against a plain formulation on the released layout, in double precision."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from hd2s import build_model
from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch
from hd2s.losses import cc, nss
from hd2s.models.unisal.convgru import ConvGRU
from hd2s.models.unisal.published import published_names
from hd2s.training.iteration import Recipe, take_iteration
from hd2s.training.optimiser import Optimiser, OptimiserOptions
from tests.hd2s.models.unisal.plain_unisal import DOMAINS, PlainUnisal
from tests.hd2s.models.unisal.small_unisal import NO_DROPOUT, SMALL, clips, released


def assert_close(found, expected, tolerance=1e-11):
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("domain", "frames", "static"),
    [("DHF1K", 3, None), ("Hollywood2", 2, True), ("UCFSports", 1, False), ("SALICON", 1, None)],
)
def test_log_densities_equal_the_plain_formulation(domain, frames, static):
    model, state = released()
    given = model.eval().double().normalise(clips(2, frames))
    with torch.no_grad():
        found = model(given, domain=domain, static=static)
        expected, h = PlainUnisal(state, domain)(given, static=static)
    assert expected.std() > 0.1
    assert_close(found.log_density, expected)
    assert_close(found.saliency.sum((2, 3)), torch.ones(2, frames, dtype=torch.float64))
    assert (found.state is None) == (h is None)
    if h is not None:
        assert_close(found.state, h)


def test_other_sizes_of_frames_and_of_maps():
    model, state = released()
    given = model.eval().double().normalise(clips(1, 2, size=(96, 64)))
    with torch.no_grad():
        found = model(given, domain="DHF1K", target_size=(50, 77)).log_density
        assert_close(found, PlainUnisal(state, "DHF1K")(given, size=(50, 77))[0])


def test_single_precision_agrees():
    model, state = released()
    given = model.eval().normalise(clips(1, 3))
    with torch.no_grad():
        found = model(given, domain="UCFSports")
        expected, _ = PlainUnisal(state, "UCFSports")(given)
    assert found.saliency.dtype == torch.float32
    assert_close(found.log_density.double(), expected, 1e-4)


@pytest.mark.slow
def test_a_state_goes_on_where_the_frames_before_ended():
    model, _ = released()
    given = model.eval().double().normalise(clips(2, 5))
    with torch.no_grad():
        whole = model(given, domain="DHF1K").log_density
        first = model(given[:, :, :2], domain="DHF1K")
        second = model(given[:, :, 2:], domain="DHF1K", state=first.state)
    assert_close(torch.cat([first.log_density, second.log_density], 1), whole)


def test_frames_are_normalised_as_imagenet_s():
    model, _ = released()
    frames = clips(1, 1)
    found = model.normalise(frames)
    mean, deviation = (
        torch.tensor(x, dtype=torch.float64) for x in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    expected = ((frames.double() / 255 - mean) / deviation).permute(0, 4, 1, 2, 3)
    assert found.dtype == torch.float32
    assert_close(found.double(), expected, 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("domain", "frames"), [("DHF1K", 2), ("SALICON", 1)])
def test_training_equals_the_plain_formulation_frame_by_frame(domain, frames, monkeypatch):
    """Loss, gradients of all parameters and batch norms' statistics."""
    model, state = released(**NO_DROPOUT)
    masks = (torch.rand(3, 256, 1, 1, generator=torch.Generator().manual_seed(5)) > 0.2).double() / 0.8
    monkeypatch.setattr(ConvGRU, "_masks", lambda self, h: masks)
    model.double().train()
    plain = PlainUnisal(state, domain, training=True, masks=masks)
    given = model.normalise(clips(2, frames)).double()
    maps, fixations = targets(2, frames)
    terms = model.losses(model(given, domain=domain), maps, fixations=fixations)
    sum(terms.values()).backward()
    names, ours = published_names(model), dict(model.named_parameters())
    for own in ours:
        plain.state[names[own]].requires_grad_()
    log_density, _ = plain(given)
    expected = plain_losses(log_density, maps, fixations)
    for found, value in zip(terms.values(), expected, strict=True):
        assert_close(found, value)
    sum(expected).backward()
    for own, parameter in ours.items():
        theirs = plain.state[names[own]].grad
        if theirs is None:
            assert parameter.grad is None, own
            continue
        assert_close(parameter.grad, theirs, 1e-9 * theirs.abs().max().item() + 1e-11)
    for own, buffer in model.named_buffers():
        assert_close(buffer.double(), plain.state[names[own]].detach().double())


def targets(batch, frames):
    generator = torch.Generator().manual_seed(3)
    maps = torch.rand(batch, frames, 64, 96, generator=generator, dtype=torch.float64) ** 4
    fixations = torch.rand(batch, frames, 64, 96, generator=generator) < 0.01
    return maps, fixations


def plain_losses(log_density, maps, fixations):
    kld, correlation, scanpath = [], [], []
    for log_p, t, f in zip(*(x.flatten(0, 1) for x in (log_density, maps, fixations)), strict=True):
        p, q = log_p.exp(), t / t.sum()
        kld.append((q * (q / p).log()).sum())
        correlation.append(torch.corrcoef(torch.stack([p.flatten(), q.flatten()]))[0, 1])
        scanpath.append(((p - p.mean()) / p.std())[f].mean())
    return [
        torch.stack(kld).mean(),
        -0.1 * torch.stack(correlation).mean(),
        -0.1 * torch.stack(scanpath).mean(),
    ]


def test_photographs_move_the_weights_by_half():
    model = build_model("unisal", seed=0, **SMALL)
    assert [model.lr_share(torch.zeros(1, 3, frames, 32, 32)) for frames in (1, 2)] == [0.5, 1.0]


def test_parts_of_other_domains_get_no_gradient_and_do_not_move():
    model, _ = released()
    before = {name: x.clone() for name, x in model.state_dict().items()}
    maps, fixations = targets(1, 2)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-2)
    for _ in range(2):
        optimiser.zero_grad()
        terms = model.losses(model(model.normalise(clips(1, 2)), domain="DHF1K"), maps, fixations=fixations)
        sum(terms.values()).backward()
        optimiser.step()
    moved = {name for name, x in model.state_dict().items() if not torch.equal(x, before[name])}
    others = [
        name for name in moved if any(other in name.split(".") for other in DOMAINS if other != "DHF1K")
    ]
    assert moved
    assert others == []


def test_a_static_batch_leaves_the_recurrence_without_gradient():
    model, _ = released()
    maps, fixations = targets(2, 1)
    terms = model.losses(model(model.normalise(clips(2, 1)), domain="DHF1K"), maps, fixations=fixations)
    sum(terms.values()).backward()
    assert all(p.grad is None for part in (model.rnn, model.post_rnn) for p in part.parameters())
    assert model.post_cnn.pointwise.conv.weight.grad.abs().sum() > 0


def test_batch_norms_count_frames_and_the_encoder_s_stay():
    model, _ = released()
    stored = {name: x.clone() for name, x in model.encoder.named_buffers()}
    model.train()(model.normalise(clips(1, 3)), domain="DHF1K")
    assert model.post_cnn.depthwise.norm.num_batches_tracked == 7 + 3
    assert model.post_upsampling.project.norm["DHF1K"].num_batches_tracked == 7 + 3
    assert model.post_upsampling.project.norm["SALICON"].num_batches_tracked == 7
    assert all(torch.equal(x, stored[name]) for name, x in model.encoder.named_buffers())


def test_all_frames_as_one_batch_is_another_model():
    model, _ = released(**NO_DROPOUT, statistics="batch")
    apart, _ = released(**NO_DROPOUT)
    given = model.normalise(clips(2, 3))
    found, other = model(given, domain="DHF1K"), apart(given, domain="DHF1K")
    assert model.post_cnn.depthwise.norm.num_batches_tracked == 7 + 1
    assert (found.log_density - other.log_density).abs().max() > 1e-3


def test_skips_lose_other_channels_in_each_frame():
    model, _ = released()
    seen = []
    model.skip_2x.dropout.register_forward_hook(lambda module, given, y: seen.append((given[0], y)))
    model.train()(model.normalise(clips(2, 3)), domain="DHF1K")
    lost = [((y == 0).all((2, 3)) & (x != 0).any(3).any(2)).float() for x, y in seen]
    assert len(lost) == 3
    assert all(0.4 < each.mean() < 0.8 for each in lost)
    assert not torch.equal(lost[0], lost[1])
    x, y = seen[0]
    kept = y != 0
    torch.testing.assert_close(y[kept], x[kept] / 0.4)


@pytest.mark.parametrize(
    ("option", "parameters"),
    [
        ({}, 3_714_872),
        ({"priors": False}, 3_710_344),
        (
            {
                "domain_priors": False,
                "domain_batch_norm": False,
                "domain_fusion": False,
                "domain_smoothing": False,
            },
            3_670_658,
        ),
        ({"domains": ["DHF1K"]}, 3_670_658),
        ({"domains": ["SALICON"], "recurrence": False}, 3_189_122),
        ({"smoothing": False}, 3_714_872 - 4 * 41 * 41),
    ],
)
def test_each_part_can_be_switched_off(option, parameters):
    model = build_model("unisal", seed=0, **SMALL | option)
    assert sum(p.numel() for p in model.parameters()) == parameters
    found = model.eval()(model.normalise(clips(1, 2)), domain=model.config.domain_of("DHF1K"))
    torch.testing.assert_close(found.saliency.sum((2, 3)), torch.ones(1, 2))


def test_without_skips_the_decoder_goes_on_alone():
    model = build_model("unisal", seed=0, **SMALL, skips=False).eval()
    assert model.upsampling.expand.conv.in_channels == 256
    assert model.post_upsampling.expand.conv.in_channels == 128
    assert model(model.normalise(clips(1, 2)), domain="DHF1K").saliency.shape == (1, 2, 64, 96)


def test_without_residual_the_recurrence_takes_its_input_s_place():
    model, _ = released(residual=False)
    beside, _ = released()
    x = torch.rand(1, 256, 2, 3, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        (alone,), _ = model.eval().recur([x], 1, None, "DHF1K")
        (added,), _ = beside.eval().recur([x], 1, None, "DHF1K")
    assert alone.abs().max() > 0.1
    assert_close(added, x + alone, 1e-6)


def test_without_bypass_a_photograph_goes_through_the_recurrence():
    model, state = released(bypass=False)
    given = model.eval().double().normalise(clips(2, 1))
    with torch.no_grad():
        found = model(given, domain="SALICON")
        assert_close(found.log_density, PlainUnisal(state, "SALICON")(given, static=False)[0])


def test_features_are_as_announced_and_keep_their_gradient():
    model, _ = released()
    found = model.train()(model.normalise(clips(2, 3)), domain="DHF1K", unlabelled=True)
    shapes = {name: tuple(x.shape[1:]) for name, x in found.features.items()}
    assert shapes == {name: (f.channels, f.height, f.width) for name, f in model.config.features.items()}
    assert found.features["post_cnn"].requires_grad
    assert not found.saliency.requires_grad


def test_empty_frames_count_as_released_only_if_asked_for():
    maps, fixations = targets(1, 2)
    maps[0, 1], fixations[0, 1] = 0, False
    model, _ = released()
    prediction = model.double().eval()(model.normalise(clips(1, 2)).double(), domain="DHF1K")
    theirs, _ = released(loss="released")
    ours, released_terms = (m.losses(prediction, maps, fixations=fixations) for m in (model, theirs))
    log_p = prediction.log_density[0]
    uniform = (-math.log(log_p[1].numel()) - log_p[1]).mean()
    expected = ours["kld/saliency"] + uniform / 2
    assert_close(released_terms["kld/saliency"], expected, 1e-9)
    assert_close(released_terms["nss/saliency"], ours["nss/saliency"] - 0.05)
    assert_close(ours["cc/saliency"], -0.1 * cc(log_p[0].exp(), maps[0, 0]) / 2)
    assert_close(ours["nss/saliency"], -0.1 * nss(log_p[0].exp(), fixations[0, 0]) / 2)


@pytest.mark.parametrize(
    "size", [(40, 61), *(pytest.param(size, marks=pytest.mark.slow) for size in ((90, 160), (128, 192)))]
)
def test_losses_are_taken_at_the_size_of_the_maps(size):
    """As if the logits had been brought there before they became a density; gradients likewise."""
    generator = torch.Generator().manual_seed(1)
    maps = torch.rand(2, 3, *size, generator=generator, dtype=torch.float64)
    fixations = (torch.rand(2, 3, *size, generator=generator) > 0.99).double()
    model, _ = released()
    given = model.double().eval().normalise(clips(2, 3)).double()
    there = model(given, domain="DHF1K", target_size=size)
    found = model.losses(model(given, domain="DHF1K"), maps, fixations=fixations)
    expected = {
        "kld/saliency": (torch.xlogy(p := maps / maps.sum((-2, -1), keepdim=True), p) - p * there.log_density)
        .sum((-2, -1))
        .mean(),
        "cc/saliency": -0.1 * cc(there.saliency, maps).mean(),
        "nss/saliency": -0.1 * nss(there.saliency, fixations).mean(),
    }
    assert found.keys() == expected.keys()
    parameters = [p for p in model.parameters() if p.requires_grad]
    for name, term in expected.items():
        assert_close(found[name], term)
        ours, theirs = (
            torch.autograd.grad(x, parameters, retain_graph=True, allow_unused=True)
            for x in (found[name], term)
        )
        for mine, other in zip(ours, theirs, strict=True):
            assert (mine is None) == (other is None)
            assert mine is None or (mine - other).abs().max() <= 1e-9 * max(1, other.abs().max())
    changed = replace(model(given, domain="DHF1K"), log_density=None)
    assert_close(model.losses(changed, maps)["kld/saliency"], expected["kld/saliency"], 1e-9)


def test_a_map_that_an_approach_has_changed_is_judged_itself():
    model, _ = released()
    maps, fixations = targets(1, 2)
    prediction = model.double().eval()(model.normalise(clips(1, 2)).double(), domain="DHF1K")
    changed = replace(prediction, saliency=prediction.saliency * 3, log_density=None)
    assert_close(
        model.losses(changed, maps, fixations=fixations)["kld/saliency"],
        model.losses(prediction, maps, fixations=fixations)["kld/saliency"],
        1e-9,
    )


def test_clips_of_other_shapes_and_unknown_domains_are_refused():
    model, _ = released()
    with pytest.raises(ValueError, match="divisible by 32"):
        model(torch.zeros(1, 3, 2, 100, 150), domain="DHF1K")
    with pytest.raises(ValueError, match="needs domain="):
        model(torch.zeros(1, 3, 2, 64, 96))
    with pytest.raises(ValueError, match="Did you mean DHF1K"):
        model(torch.zeros(1, 3, 2, 64, 96), domain="DHF1")


def test_a_model_trained_with_photographs_alone_predicts_videos_frame_by_frame():
    model = build_model("unisal", seed=0, **SMALL | {"domains": []})
    assert not model.is_static(None)
    model.train()(model.normalise(clips(2, 1)))
    assert model.is_static(None)
    model(model.normalise(clips(1, 2)))
    assert not model.is_static(None)


def test_only_domains_of_photographs_leave_the_recurrence_out():
    model, _ = released()
    assert [model.is_static(domain) for domain in DOMAINS] == [False, False, False, True]


def test_the_encoder_waits_and_is_slow_then():
    """Sect. 4.1: frozen for two epochs, then at a tenth; as released with a tenth of the weight decay."""
    encoder, rest = released()[0].parameter_groups()
    assert (encoder.lr, encoder.weight_decay, encoder.frozen_periods) == (0.1, 1.0, 2)
    assert sum(p.numel() for p in encoder.parameters) == 2_223_872
    assert sum(p.numel() for p in rest.parameters) == 3_714_872 - 2_223_872
    declared = released()[0].declaration
    asked = declared.of_protocol["released"][""]
    own = {name.removeprefix("model."): v for name, v in asked.items() if name.startswith("model.")}
    theirs = declared.config(**own)
    assert (theirs.encoder_weight_decay, theirs.photograph_lr, theirs.loss) == (0.1, 1.0, "released")


@pytest.mark.slow
@pytest.mark.parametrize(("frames", "share"), [(1, 0.5), (2, 1.0)])
def test_a_step_is_that_of_the_paper(frames, share):
    """The gradients' norm is scaled to 2; photographs move weights by half."""
    model, _ = released(**NO_DROPOUT)
    maps, fixations = targets(2, frames)
    batch = MicroBatch(model.normalise(clips(2, frames)), maps.float(), ["a"], "DHF1K", fixations.float())
    settings = model.declaration.settings
    options = OptimiserOptions(
        "sgd", settings["train.lr"], settings["train.weight_decay"], 0.9, lr_decay=0.8, lr_period=5
    )
    learner = Learner(model, LearnerOptions())
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    recipe = Recipe(20, 1, clip_gradient=settings["train.clip_gradient"])
    take_iteration(learner, Optimiser(learner, options), recipe, 11, iter([([batch], [])]))
    again, _ = released(**NO_DROPOUT)
    terms = again.train().losses(again(batch.clips, domain="DHF1K"), batch.truth, fixations=batch.fixations)
    sum(terms.values()).backward()
    gradients = {name: p.grad for name, p in again.named_parameters() if p.grad is not None}
    norm = torch.stack([g.norm() for g in gradients.values()]).norm()
    assert norm > 2
    for name, p in model.named_parameters():
        expected = before[name]
        if name in gradients:
            rate = share * 0.04 * 0.8**2 * (0.1 if name.startswith("encoder.") else 1)
            expected = expected - rate * (gradients[name] * 2 / norm + 1e-4 * expected)
        torch.testing.assert_close(p.detach(), expected, rtol=1e-4, atol=1e-6)


def test_first_weights():
    model = build_model("unisal", seed=0, **SMALL)
    conv = model.upsampling.depthwise.conv
    assert conv.weight.std().item() == pytest.approx((2 / (9 * 768)) ** 0.5, rel=0.05)
    bound = 1 / (model.post_cnn.pointwise.conv.in_channels) ** 0.5
    assert model.post_cnn.pointwise.conv.weight.abs().max().item() == pytest.approx(bound, rel=0.01)
    scales = [part.scale for part in model.rnn.modules() if hasattr(part, "scale")]
    assert len(scales) == 6
    assert all((scale == 1).all() for scale in scales)
    assert all((bias == 0).all() for bias in model.rnn.bias.values())
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {norm.eps for norm in norms} == {1e-5}
    momenta = {
        model.post_upsampling.project.norm[key].momentum for key in ("DHF1K", "UCFSports", "Hollywood2")
    }
    assert momenta == {model.post_cnn.depthwise.norm.momentum} == {0.01}
    assert model.post_upsampling.project.norm["SALICON"].momentum == 0.1
