import pytest

from hd2s.layers.s3d.network import S3D
from hd2s.layers.s3d.weights import (
    KINETICS_CLASSIFIER,
    TORCHVISION_CLASSIFIER,
    kinetics_names,
    torchvision_names,
    unit_name,
)
from tests.hd2s.models.hd2s.published import published_shapes

LAYOUTS = {
    "kinetics": (kinetics_names, KINETICS_CLASSIFIER),
    "torchvision": (torchvision_names, TORCHVISION_CLASSIFIER),
}


@pytest.fixture(scope="module")
def backbone():
    return S3D(bn_momentum=0.1)


@pytest.mark.parametrize("kind", LAYOUTS)
def test_names_and_shapes_are_all_that_the_file_holds_but_its_classifier(backbone, kind):
    names, classifier = LAYOUTS[kind]
    theirs = {n: shape for n, shape in published_shapes(kind).items() if not n.startswith(classifier)}
    ours = {name: tuple(tensor.shape) for name, tensor in backbone.state_dict().items()}
    assert {found: ours[own] for own, found in names(backbone, "").items()} == theirs


@pytest.mark.parametrize(
    ("kind", "pairs"),
    [
        (
            "kinetics",
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
    ids=LAYOUTS,
)
def test_each_entry_has_its_place(backbone, kind, pairs):
    found = LAYOUTS[kind][0](backbone, "backbone.")
    assert {own: found[f"backbone.{own}"] for own in pairs} == pairs


def test_a_unit_of_a_domain_names_it_behind_the_unit():
    path = ["stages", "0", "1", "pointwise_norm", "Hollywood2", "weight"]
    assert unit_name(path, lambda name: name.lower()) == "stages.0.1.bn_t.bn_hollywood2.weight"
    with pytest.raises(KeyError, match=r"head\.weight"):
        unit_name(["head", "weight"])
