"""SWAD: which weights are averaged, by the definition over a whole training, and what becomes of them."""

import io

import pytest
import torch

from hd2s import build_model
from hd2s.approaches.batch_norm_statistics import batch_norms
from hd2s.approaches.contract import LearnerOptions, MicroBatch
from hd2s.approaches.learners.swad import Segment, SwadLearner, Valley
from hd2s.approaches.swad import SwadSettings
from hd2s.training.iteration import Recipe, take_iteration
from hd2s.training.optimiser import Optimiser, OptimiserOptions
from tests.hd2s.models.small_models import SMALL, micro_batch, same

FALLING = [9.0, 8, 7, 6, 5]


DIP = [5.0, 3, 2, 2.5, 2.2, 2.3, 9, 9, 9, 1]


NOISY = [5.0, 3, 2, 2.5, 9, 2.2, 9, 2.3, 9, 9, 9, 9]


RISING = [1.0, 2, 3, 4, 5, 6]


def expected_segments(losses, settings):
    """Return which segments the mean is of, looking at all losses at once."""
    p, t = settings.patience, settings.tolerance
    starts = [i for i in range(len(losses) - p + 1) if losses[i] == min(losses[i : i + p])]
    if not starts:
        return [len(losses) - 1] if losses else []
    start = starts[0]
    threshold = (1 + settings.ratio) * sum(losses[start : start + p]) / p
    found = [start]
    for i in range(start + 1, len(losses)):
        if min(losses[i : i + t]) > threshold:
            break
        found.append(i)
    return found


@pytest.mark.parametrize("losses", [[], FALLING[:2], FALLING, DIP, NOISY, RISING])
@pytest.mark.parametrize("options", [{}, {"patience": 2, "tolerance": 2}, {"ratio": 0.0, "tolerance": 1}])
def test_the_mean_is_of_all_iterations_in_the_valley(losses, options):
    settings = SwadSettings(**options)
    valley = Valley(settings)
    for i, loss in enumerate(losses):
        valley.see(Segment({"w": torch.tensor(float(2**i), dtype=torch.float64)}, i + 1, loss))
    found, expected = valley.end(), expected_segments(losses, settings)
    if not expected:
        assert found is None
        return
    iterations = sum(i + 1 for i in expected)
    assert found.iterations == iterations
    mean = sum(2.0**i * (i + 1) for i in expected) / iterations
    assert found.weights["w"].item() == pytest.approx(mean, rel=1e-12)


def training(learner, losses, *, first=0, last=8, iterations=8, every=2):
    """Train, saying what validations would: every second of eight iterations, the last two statistics'."""
    optimiser = Optimiser(learner, OptimiserOptions(kind="sgd", lr=1e-2))
    seen = []
    for iteration in range(first, last):
        batches = iter([([micro_batch(iteration)], [])])
        torch.manual_seed(iteration)
        told = take_iteration(
            learner, optimiser, Recipe(iterations=iterations, accumulate=1), iteration, batches
        )
        assert told.terms["kld/saliency"] > 0
        seen.append({name: p.detach().clone() for name, p in learner.model.named_parameters()})
        if (iteration + 1) % every == 0:
            learner.after_validation(losses[iteration // every])
    return seen


def learner_of(seed=0):
    # Three of eight iterations would be more than a quarter.
    settings = SwadSettings(patience=2, tolerance=2, statistics=3)
    return SwadLearner(build_model("hd2s", seed=seed, **SMALL), LearnerOptions(settings=settings))


@pytest.mark.slow
def test_a_training_ends_with_the_mean_and_its_statistics_of_the_source():
    """Losses of 3, 1 and 1.1: the mean is of iterations 3 to 6."""
    learner = learner_of()
    seen = training(learner, [3.0, 1.0, 1.1, 7.0])
    model = learner.result()
    for name, parameter in model.named_parameters():
        expected = torch.stack([weights[name] for weights in seen[2:6]]).mean(0)
        torch.testing.assert_close(parameter.detach(), expected, rtol=1e-5, atol=1e-7)
        assert torch.equal(seen[6][name], seen[7][name]), "nothing is trained in the last two"
    first = model.backbone.block1[0].spatial
    inputs = torch.cat([micro_batch(k).clips for k in (6, 7)])
    values = first.conv(inputs).transpose(0, 1).flatten(1)
    torch.testing.assert_close(first.norm.running_mean, values.mean(1), rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_it_goes_on_exactly_from_its_state_through_a_file():
    losses = [3.0, 1.0, 1.1, 7.0]
    whole = learner_of()
    training(whole, losses)
    before, file = learner_of(), io.BytesIO()
    training(before, losses, last=5)
    torch.save(before.state_dict(), file)
    file.seek(0)
    resumed = learner_of(seed=3)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    training(resumed, losses, first=5)
    assert same(whole.result().state_dict(), resumed.result().state_dict())


def test_statistics_that_a_model_came_with_and_trained_with_are_left_to_it():
    """UNISAL's encoder has ImageNet's throughout (Sect. 4.1)."""
    model = build_model("unisal", seed=0, clip_length=2, height=64, width=64)
    for number, norm in enumerate(batch_norms(model.encoder)):
        norm.running_mean.fill_(number / 100)
    before = {name: buffer.clone() for name, buffer in model.encoder.named_buffers()}
    learner = SwadLearner(model, LearnerOptions(settings=SwadSettings(statistics=1)))
    optimiser = Optimiser(learner, OptimiserOptions(kind="sgd", lr=1e-3))
    for iteration in range(4):
        micro_batches = iter([([MicroBatch(torch.randn(2, 3, 2, 64, 64), torch.rand(2, 2, 64, 64))], [])])
        take_iteration(learner, optimiser, Recipe(iterations=4, accumulate=1), iteration, micro_batches)
    found = learner.result()
    assert same(before, dict(found.encoder.named_buffers()))
    decoder = found.post_cnn.depthwise.norm
    count, total, _ = learner.statistics.moments[:, len_of(found.encoder) :].split(1)
    assert count.min() > 0
    torch.testing.assert_close(decoder.running_mean, (total / count)[0, : decoder.num_features].float())


def len_of(model):
    return sum(norm.num_features for norm in batch_norms(model))
