from dataclasses import replace

import pytest
import torch
from torch import nn

from hd2s import build_model, export_weights, load_weights, save_weights
from hd2s.layers.domain_classifiers import DomainClassifiers
from hd2s.models.contract import SaliencyModel
from hd2s.weights.checkpoints import OWN_FORMAT, WeightsError, layout_of, read_content
from hd2s.weights.origin import origin_of
from hd2s.weights.tensor_files import tensor_digest
from tests.hd2s.models.hd2s.published import random_state
from tests.hd2s.models.small_models import SMALL, same
from tests.hd2s.models.toy_models import TOY, declared


def save(path, content):
    torch.save(content, path)
    return path


def copied(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_own_checkpoint(tmp_path):
    model, other = build_model("hd2s", seed=1, **SMALL), build_model("hd2s", seed=2, **SMALL)
    save_weights(model, tmp_path / "new folder" / "model.pt")
    assert load_weights(other, tmp_path / "new folder" / "model.pt") == "own"
    assert same(other.state_dict(), model.state_dict())
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == ["model.pt"]


def test_a_checkpoint_says_what_it_is_of_in_plain_values(tmp_path):
    model = build_model("hd2s", seed=1, domains=["LEDOV"], **SMALL)
    save_weights(model, tmp_path / "model.pt", "domain-specific")
    content = torch.load(tmp_path / "model.pt", weights_only=True)
    assert content.keys() == {"format", "model", "approach", "state", "training", "digest"}
    assert content["format"] == OWN_FORMAT == "video saliency weights, version 2"
    assert content["approach"] == "domain-specific"
    assert content["model"]["name"] == "hd2s"
    told = {**SMALL, "domains": ("LEDOV",), "priors": True, "bn_momentum": 0.001}
    assert told.items() <= content["model"]["config"].items()


def test_a_checkpoint_says_whose_it_is_and_what_its_tensors_were(tmp_path):
    model, path = build_model("hd2s", seed=1, **SMALL), tmp_path / "model.pt"
    digest = save_weights(model, path, training="hd2s-0123")
    assert origin_of(path) == ("hd2s-0123", digest)
    content = torch.load(path, weights_only=True)
    assert digest == tensor_digest(content["state"])
    name = next(iter(content["state"]))
    content["state"][name] = content["state"][name] + 1
    with pytest.raises(WeightsError, match="its tensors are not those that were written"):
        load_weights(model, save(path, content))


@pytest.mark.slow
def test_every_misfit_is_listed_and_nothing_is_loaded(tmp_path):
    state = random_state("hd2s")
    del state["last_conv.bias"], state["conv_t4.bn.weight"]
    state["decoder9.weight"] = torch.zeros(1)
    state["decoder2.last_conv2.weight"] = torch.zeros(1, 4, 1, 1)
    model = build_model("hd2s", seed=0)
    before = copied(model)
    with pytest.raises(WeightsError) as error:
        load_weights(model, save(tmp_path / "broken.pth", state))
    assert error.value.n_problems == 4
    for expected in (
        "broken.pth: found published weights",
        "(4 problems)",
        "missing last_conv.bias",
        "missing conv_t4.bn.weight",
        "unexpected decoder9.weight",
        "decoder2.last_conv2.weight has shape (1, 4, 1, 1), expected (1, 3, 1, 1)",
    ):
        assert expected in str(error.value)
    assert same(model.state_dict(), before)


@pytest.mark.slow
def test_what_does_not_fit_beside_the_model_keeps_both_as_they_are(tmp_path):
    state = random_state("hd2s_da")
    del state["domainClassifier2.domainClassifier.0.bias"]
    state["featureReduction5.feature_reduction.9.weight"] = torch.zeros(1)
    model = build_model("hd2s", seed=0)
    classifiers = DomainClassifiers(model.config.features)
    before = copied(model), copied(classifiers)
    path = save(tmp_path / "released.pth", state)
    with pytest.raises(
        WeightsError,
        match=r"\(2 problems\): missing domainClassifier2\.domainClassifier\.0\.bias; unexpected feature",
    ):
        load_weights(model, path, beside=classifiers)
    assert same(model.state_dict(), before[0])
    assert same(classifiers.state_dict(), before[1])
    assert load_weights(model, path) == "published", "without them the file is whole"


def test_foreign_files_are_named(tmp_path):
    model = build_model("hd2s", **SMALL)
    with pytest.raises(
        WeightsError, match=r"our own checkpoint or the released HD2S.*found entries such as encoder\.weight"
    ):
        load_weights(model, save(tmp_path / "foreign.pt", {"encoder.weight": torch.zeros(1)}))
    with pytest.raises(WeightsError, match="found list"):
        load_weights(model, save(tmp_path / "list.pt", [torch.zeros(1)]))
    with pytest.raises(WeightsError, match=r"expected our own checkpoint; found entries such as none"):
        load_weights(build_model("chance"), save(tmp_path / "empty.pt", {}))


class _Code:
    """Unpickled by a careless reader, this would run a command."""

    def __reduce__(self):
        return print, ("code ran",)


@pytest.mark.parametrize("damage", ["text", "cut", "empty", "code", "absent"])
@pytest.mark.slow
def test_a_file_that_is_no_weights_is_a_plain_error(tmp_path, damage, capsys):
    model = build_model("hd2s", seed=0, **SMALL)
    path = tmp_path / "weights.pt"
    save_weights(model, path)
    if damage == "text":
        path.write_bytes(b"not weights")
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "code":
        torch.save({"state": _Code()}, path)
    else:
        path.unlink()
    with pytest.raises(WeightsError, match=r"weights\.pt: expected tensors"):
        load_weights(model, path)
    assert "code ran" not in capsys.readouterr().out


def test_weights_that_are_not_finite_are_refused_by_name(tmp_path):
    model = build_model("hd2s", seed=0, **SMALL)
    broken = build_model("hd2s", seed=1, **SMALL)
    broken.fusion.bias.data.fill_(float("nan"))
    save_weights(broken, tmp_path / "model.pt")
    before = copied(model)
    with pytest.raises(WeightsError, match=r"\(1 problems\): fusion\.bias is not finite"):
        load_weights(model, tmp_path / "model.pt")
    assert same(model.state_dict(), before)


@pytest.mark.parametrize(
    ("form", "changed"),
    [
        ("sparse", lambda x: x.to_sparse()),
        ("quantised", lambda x: torch.quantize_per_tensor(x, 0.1, 0, torch.qint8)),
        ("complex", lambda x: x.to(torch.complex64)),
        ("without numbers", lambda x: x.to("meta")),
        ("nested", lambda x: torch.nested.nested_tensor([x])),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_numbers_that_are_not_one_after_the_other_are_refused_by_name(tmp_path, form, changed):
    model = build_model("centre_prior", seed=0)
    torch.save({"prior": changed(model.state_dict()["prior"])}, tmp_path / "model.pt")
    with pytest.raises(WeightsError, match=rf"\(1 problems\): prior is {form}, expected real numbers"):
        load_weights(model, tmp_path / "model.pt")


def test_numbers_of_other_types_are_taken_where_the_models_can_hold_them(tmp_path):
    model = build_model("centre_prior", seed=0)
    for dtype in (torch.float8_e4m3fn, torch.float16, torch.float64):
        torch.save({"prior": torch.full_like(model.state_dict()["prior"], 2).to(dtype)}, tmp_path / "m.pt")
        load_weights(model, tmp_path / "m.pt")
        assert (model.state_dict()["prior"] == 2).all()
    torch.save({"prior": model.state_dict()["prior"].double() + 1e300}, tmp_path / "m.pt")
    with pytest.raises(WeightsError, match="prior is not finite"):
        load_weights(model, tmp_path / "m.pt")


@pytest.mark.slow
def test_what_holds_no_tensors_is_a_plain_error(tmp_path):
    model = build_model("hd2s", seed=0, **SMALL)
    save_weights(model, tmp_path / "own.pt")
    content = torch.load(tmp_path / "own.pt", weights_only=True)
    del content["digest"]
    for damaged in ({"format": content["format"]}, content | {"state": 3}, content | {"state": {1: 2}}):
        with pytest.raises(WeightsError, match="without the names and tensors"):
            load_weights(model, save(tmp_path / "damaged.pt", damaged))
    state = random_state("hd2s") | {"last_conv.bias": 0.5}
    with pytest.raises(WeightsError, match=r"last_conv\.bias is a float, expected a tensor"):
        load_weights(model, save(tmp_path / "number.pt", state))


def test_a_model_of_nobody_elses_cannot_be_exported(tmp_path):
    with pytest.raises(WeightsError, match="no released layout of Toy is known"):
        export_weights(declared(TOY), tmp_path / "toy.pt")
    assert not (tmp_path / "toy.pt").exists()


def test_modules_that_the_layout_has_no_place_for_are_not_exported_in_silence(tmp_path):
    model = build_model("hd2s", seed=0, **SMALL)
    model.stranger = nn.Linear(2, 2)
    with pytest.raises(WeightsError, match=r"no place for stranger\.bias, stranger\.weight"):
        export_weights(model, tmp_path / "exported.pt")
    assert not (tmp_path / "exported.pt").exists()


def test_a_layout_is_told_by_what_entries_begin_with():
    layouts = build_model("hd2s", **SMALL).declaration.layouts
    found = {
        word: layout_of({f"{prefix}x": 0, "other": 1}, layouts)
        for word, prefix in {
            "published": "featureExtractor.",
            "kinetics": "module.base.",
            "torchvision": "features.",
        }.items()
    }
    assert {word: layout.word for word, layout in found.items()} == {word: word for word in found}
    assert layout_of({"encoder.weight": 0}, layouts) is None
    assert layout_of({3: 0}, layouts) is None


def test_content_is_read_as_it_is(tmp_path):
    content = {"a": torch.ones(2), "b": {"c": 1}}
    found = read_content(save(tmp_path / "x.pt", content))
    assert found.keys() == content.keys()
    assert torch.equal(found["a"], content["a"])


class Masked(SaliencyModel):
    """Has what is no finite or no real number from its beginning on, as masks and rotary positions are."""

    def __init__(self, config):
        super().__init__(config)
        self.register_buffer("mask", torch.full((2, 2), -torch.inf).triu(1))
        self.register_buffer("rotary", torch.ones(2, dtype=torch.complex64))


def test_what_a_model_begins_with_is_no_damage(tmp_path):
    """A model with a causal mask was trained, and its test could not load the weights."""
    model = declared(replace(TOY, build=Masked))
    torch.save(model.state_dict(), tmp_path / "model.pt")
    assert load_weights(model, tmp_path / "model.pt") == "own"
    torch.save(model.state_dict() | {"mask": -model.mask, "rotary": torch.ones(2)}, tmp_path / "model.pt")
    told = r"\(2 problems\): mask is not finite; rotary is real numbers .*, expected complex"
    with pytest.raises(WeightsError, match=told):
        load_weights(model, tmp_path / "model.pt")
