import pytest
import torch

from hd2s import build_model, export_weights, load_weights, save_weights
from hd2s.weights.checkpoints import WeightsError
from tests.hd2s.published import published_shapes, random_state

SMALL = {"clip_length": 8, "height": 32, "width": 32}


def save(path, content):
    torch.save(content, path)
    return path


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize("name", ["hd2s", "hd2s_da", "hd2s_dsl"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_published_weights_come_back_unchanged(tmp_path, name, prefix):
    state = random_state(name)
    model = build_model(name)
    path = save(tmp_path / "released.pth", {prefix + key: tensor for key, tensor in state.items()})
    assert load_weights(model, path) == "published"
    export_weights(model, tmp_path / "exported.pth")
    assert same(torch.load(tmp_path / "exported.pth", weights_only=True), state)


def test_domains_keep_apart_and_change_name(tmp_path):
    state = random_state("hd2s_dsl")
    model = build_model("hd2s_dsl")
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


def test_a_model_of_one_domain_says_what_of_three_it_cannot_take(tmp_path):
    model = build_model("hd2s_dsl", domains=["Hollywood2"], **SMALL)
    with pytest.raises(WeightsError, match=r"unexpected GL__dhf1k\.sigma; unexpected GL__ucfsports\.sigma"):
        load_weights(model, save(tmp_path / "released.pth", random_state("hd2s_dsl")))


@pytest.mark.parametrize(
    ("kind", "classifier", "pairs"),
    [
        (
            "kinetics",
            "fc.",
            {
                "block1.0.spatial.conv.weight": "base.0.conv_s.weight",
                "block2.1.temporal.norm.running_var": "base.3.bn_t.running_var",
                "block3.1.branch2.1.spatial.norm.bias": "base.6.branch2.1.bn_s.bias",
                "block4.4.branch3.1.conv.weight": "base.12.branch3.1.conv.weight",
                "block5.1.branch1.1.temporal.conv.weight": "base.15.branch1.1.conv_t.weight",
            },
        ),
        (
            "torchvision",
            "classifier.",
            {
                "block1.0.spatial.conv.weight": "features.0.0.0.weight",
                "block2.0.norm.bias": "features.2.1.bias",
                "block2.1.temporal.norm.running_var": "features.3.1.1.running_var",
                "block3.0.branch0.0.conv.weight": "features.5.branch0.0.weight",
                "block3.1.branch0.0.norm.running_mean": "features.6.branch0.1.running_mean",
                "block3.1.branch2.0.norm.weight": "features.6.branch2.0.1.weight",
                "block3.1.branch2.1.spatial.norm.bias": "features.6.branch2.1.0.1.bias",
                "block4.4.branch3.1.conv.weight": "features.12.branch3.1.0.weight",
                "block5.1.branch1.1.temporal.conv.weight": "features.15.branch1.1.1.0.weight",
            },
        ),
    ],
    ids=["kinetics", "torchvision"],
)
def test_weights_of_s3d_fill_the_backbone_and_nothing_else(tmp_path, kind, classifier, pairs):
    state = random_state(kind)
    model = build_model("hd2s", seed=0)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert load_weights(model, save(tmp_path / "s3d.pt", state)) == kind
    after = model.state_dict()
    assert all(torch.equal(after[n], before[n]) for n in after if not n.startswith("backbone."))
    for ours, theirs in pairs.items():
        assert torch.equal(after[f"backbone.{ours}"], state[theirs]), ours
    backbone = [name for name in published_shapes(kind) if not name.startswith(classifier)]
    assert len(backbone) == sum(name.startswith("backbone.") for name in after)


def test_own_checkpoint(tmp_path):
    model, other = build_model("hd2s_da", seed=1, **SMALL), build_model("hd2s_da", seed=2, **SMALL)
    save_weights(model, tmp_path / "new folder" / "model.pt")
    assert load_weights(other, tmp_path / "new folder" / "model.pt") == "own"
    assert same(other.state_dict(), model.state_dict())
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == ["model.pt"]


def test_every_misfit_is_listed_and_nothing_is_loaded(tmp_path):
    state = random_state("hd2s")
    del state["last_conv.bias"], state["conv_t4.bn.weight"]
    state["decoder9.weight"] = torch.zeros(1)
    state["decoder2.last_conv2.weight"] = torch.zeros(1, 4, 1, 1)
    model = build_model("hd2s", seed=0)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(WeightsError) as error:
        load_weights(model, save(tmp_path / "broken.pth", state))
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


def test_foreign_files_are_named(tmp_path):
    model = build_model("hd2s", **SMALL)
    with pytest.raises(WeightsError, match=r"published HD2S layout.*found entries such as encoder\.weight"):
        load_weights(model, save(tmp_path / "foreign.pt", {"encoder.weight": torch.zeros(1)}))
    with pytest.raises(WeightsError, match="found list"):
        load_weights(model, save(tmp_path / "list.pt", [torch.zeros(1)]))


class _Code:
    """Unpickled by a careless reader, this would run a command."""

    def __reduce__(self):
        return print, ("code ran",)


@pytest.mark.parametrize("damage", ["text", "cut", "empty", "code", "absent"])
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
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(WeightsError, match=r"\(1 problems\): fusion\.bias is not finite"):
        load_weights(model, tmp_path / "model.pt")
    assert same(model.state_dict(), before)


def test_domains_that_the_authors_layout_cannot_tell_apart(tmp_path):
    model = build_model("hd2s_dsl", domains=["Hollywood2", "Hollywood"], **SMALL)
    with pytest.raises(WeightsError, match=r"one name for .*fusion\.Hollywood2\.weight and"):
        export_weights(model, tmp_path / "clash.pt")
    assert not (tmp_path / "clash.pt").exists()


def test_what_holds_no_tensors_is_a_plain_error(tmp_path):
    model = build_model("hd2s", seed=0, **SMALL)
    save_weights(model, tmp_path / "own.pt")
    content = torch.load(tmp_path / "own.pt", weights_only=True)
    for damaged in ({"format": content["format"]}, content | {"state": 3}, content | {"state": {1: 2}}):
        with pytest.raises(WeightsError, match="without the names and tensors"):
            load_weights(model, save(tmp_path / "damaged.pt", damaged))
    state = random_state("hd2s") | {"last_conv.bias": 0.5}
    with pytest.raises(WeightsError, match=r"last_conv\.bias is a float, expected a tensor"):
        load_weights(model, save(tmp_path / "number.pt", state))
