"""Alignment by a distance: its place in the loss, its samples, its precision."""

import pytest
import torch

from hd2s import build_model
from hd2s.approaches.alignment import AlignmentLearner, evenly, pixels
from hd2s.approaches.contract import LearnerOptions, MicroBatch, Progress
from hd2s.approaches.schedule import grl_lambda
from hd2s.approaches.shared_settings import WeightSettings
from hd2s.models.config import ConfigError
from hd2s.models.contract import ParameterGroup, Prediction
from hd2s.training.execution import Execution
from hd2s.training.iteration import Recipe, take_iteration
from hd2s.training.optimiser import Optimiser, OptimiserOptions
from tests.hd2s.models.small_models import SMALL, clips, micro_batch
from tests.hd2s.models.toy_models import ToyConfig

NOW = Progress(30, 100)


class Means(AlignmentLearner):
    """The squared difference of means."""

    def distance(self, source, target):
        assert source.dtype != torch.bfloat16
        return (source.mean(0) - target.mean(0)).square().sum()


def learner_of(**options):
    return Means(build_model("hd2s", seed=0, **SMALL), LearnerOptions(**options)).double()


def test_each_feature_adds_its_distance_under_lambda_and_gradients_reach_both_passes():
    learner, source = learner_of(strength=0.5), micro_batch(dtype=torch.float64)
    target = MicroBatch(clips(2, 1, torch.float64))
    learner.eval()
    ((loss, terms),) = learner.losses([source], [target], NOW)
    loss.backward()
    weight = learner.model.backbone.block1[0].spatial.conv.weight
    found = weight.grad.clone()
    learner.zero_grad()
    model, strength = learner.model, 0.5 * grl_lambda(0.3)
    ours, theirs = model(source.clips), model(target.clips)
    expected = sum(model.losses(ours, source.maps).values())
    for level in ("1", "2", "3", "4"):
        means = [x.features[level].mean((0, 2, 3)) for x in (ours, theirs)]
        distance = strength * (means[0] - means[1]).square().sum()
        torch.testing.assert_close(terms[f"distance/level_{level}"], distance)
        expected = expected + distance
    expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(found, weight.grad)
    assert dict(learner.watched(NOW)) == {"lambda": strength}


def test_domains_pass_one_after_the_other_and_the_targets_maps_leave_no_gradient():
    learner, seen = learner_of(), []
    norm = learner.model.backbone.block1[0].spatial.norm
    norm.register_forward_hook(lambda _, x, __: seen.append(len(x[0])))
    source, target = micro_batch(dtype=torch.float64), MicroBatch(clips(2, 1, torch.float64))
    ((_, terms),) = learner.losses([source], [target], NOW)
    assert seen == [2, 2]
    sum(term for name, term in terms.items() if name.startswith("distance")).backward()
    assert learner.model.fusion.weight.grad is None
    assert all(p.grad is None for net in learner.model.conspicuity.values() for p in net.stages.parameters())


def test_pixels_are_samples_of_their_channels():
    features = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5).to(torch.bfloat16)
    samples = pixels(features)
    assert (samples.shape, samples.dtype) == ((40, 3), torch.float32)
    assert torch.equal(samples[20 + 7], features[1, :, 1, 2].float())
    assert pixels(features.double()).dtype == torch.float64


def test_samples_are_spaced_evenly():
    samples = torch.arange(10)[:, None]
    assert evenly(samples, 4)[:, 0].tolist() == [0, 2, 5, 7]
    assert evenly(samples, 10) is samples


class HalfFeatures(torch.nn.Module):
    """A model that ends in a convolution, as autocast runs one: its features are bfloat16."""

    def __init__(self):
        super().__init__()
        self.net, self.config = torch.nn.Conv2d(3, 2, 1), ToyConfig()

    def forward(self, clips, domain=None, *, unlabelled=False):
        found = self.net(clips[:, :, -1])
        return Prediction(found[:, :1].float().sigmoid(), features={"1": found})

    def losses(self, prediction, maps, *, auxiliary=True, fixations=None):
        return {"error": (prediction.saliency - maps).square().mean()}

    def lr_share(self, clips):
        return 1.0

    def parameter_groups(self):
        return [ParameterGroup(list(self.parameters()))]


def test_distances_are_taken_in_full_precision_under_mixed_precision():
    learner = Means(HalfFeatures(), LearnerOptions())
    batches = iter([([micro_batch()], [MicroBatch(clips(2, 1))])])
    with torch.autocast("cpu", torch.bfloat16):
        assert learner.model(clips()).features["1"].dtype == torch.bfloat16
    told = take_iteration(
        learner,
        Optimiser(learner, OptimiserOptions()),
        Recipe(iterations=2, accumulate=1),
        1,
        batches,
        execution=Execution(mixed_precision=True),
    )
    assert told.terms["distance/level_1"] > 0


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_is_a_number_of_0_or_more(weight):
    with pytest.raises(ConfigError, match="weight must be 0 or more"):
        WeightSettings(weight)
