import math
import os
import subprocess
import sys

import pytest
import torch

from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch, Progress
from hd2s.approaches.learners.adaptation import domain_loss
from hd2s.approaches.protocol import TrainingProtocol
from hd2s.training.execution import Execution
from hd2s.training.iteration import NoGradientError, NonFiniteError, Recipe, take_iteration
from hd2s.training.optimiser import Optimiser, OptimiserOptions
from tests.hd2s.models.small_models import DOMAINS
from tests.hd2s.training import two_workers
from tests.hd2s.training.two_workers import CASES, DRAWING, GATHERING, WHOLE, build, drawn, recipe, still
from tests.places import REPOSITORY


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """Return what two processes found, each with its own micro-batches."""
    folder = tmp_path_factory.mktemp("workers")
    start_workers(folder, 2)
    return [found_by(folder, worker) for worker in (0, 1)]


def found_by(folder, worker):
    """What one worker has found, and under their names what else it has done: "whole", "media", "uneven"."""
    names = ("worker", "whole", "media", "uneven")
    found, *parts = (torch.load(folder / f"{name}{worker}.pt", weights_only=True) for name in names)
    return found | dict(zip(names[1:], parts, strict=True))


def start_workers(folder, n):
    started = [
        subprocess.Popen(
            [sys.executable, two_workers.__file__, str(worker), str(folder), str(n)],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        for worker in range(n)
    ]
    assert [process.wait(timeout=300) for process in started] == [0] * n


def same_gradients(found, expected):
    """Up to rounding, which is relative to a parameter's largest gradient."""
    assert found.keys() == expected.keys()
    largest = max(gradient.abs().max().item() for gradient in expected.values())
    for name, gradient in expected.items():
        tolerance = 1e-9 * gradient.abs().max().item() + 1e-14 * largest
        torch.testing.assert_close(found[name], gradient, rtol=0, atol=tolerance, msg=name)


def gradients_of(learner):
    return {name: p.grad for name, p in learner.named_parameters() if p.grad is not None}


def alone(case, batches, **options):
    """Take the same micro-batches in one process."""
    learner, batches = build(case, **options), list(batches)
    result = take_iteration(learner, still(learner), recipe(len(batches)), 1, iter(batches))
    return two_workers.outcome(learner, result)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_two_workers_have_the_gradients_of_one_process(workers, case):
    _, _, accumulate = CASES[case]
    expected = alone(case, (drawn(k, worker) for k in range(accumulate) for worker in (0, 1)))
    for found in workers:
        same_gradients(found[case]["gradients"], expected["gradients"])
        assert found[case]["terms"] == pytest.approx(expected["terms"], rel=1e-12)


@pytest.mark.slow
def test_one_worker_may_have_photographs_and_the_other_videos(workers):
    """Photographs move the weights by half (UNISAL, Sect. 4.1), an iteration of both by three quarters."""
    first, second = (found["media"] for found in workers)
    assert all(torch.equal(first[name], second[name]) for name in first)
    expected, before = (
        two_workers.of_both_media([0, 1]),
        dict(two_workers.unisal().double().named_parameters()),
    )
    moved = {name for name in expected if not torch.equal(expected[name], before[name])}
    assert len(moved) > 100
    for name in moved:
        torch.testing.assert_close(first[name], expected[name], rtol=1e-9, atol=1e-9, msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_two_workers_with_unequal_shares_have_the_gradients_of_one_process(workers, case):
    same_as_alone(case, [found["uneven"][case] for found in workers])


@pytest.mark.long
def test_four_workers_with_unequal_shares_have_the_gradients_of_one_process(tmp_path):
    start_workers(tmp_path, 4)
    found = [torch.load(tmp_path / f"uneven{worker}.pt", weights_only=True) for worker in range(4)]
    for case in CASES:
        same_as_alone(case, [of_all[case] for of_all in found])


def same_as_alone(case, of_workers):
    expected = two_workers.uneven(case, 0, 1)
    assert {f"source/loss/{domain}" for domain in DOMAINS} <= expected["watched"].keys()
    for found in of_workers:
        same_gradients(found["gradients"], expected["gradients"])
        for told in ("terms", "watched"):
            assert found[told] == pytest.approx(expected[told], rel=1e-9)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.slow
def test_workers_end_with_the_same_running_statistics(workers, case):
    first, second = (found[case]["statistics"] for found in workers)
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
@pytest.mark.parametrize("word", WHOLE)
def test_workers_end_with_one_model_whatever_the_approach(workers, word):
    """What is beside it too: teachers, statistics, sums. Without draws its weights are of one process."""
    first, second = (found["whole"][word] for found in workers)
    for part in ("result", "beside"):
        assert first[part].keys() == second[part].keys()
        assert all(torch.equal(first[part][name], second[part][name]) for name in first[part])
    assert first["terms"] == second["terms"]
    if word in DRAWING:
        return
    expected = two_workers.trained(word)
    for name, value in expected["result"].items():
        if "num_batches" not in name and ("running" not in name or word in GATHERING):
            torch.testing.assert_close(first["result"][name], value, rtol=1e-6, atol=1e-9, msg=name)


@pytest.mark.slow
def test_workers_agree_to_skip_a_micro_batch_that_one_of_them_cannot_use(workers):
    expected = alone("supervised", (drawn(0, worker) for worker in (0, 1)))
    for found in workers:
        assert found["skip"]["skipped"] == 1
        assert found["skip"]["terms"] == pytest.approx(expected["terms"], rel=1e-12)
        same_gradients(found["skip"]["gradients"], expected["gradients"])


@pytest.mark.slow
def test_all_workers_stop_and_the_one_with_the_bad_clips_names_them(workers):
    other, bad = (found["stop"] for found in workers)
    assert bad.startswith("Iteration 1: not finite: kld/saliency = nan, kld/conspicuity_1 = nan")
    assert "micro-batch 2 of 2 (clips clip 1 of worker 1)" in bad
    assert "gradients not finite" in other
    assert "every loss of this worker finite" in other


def losses_by_hand(learner, labelled, unlabelled, strength, *, whole):
    """Yield what the paper adds up, of a learner with classifiers beside the model or without."""
    model, classifiers = learner.model, getattr(learner, "classifiers", None)
    (source,), (target,) = labelled, unlabelled
    prediction = model(source.clips)
    loss = sum(model.losses(prediction, source.maps, auxiliary=whole).values())
    if classifiers is None:
        yield loss
        return
    yield loss + domain_loss(classifiers(prediction.features, strength), 0)
    yield domain_loss(classifiers(model(target.clips, unlabelled=True).features, strength), 1)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["paper", "released"])
@pytest.mark.parametrize("case", ["supervised", "adversarial"])
def test_gradients_are_those_of_the_plain_loop(case, protocol):
    """Backward on each loss by hand: the mean over micro-batches (paper) or their sum (released)."""
    released = protocol == "released"
    chosen = (
        TrainingProtocol("sum", "micro-batch", adversarial_multi_level=False)
        if released
        else TrainingProtocol()
    )
    expected, learner = build(case), build(case, protocol=chosen)
    for k in range(3):
        strength = math.tanh(5 * (1 + (k / 3 if released else 0)) / 2)
        whole = case == "supervised" or not released
        for loss in losses_by_hand(expected, *drawn(k, 0), strength, whole=whole):
            (loss / (1 if released else 3)).backward()
    batches = (drawn(k, 0) for k in range(3))
    result = take_iteration(learner, still(learner), recipe(3, protocol=chosen), 1, batches)
    if case == "adversarial":
        assert result.watched["lambda"] == pytest.approx(strength)
    same_gradients(gradients_of(learner), gradients_of(expected))


@pytest.mark.slow
def test_terms_are_means_over_micro_batches():
    learner, batches = build("supervised"), [drawn(k, 0) for k in range(2)]
    values = []
    for labelled, _ in batches:
        ((_, terms),) = learner.losses(labelled, [], Progress(0, 2))
        values.append({name: term.item() for name, term in terms.items()})
    found = take_iteration(learner, still(learner), recipe(2), 0, iter(batches))
    assert found.terms == pytest.approx({n: (values[0][n] + values[1][n]) / 2 for n in values[0]})
    assert found.watched == {}


@pytest.mark.slow
def test_domain_accuracies_are_means_over_both_domains_and_no_terms_of_the_loss():
    learner, batches = build("adversarial"), [drawn(k, 0) for k in range(2)]
    values = []
    for labelled, unlabelled in batches:
        values += [terms for _, terms in learner.losses(labelled, unlabelled, Progress(0, 2))]
    found = take_iteration(learner, still(learner), recipe(2), 0, iter(batches))
    names = [f"domain/{what}/level_{level}" for what in ("accuracy", "loss") for level in (1, 2)]
    means = {name: sum(one[name].item() for one in values) / 4 for name in names}
    assert found.watched == pytest.approx({**means, "lambda": 0.0})
    assert not found.watched.keys() & found.terms.keys()


def test_the_ablation_without_multi_level_loss():
    batches = (drawn(k, 0) for k in range(1))
    assert list(alone("supervised", batches, auxiliary=False)["terms"]) == ["kld/saliency"]


def test_the_loss_is_told_for_each_source_whose_turn_it_was():
    batches = [drawn(k, 0) for k in (0, 1, 3)]
    learner = build("supervised")
    done = take_iteration(learner, still(learner), recipe(3, sources=DOMAINS), 1, iter(batches))
    alone = [take_iteration(learner, still(learner), recipe(1), 1, iter([batch])).terms for batch in batches]
    first, second, third = (sum(terms.values()) for terms in alone)
    one, other = (f"source/loss/{batches[k][0][0].source}" for k in (0, 1))
    assert done.watched == pytest.approx({one: (first + third) / 2, other: second})
    assert not any(name.startswith("source/") for name in done.terms)


def test_each_level_tells_its_own_part_of_the_domain_loss():
    learner = build("adversarial")
    done = take_iteration(learner, still(learner), recipe(1, sources=DOMAINS), 1, iter([drawn(0, 0)]))
    levels = [value for name, value in done.watched.items() if name.startswith("domain/loss/level_")]
    assert len(levels) == len(learner.model.config.features)
    both = done.terms["domain/source"] + done.terms["domain/target"]
    assert sum(levels) == pytest.approx(both / 2)
    (source,) = (value for name, value in done.watched.items() if name.startswith("source/"))
    maps = sum(value for name, value in done.terms.items() if name.startswith("kld/"))
    assert source == pytest.approx(maps), "the alignment is no part of it"


def test_a_skipped_micro_batch_leaves_no_trace():
    learner, clean = build("supervised"), build("supervised")
    spoilt = [drawn(0, 0), drawn(1, 0, spoilt=True), drawn(2, 0)]
    result = take_iteration(learner, still(learner), recipe(3, non_finite="skip"), 0, iter(spoilt))
    take_iteration(clean, still(clean), recipe(2), 0, iter([spoilt[0], spoilt[2]]))
    assert result.skipped == 1
    same_gradients(gradients_of(learner), gradients_of(clean))
    assert all(torch.equal(a, b) for a, b in zip(learner.buffers(), clean.buffers(), strict=True))


@pytest.mark.parametrize("policy", ["stop", "skip"])
def test_the_weights_stay_where_nothing_is_finite(policy):
    learner = build("supervised")
    before = [parameter.detach().clone() for parameter in learner.parameters()]
    optimiser, options = Optimiser(learner, OptimiserOptions()), {"non_finite": policy, "clip_gradient": 1.0}
    with pytest.raises(
        NonFiniteError, match=r"Iteration 7: not finite: kld/saliency = nan.*clip 0 of worker 0"
    ):
        take_iteration(
            learner,
            optimiser,
            Recipe(accumulate=1, iterations=9, **options),
            7,
            iter([drawn(0, 0, spoilt=True)]),
        )
    assert all(torch.equal(a, b) for a, b in zip(learner.parameters(), before, strict=True))


@pytest.mark.parametrize("bad", [float("inf"), float("-inf"), float("nan")])
def test_a_gradient_that_overflows_stops_the_training_though_losses_are_finite(bad):
    learner = build("supervised")
    spoil = torch.zeros_like(learner.model.fusion.weight)
    spoil.view(-1)[-1] = bad
    learner.model.fusion.weight.register_hook(lambda gradient: gradient + spoil)
    with pytest.raises(NonFiniteError, match=r"gradients not finite in 1 parameters \(model\.fusion\.weight"):
        take_iteration(learner, still(learner), recipe(1), 0, iter([drawn(0, 0)]))


def test_finite_gradients_whose_norm_is_not_are_finite():
    learner = build("supervised").float()
    learner.model.fusion.weight.register_hook(lambda gradient: torch.full_like(gradient, 3e38))
    labelled = MicroBatch(drawn(0, 0)[0][0].clips.float(), torch.ones(2, 1, 32, 32))
    assert take_iteration(learner, still(learner), recipe(1), 0, iter([([labelled], [])]))


def test_losses_that_lead_back_to_no_weights_are_refused():
    class Detached(Learner):
        def losses(self, labelled, unlabelled, progress):
            for loss, terms in super().losses(labelled, unlabelled, progress):
                yield loss.detach(), terms

    learner = Detached(build("supervised").model, LearnerOptions())
    labelled, _ = drawn(0, 0)
    with pytest.raises(NoGradientError, match="expected losses that lead back to weights"):
        take_iteration(learner, still(learner), recipe(1), 0, iter([(labelled, [])]))
    assert take_iteration(learner, still(learner), recipe(1), 1, iter([(labelled, [])])).terms, "it may look"
    learner.requires_grad_(False)
    optimiser = still(learner)
    assert take_iteration(learner, optimiser, recipe(1), 0, iter([(labelled, [])])).terms


def test_clips_without_keys():
    labelled = MicroBatch(torch.full((2, 3, 8, 32, 32), float("nan")).double(), torch.ones(2, 1, 32, 32))
    learner = build("supervised")
    with pytest.raises(NonFiniteError, match=r"micro-batch 1 of 1 \(clips unnamed\)"):
        take_iteration(learner, still(learner), recipe(1), 0, iter([([labelled], [])]))


def test_forward_passes_run_under_the_chosen_execution():
    learner, seen = build("supervised").float(), []
    learner.model.backbone.register_forward_hook(lambda *_: seen.append(torch.is_autocast_enabled("cpu")))
    labelled = MicroBatch(drawn(0, 0)[0][0].clips.float(), torch.ones(2, 1, 32, 32))
    take_iteration(
        learner,
        still(learner),
        recipe(1),
        0,
        iter([([labelled], [])]),
        execution=Execution(mixed_precision=True),
    )
    assert seen == [True]
    assert {gradient.dtype for gradient in gradients_of(learner).values()} == {torch.float32}


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 1.5])
def test_larger_gradients_are_scaled_to_the_largest_norm_that_is_allowed(share):
    plain, clipped = build("adversarial"), build("adversarial")
    take_iteration(plain, still(plain), recipe(2), 1, (drawn(k, 0) for k in range(2)))
    expected = gradients_of(plain)
    norm = sum(gradient.square().sum() for gradient in expected.values()).sqrt().item()
    limit = recipe(2, clip_gradient=share * norm)
    take_iteration(clipped, still(clipped), limit, 1, (drawn(k, 0) for k in range(2)))
    scale = min(share, 1.0)
    for name, gradient in gradients_of(clipped).items():
        torch.testing.assert_close(gradient, scale * expected[name], rtol=1e-6, atol=0, msg=name)


class Followed(Learner):
    """Tells what is called after a step, and how far the training is."""

    def __init__(self, model):
        super().__init__(model, LearnerOptions())
        self.steps, self.asked = [], []

    def losses(self, labelled, unlabelled, progress):
        self.asked.append(progress)
        yield from super().losses(labelled, unlabelled, progress)

    def watched(self, progress):
        return {"micro_batch": progress.micro_batch}

    def after_step(self):
        self.steps.append(self.model.fusion.weight.detach().clone())


def test_a_learner_is_told_how_far_it_is_and_follows_each_step():
    learner = Followed(build("supervised").model)
    before = learner.model.fusion.weight.detach().clone()
    optimiser = Optimiser(learner, OptimiserOptions())
    result = take_iteration(learner, optimiser, recipe(2), 1, (drawn(k, 0) for k in range(2)))
    assert learner.asked == [Progress(1, 2, 0, 2), Progress(1, 2, 1, 2)]
    assert result.watched == {"micro_batch": 1}
    (after,) = learner.steps
    assert not torch.equal(after, before), "the optimiser has moved the weights by then"
    assert torch.equal(after, learner.model.fusion.weight)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"non_finite": "skipp"}, "Did you mean skip"), ({"accumulate": 0}, "at least one micro-batch")],
)
def test_a_recipe_says_what_it_cannot_do(options, said):
    with pytest.raises(ValueError, match=said):
        Recipe(**options)


def test_an_iteration_moves_the_weights_by_the_mean_share_of_its_clips():
    """UNISAL's photographs have half (Sect. 4.1), and an iteration of both kinds three quarters."""
    moved = []
    for shares in ([1.0, 1.0], [0.5, 1.0]):
        learner, given = build("supervised"), iter(shares)
        learner.model.lr_share = lambda clips, given=given: next(given)
        before = [parameter.detach().clone() for parameter in learner.parameters()]
        options = OptimiserOptions(kind="sgd", lr=1e-3, weight_decay=0.0)
        take_iteration(
            learner, Optimiser(learner, options), recipe(2), 1, iter([drawn(k, 0) for k in (0, 1)])
        )
        moved.append([now.detach() - then for now, then in zip(learner.parameters(), before, strict=True)])
    assert any(whole.abs().max() > 0 for whole in moved[0])
    for whole, part in zip(*moved, strict=True):
        torch.testing.assert_close(part, 0.75 * whole, rtol=1e-6, atol=1e-12)
