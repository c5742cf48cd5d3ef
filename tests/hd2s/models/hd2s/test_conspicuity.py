import pytest
import torch
from torch import nn

from hd2s.approaches.contract import LearnerOptions
from hd2s.approaches.learners.adaptation import AdversarialLearner
from hd2s.models.registry import models, on_meta
from tests.hd2s.models.small_models import trained_like

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


def test_stage_shapes_are_those_of_the_appendix():
    model = on_meta(models()["hd2s"], {})
    learner = AdversarialLearner(model, LearnerOptions()).to("meta")
    found = {level: {"temporal_removal": [], "stages": [], "reduction": []} for level in APPENDIX}
    for level, net in model.conspicuity.items():
        parts = {**dict(net.named_children()), "reduction": learner.classifiers[level].reduction}
        for part, shapes in found[level].items():
            for layer in parts[part]:
                layer.register_forward_hook(lambda _, __, y, shapes=shapes: shapes.append(tuple(y.shape[1:])))
    prediction = model(torch.empty(2, 3, 16, 128, 192, device="meta"))
    learner.classifiers(prediction.features, 1.0)
    for level, net in learner.classifiers.items():
        linear = [module for module in net.modules() if isinstance(module, nn.Linear)]
        found[level]["linear"] = [*(layer.in_features for layer in linear), linear[-1].out_features]
    assert found == APPENDIX
    assert prediction.saliency.shape == (2, 1, 128, 192)
    assert {name: maps.shape for name, maps in prediction.auxiliary.items()} == {
        f"conspicuity_{level}": (2, 1, 128, 192) for level in APPENDIX
    }


@pytest.mark.parametrize(("length", "removals"), [(8, [3, 2, 1, 1]), (16, [3, 2, 1, 1]), (32, [4, 3, 2, 2])])
def test_convolutions_along_time_are_the_published_ones_and_more_beyond(length, removals):
    model = on_meta(models()["hd2s"], {"clip_length": length, "height": 32, "width": 32})
    assert [len(net.temporal_removal) for net in model.conspicuity.values()] == removals
    features = model.eval().backbone(torch.empty(1, 3, length, 32, 32, device="meta"))
    for level, net in model.conspicuity.items():
        assert features[int(level)].shape[2] == length // {"1": 2, "2": 4, "3": 8, "4": 8}[level]
        assert net.remove_time(features[int(level)]).dim() == 4


def test_maps_are_computed_in_full_precision():
    net = trained_like(8).eval().conspicuity["1"]
    features = torch.rand(1, 192, 4, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        found = net.decode(features)
    assert found.dtype == torch.float32
    assert (found != found.bfloat16().float()).any()
