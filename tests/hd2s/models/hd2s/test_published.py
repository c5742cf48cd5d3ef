"""Released files against HD2S written plainly on them (`tests.hd2s.models.hd2s.published`)."""

import pytest
import torch

from hd2s import build_model, export_weights, load_weights
from hd2s.layers.domain_classifiers import DomainClassifiers
from hd2s.models.hd2s.published import classifier_names, options_told, published_names
from hd2s.weights.checkpoints import WeightsError
from tests.hd2s.models.hd2s.published import PlainHD2S, published_shapes, random_state
from tests.hd2s.models.small_models import DOMAINS, SMALL, clips, same


def save(path, content):
    torch.save(content, path)
    return path


def random_clips(size):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(1, 3, 16, *size, generator=generator) * 2 - 1


def adapted(**size):
    """Build a model and the domain classifiers beside it, to evaluate."""
    model = build_model("hd2s", seed=0, **size)
    return model.eval(), DomainClassifiers(model.config.features).eval()


@pytest.mark.parametrize(("kind", "size"), [("hd2s_da", (128, 192)), ("hd2s_dsl", (64, 96))])
@pytest.mark.slow
def test_outputs_equal_a_plain_formulation_on_published_weights(tmp_path, kind, size):
    state, domain = random_state(kind), "Hollywood2" if kind == "hd2s_dsl" else None
    model = build_model(kind, height=size[0], width=size[1]).eval()
    classifiers = None if domain else DomainClassifiers(model.config.features).eval()
    load_weights(model, save(tmp_path / "released.pth", state), beside=classifiers)
    given = random_clips(size)
    with torch.no_grad():
        saliency, unsmoothed, maps, domains = PlainHD2S(state, domain and "Hollywood")(given)
        single = model(given, domain=domain)
        found = model.double()(given.double(), domain=domain)
        logits = classifiers and list(classifiers.double()(found.features, 1.0).values())
    expected = {f"conspicuity_{level}": maps[:, i : i + 1] for i, level in enumerate((1, 2, 3, 4))}
    expected |= {"unsmoothed": unsmoothed[:, None]} if domain else {}
    assert maps.std() > 1e-3
    torch.testing.assert_close(found.saliency[:, 0], saliency, rtol=0, atol=1e-10)
    torch.testing.assert_close(dict(found.auxiliary), expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(logits, domains, rtol=0, atol=1e-10)
    # On random weights single precision itself is 1e-5 off, in the plain formulation as well.
    torch.testing.assert_close(single.saliency[:, 0].double(), saliency, rtol=0, atol=3e-5)
    for name, map_ in expected.items():
        torch.testing.assert_close(single.auxiliary[name].double(), map_, rtol=0, atol=3e-5)


@pytest.mark.slow
def test_without_classifiers_beside_it_the_adapted_model_loads_alone(tmp_path):
    path = save(tmp_path / "released.pth", random_state("hd2s_da"))
    (alone, classifiers), (model, _) = adapted(), adapted()
    load_weights(model, path, beside=classifiers)
    assert load_weights(alone, path) == "published"
    assert same(alone.state_dict(), model.state_dict())


@pytest.mark.slow
def test_published_weights_serve_clips_of_8_frames(tmp_path):
    state = random_state("hd2s")
    model = build_model("hd2s", **SMALL).eval()
    load_weights(model, save(tmp_path / "released.pth", state))
    with torch.no_grad():
        expected, *_ = PlainHD2S(state)(clips(1))
        found = model.double()(clips(1).double()).saliency[:, 0]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ["hd2s", "hd2s_da", "hd2s_dsl"])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.slow
def test_published_weights_come_back_unchanged(tmp_path, kind, prefix):
    state = random_state(kind)
    path = save(tmp_path / "released.pth", {prefix + key: tensor for key, tensor in state.items()})
    model = build_model(kind)
    beside = DomainClassifiers(model.config.features) if kind == "hd2s_da" else None
    assert load_weights(model, path, beside=beside) == "published"
    export_weights(model, tmp_path / "exported.pth", beside=beside)
    assert same(torch.load(tmp_path / "exported.pth", weights_only=True), state)


def test_names_are_all_that_a_released_file_holds():
    model, classifiers = adapted()
    names = [*published_names(model).values(), *classifier_names(classifiers).values()]
    assert sorted(names) == sorted(published_shapes("hd2s_da"))
    specific = build_model("hd2s", domains=DOMAINS)
    assert sorted(published_names(specific).values()) == sorted(published_shapes("hd2s_dsl"))


@pytest.mark.slow
def test_domains_keep_apart_and_change_name(tmp_path):
    state = random_state("hd2s_dsl")
    model = build_model("hd2s", domains=DOMAINS)
    load_weights(model, save(tmp_path / "released.pth", state))
    own = model.state_dict()
    for ours, theirs in (
        (
            "conspicuity.1.stages.2.1.pointwise_norm.Hollywood2.running_mean",
            "decoder2.deconvlayer2_1.1.bn_t.bn_Hollywood.running_mean",
        ),
        (
            "conspicuity.4.stages.0.0.norm.UCFSports.weight",
            "decoder5.deconvlayer5_5.0.bn.bn_UCFSports.weight",
        ),
        ("priors.1.gaussians.DHF1K", "gaussians2__dhf1k"),
        ("priors.4.gaussians.Hollywood2", "gaussians5__hollywood"),
        ("fusion.Hollywood2.weight", "last_block__hollywood.0.weight"),
        ("smoothing.UCFSports.sigma", "GL__ucfsports.sigma"),
    ):
        assert torch.equal(own[ours], state[theirs]), ours


def test_a_released_file_tells_its_domains_and_parts():
    assert options_told(random_state("hd2s")) == {}
    parts = {"batch_norm": True, "priors": True, "smoothing": True, "fusion": True}
    assert options_told(random_state("hd2s_dsl")) == {"domains": DOMAINS, **parts}


@pytest.mark.parametrize("part", ["priors", "batch_norm", "smoothing", "fusion"])
def test_parts_that_are_missing_are_told_as_well(tmp_path, part):
    model = build_model("hd2s", seed=0, domains=("LEDOV", "DHF1K"), **{part: False}, **SMALL)
    export_weights(model, tmp_path / "exported.pth")
    found = options_told(torch.load(tmp_path / "exported.pth", weights_only=True))
    kept = dict.fromkeys(("priors", "batch_norm", "smoothing", "fusion"), True)
    assert found == {"domains": ("DHF1K", "LEDOV"), **kept, part: False}


@pytest.mark.slow
def test_a_model_of_one_domain_says_what_of_three_it_cannot_take(tmp_path):
    model = build_model("hd2s", domains=["Hollywood2"], **SMALL)
    with pytest.raises(WeightsError, match=r"unexpected GL__dhf1k\.sigma; unexpected GL__ucfsports\.sigma"):
        load_weights(model, save(tmp_path / "released.pth", random_state("hd2s_dsl")))


def test_domains_that_the_authors_layout_cannot_tell_apart(tmp_path):
    model = build_model("hd2s", domains=["Hollywood2", "Hollywood"], **SMALL)
    with pytest.raises(WeightsError, match=r"one name for .*fusion\.Hollywood2\.weight and"):
        export_weights(model, tmp_path / "clash.pt")
    assert not (tmp_path / "clash.pt").exists()


@pytest.mark.parametrize("kind", ["kinetics", "torchvision"])
def test_weights_of_s3d_fill_the_backbone_and_nothing_else(tmp_path, kind):
    state, model = random_state(kind), build_model("hd2s", seed=0, **SMALL)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert load_weights(model, save(tmp_path / "s3d.pt", state)) == kind
    after = model.state_dict()
    assert all(torch.equal(after[n], before[n]) for n in after if not n.startswith("backbone."))
    moved = [name for name in after if not torch.equal(after[name], before[name])]
    assert len(moved) == sum(name.startswith("backbone.") for name in after)
