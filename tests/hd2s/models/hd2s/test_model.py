import re

import pytest
import torch
from torch import nn

import hd2s
from hd2s import HD2SConfig, build_model, load_weights
from hd2s.losses import saliency_loss, saliency_terms
from tests.hd2s.published import PlainHD2S, random_state

SMALL = {"clip_length": 8, "height": 32, "width": 32}

# Appendix, Tables 1 to 4: output shapes after temporal removal, after each decoder stage's convolutions, of
# the conspicuity map, after channel reduction; and the widths of the fully connected layers.
APPENDIX = {
    "1": {
        "temporal_removal": [(192, 4, 16, 24), (192, 2, 16, 24), (192, 1, 16, 24)],
        "stages": [(128, 16, 24), (64, 32, 48), (3, 64, 96)],
        "reduction": [(64, 16, 24), (32, 16, 24), (4, 16, 24)],
        "linear": [1536, 512, 128, 32, 2],
    },
    "2": {
        "temporal_removal": [(480, 2, 8, 12), (480, 1, 8, 12)],
        "stages": [(256, 8, 12), (128, 16, 24), (64, 32, 48), (3, 64, 96)],
        "reduction": [(64, 8, 12), (4, 8, 12)],
        "linear": [384, 64, 16, 2],
    },
    "3": {
        "temporal_removal": [(832, 1, 4, 6)],
        "stages": [(512, 4, 6), (256, 8, 12), (128, 16, 24), (64, 32, 48), (3, 64, 96)],
        "reduction": [(128, 4, 6), (16, 4, 6)],
        "linear": [384, 64, 16, 2],
    },
    "4": {
        "temporal_removal": [(1024, 1, 4, 6)],
        "stages": [(512, 4, 6), (256, 8, 12), (128, 16, 24), (64, 32, 48), (3, 64, 96)],
        "reduction": [(512, 4, 6), (64, 4, 6), (16, 4, 6)],
        "linear": [384, 64, 16, 2],
    },
}


def random_clips(batch, length, height, width):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(batch, 3, length, height, width, generator=generator) * 2 - 1


@pytest.mark.parametrize(
    ("name", "count"), [("hd2s", 29_795_597), ("hd2s_da", 31_446_141), ("hd2s_dsl", 30_042_282)]
)
def test_parameter_counts_are_the_published_ones(name, count):
    assert sum(p.numel() for p in build_model(name).parameters()) == count


def test_stage_shapes_are_those_of_the_appendix():
    model = build_model("hd2s_da", seed=0).to("meta")
    found = {level: {"temporal_removal": [], "stages": [], "reduction": []} for level in APPENDIX}
    for level, net in model.conspicuity.items():
        parts = {**dict(net.named_children()), "reduction": model.adversarial[level].reduction}
        for part, shapes in found[level].items():
            for layer in parts[part]:
                layer.register_forward_hook(lambda _, __, y, shapes=shapes: shapes.append(tuple(y.shape[1:])))
    prediction = model(torch.empty(2, 3, 16, 128, 192, device="meta"), grl_lambda=1.0)
    for level, net in model.adversarial.items():
        linear = [module for module in net.modules() if isinstance(module, nn.Linear)]
        found[level]["linear"] = [*(layer.in_features for layer in linear), linear[-1].out_features]
    assert found == APPENDIX
    assert prediction.saliency.shape == (2, 128, 192)
    assert prediction.conspicuity.shape == (2, 4, 128, 192)


@pytest.mark.parametrize(
    ("name", "domain", "size"), [("hd2s_da", None, (128, 192)), ("hd2s_dsl", "Hollywood2", (64, 96))]
)
def test_outputs_equal_a_plain_formulation_on_published_weights(tmp_path, name, domain, size):
    state = random_state(name)
    torch.save(state, tmp_path / "released.pth")
    model = build_model(name, height=size[0], width=size[1]).eval()
    load_weights(model, tmp_path / "released.pth")
    clips = random_clips(1, 16, *size)
    grl_lambda = 1.0 if name == "hd2s_da" else None
    with torch.no_grad():
        saliency, unsmoothed, maps, domains = PlainHD2S(state, domain and "Hollywood")(clips)
        single = model(clips, domain=domain)
        found = model.double()(clips.double(), domain=domain, grl_lambda=grl_lambda)
    assert maps.std() > 1e-3
    torch.testing.assert_close(found.saliency, saliency, rtol=0, atol=1e-10)
    torch.testing.assert_close(found.unsmoothed, unsmoothed, rtol=0, atol=1e-10)
    torch.testing.assert_close(found.conspicuity, maps, rtol=0, atol=1e-10)
    torch.testing.assert_close(found.domain_logits, domains, rtol=0, atol=1e-10)
    # On random weights single precision itself is 1e-5 off, in the plain formulation as well.
    torch.testing.assert_close(single.saliency.double(), saliency, rtol=0, atol=3e-5)
    torch.testing.assert_close(single.conspicuity.double(), maps, rtol=0, atol=3e-5)


def test_batch_norm_constants():
    """eps 1e-3 where the authors set it; their momentum there is the option, elsewhere PyTorch's default."""
    for bn_momentum in (0.001, 0.1):
        model = build_model("hd2s_da", bn_momentum=bn_momentum)
        for name, norm in model.named_modules():
            if isinstance(norm, nn.modules.batchnorm._BatchNorm):
                default = "wise_norm" in name or name.startswith("adversarial.")
                assert (norm.eps, norm.momentum) == ((1e-5, 0.1) if default else (1e-3, bn_momentum)), name


@pytest.mark.parametrize("momentum", [0.01, 0.1])
def test_batch_norm_constants_of_domains(momentum):
    """eps 1e-5 and momentum 0.01 throughout the decoders, even where the base model has eps 1e-3."""
    model = build_model("hd2s_dsl", domain_bn_momentum=momentum, bn_momentum=0.5)
    for name, norm in model.named_modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            assert (norm.eps, norm.momentum) == ((1e-5, momentum) if ".stages." in name else (1e-3, 0.5)), (
                name
            )


@pytest.mark.parametrize("size", [(8, 64, 96), (24, 32, 64)])
def test_other_sizes(size):
    prediction = build_model("hd2s_da", **dict(zip(SMALL, size, strict=True))).eval()(
        random_clips(2, *size), grl_lambda=0.1
    )
    assert prediction.saliency.shape == (2, *size[1:])
    assert prediction.conspicuity.shape == (2, 4, *size[1:])
    assert prediction.conspicuity.min() > 0
    assert prediction.conspicuity.max() < 1


@pytest.mark.parametrize(("length", "removals"), [(8, [3, 2, 1, 1]), (16, [3, 2, 1, 1]), (32, [4, 3, 2, 2])])
def test_convolutions_along_time_are_the_published_ones_and_more_beyond(length, removals):
    model = build_model("hd2s", clip_length=length, height=32, width=32)
    assert [len(net.temporal_removal) for net in model.conspicuity.values()] == removals
    features = model.eval().backbone(random_clips(1, length, 32, 32))
    for level, net in model.conspicuity.items():
        assert features[int(level)].shape[2] == length // {"1": 2, "2": 4, "3": 8, "4": 8}[level]
        assert net.remove_time(features[int(level)]).dim() == 4


def test_published_weights_serve_clips_of_8_frames(tmp_path):
    state = random_state("hd2s")
    torch.save(state, tmp_path / "released.pth")
    model = build_model("hd2s", **SMALL).eval()
    load_weights(model, tmp_path / "released.pth")
    clips = random_clips(1, 8, 32, 32)
    with torch.no_grad():
        expected, *_ = PlainHD2S(state)(clips)
        torch.testing.assert_close(model.double()(clips.double()).saliency, expected, rtol=0, atol=1e-10)


def test_a_subset_of_levels():
    model = build_model("hd2s_da", conspicuity=[2, 4], **SMALL).eval()
    prediction = model(random_clips(2, 8, 32, 32), grl_lambda=1.0)
    assert prediction.conspicuity.shape == (2, 2, 32, 32)
    assert len(prediction.domain_logits) == 2
    terms = saliency_terms(prediction, torch.ones(2, 32, 32))
    assert list(terms) == ["saliency", "conspicuity/2", "conspicuity/4"]


def test_the_map_of_a_single_level_is_the_saliency_map():
    model = build_model("hd2s", conspicuity=[3], **SMALL).eval()
    prediction = model(random_clips(2, 8, 32, 32))
    assert torch.equal(prediction.saliency, prediction.conspicuity[:, 0])
    assert not any(name.startswith("fusion") for name in model.state_dict())


def test_unlabelled_clips_reach_the_decoders_statistics_and_leave_no_gradient():
    gradients, statistics = {}, {}
    for unlabelled in (False, True):
        model = build_model("hd2s_da", seed=0, **SMALL)
        prediction = model(random_clips(2, 8, 32, 32), grl_lambda=0.5, unlabelled=unlabelled)
        torch.manual_seed(0)
        sum(logits[:, 0].sum() for logits in prediction.domain_logits).backward()
        assert prediction.saliency.requires_grad != unlabelled
        gradients[unlabelled] = model.backbone.block1[0].spatial.conv.weight.grad
        statistics[unlabelled] = model.conspicuity["1"].stages[0][0].norm.running_mean
    assert torch.equal(statistics[False], statistics[True])
    assert (statistics[True] != 0).any()
    assert gradients[True].shape == gradients[False].shape


def test_same_seed_same_weights_whatever_was_drawn_before():
    torch.manual_seed(1)
    first = build_model("hd2s", seed=5, **SMALL).state_dict()
    torch.rand(10)
    state = torch.random.get_rng_state()
    second = build_model("hd2s", seed=5, **SMALL).state_dict()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = build_model("hd2s", seed=6, **SMALL).state_dict()
    assert not any(torch.equal(first[n], other[n]) for n in first if n.endswith("conv.weight"))


def test_without_a_seed_the_global_generator_decides():
    torch.manual_seed(1)
    first, second = (build_model("hd2s", **SMALL).fusion.weight for _ in range(2))
    torch.manual_seed(1)
    assert torch.equal(build_model("hd2s", **SMALL).fusion.weight, first)
    assert not torch.equal(first, second)


def test_models_of_one_seed_share_their_common_weights():
    base, adapted = (build_model(name, seed=3, **SMALL).state_dict() for name in ("hd2s", "hd2s_da"))
    assert all(torch.equal(base[name], adapted[name]) for name in base)
    assert all(name.startswith("adversarial.") for name in adapted.keys() - base.keys())


def test_initialisation_is_pytorchs():
    model = build_model("hd2s", seed=0)
    weight = model.backbone.block3[0].branch1[1].spatial.conv.weight
    bound = (96 * 9) ** -0.5
    assert weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
    assert (model.backbone.block1[0].spatial.norm.running_var == 1).all()


def test_it_learns():
    """Uniform maps lose 5 ln(1024 / 36) = 16.7 here; the best maps that do not look at the clips, 6.9."""
    model = build_model("hd2s", seed=0, bn_momentum=0.1, **SMALL)
    clips, maps = random_clips(4, 8, 32, 32), torch.zeros(4, 32, 32)
    for i in range(4):
        maps[i, 6 * i + 2 : 6 * i + 8, 8:14] = 1
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(25):
        optimiser.zero_grad()
        loss = saliency_loss(model(clips), maps)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(16.7, abs=0.5)
    assert losses[-1] < 0.85 * losses[0]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"clip_length": 12}, "clip_length must be a positive multiple of 8, found 12"),
        ({"clip_length": 0}, "clip_length must be a positive multiple of 8, found 0"),
        ({"height": 100, "width": 200}, "height must be .* 32, found 100; width must be .* 32, found 200"),
        ({"conspicuity": (2, 1)}, r"levels out of 1, 2, 3, 4, ascending, found \(2, 1\)"),
        ({"conspicuity": ()}, r"levels out of 1, 2, 3, 4"),
        ({"conspicuity": (1, 5)}, r"levels out of 1, 2, 3, 4"),
        ({"bn_momentum": 0.0}, r"bn_momentum must lie in \(0, 1\], found 0.0"),
    ],
)
def test_configurations_that_are_not_allowed(config, message):
    with pytest.raises(ValueError, match=message):
        HD2SConfig(**config)


def test_unknown_names():
    with pytest.raises(
        ValueError, match=r"Unknown model hd2_sa. Did you mean hd2s\w*\? Available: hd2s, hd2s_da, hd2s_dsl"
    ):
        build_model("hd2_sa")
    with pytest.raises(ValueError, match=r"Unknown option of hd2s heigth. Did you mean height\?"):
        build_model("hd2s", heigth=64)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        hd2s.nothing  # noqa: B018


def test_clips_of_another_size():
    with pytest.raises(ValueError, match=r"\(3, 8, 32, 32\), found \(1, 3, 16, 32, 32\)"):
        build_model("hd2s", **SMALL)(torch.zeros(1, 3, 16, 32, 32))


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("hd2s", {"clip_length": "8"}, "clip_length must be int, found '8'"),
        ("hd2s", {"height": 32.0}, "height must be int, found 32.0"),
        ("hd2s", {"width": None}, "width must be int, found None"),
        ("hd2s", {"conspicuity": 3}, "conspicuity must be a list of int, found 3"),
        ("hd2s", {"conspicuity": ["1"]}, "conspicuity must be int, found '1'"),
        ("hd2s", {"bn_momentum": "0.1"}, "bn_momentum must be float, found '0.1'"),
        ("hd2s", {"fusion_gain": True}, "fusion_gain must be float, found True"),
        ("hd2s_dsl", {"domains": "DHF1K"}, "domains must be a list of str, found 'DHF1K'"),
        ("hd2s_dsl", {"priors": 1}, "priors must be bool, found 1"),
    ],
)
def test_options_of_a_wrong_type_are_named(name, options, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        build_model(name, **options)
