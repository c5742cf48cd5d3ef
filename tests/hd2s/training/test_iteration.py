import math
import os
import subprocess
import sys

import pytest
import torch
from hd2s.training.protocol import PROTOCOLS

from hd2s.training.execution import Execution
from hd2s.training.iteration import NonFiniteError, Recipe, take_iteration
from hd2s.training.turns import STEPS, MicroBatch
from tests.hd2s import two_workers
from tests.hd2s.two_workers import CASES, build, drawn, recipe, sgd
from tests.places import REPOSITORY


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """Return what two processes found, each with its own micro-batches."""
    folder = tmp_path_factory.mktemp("workers")
    started = [
        subprocess.Popen(
            [sys.executable, two_workers.__file__, str(worker), str(folder)],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        for worker in (0, 1)
    ]
    assert [process.wait(timeout=300) for process in started] == [0, 0]
    return [torch.load(folder / f"worker{worker}.pt", weights_only=True) for worker in (0, 1)]


def same_gradients(found, expected):
    """Up to rounding, which is relative to a parameter's largest gradient."""
    assert found.keys() == expected.keys()
    largest = max(gradient.abs().max().item() for gradient in expected.values())
    for name, gradient in expected.items():
        tolerance = 1e-9 * gradient.abs().max().item() + 1e-14 * largest
        torch.testing.assert_close(found[name], gradient, rtol=0, atol=tolerance, msg=name)


def gradients_of(model):
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def alone(case, batches, **options):
    """Take the same micro-batches in one process."""
    name, step, _ = CASES[case]
    model = build(name)
    batches = list(batches)
    result = take_iteration(model, sgd(model), recipe(step, len(batches), **options), 1, iter(batches))
    return two_workers.outcome(model, result)


@pytest.mark.parametrize("case", CASES)
def test_two_workers_have_the_gradients_of_one_process(workers, case):
    _, _, accumulate = CASES[case]
    expected = alone(case, (drawn(k, worker) for k in range(accumulate) for worker in (0, 1)))
    for found in workers:
        same_gradients(found[case]["gradients"], expected["gradients"])
        assert found[case]["terms"] == pytest.approx(expected["terms"], rel=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_workers_end_with_the_same_running_statistics(workers, case):
    first, second = (found[case]["statistics"] for found in workers)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_workers_agree_to_skip_a_micro_batch_that_one_of_them_cannot_use(workers):
    expected = alone("supervised", (drawn(0, worker) for worker in (0, 1)))
    for found in workers:
        assert found["skip"]["skipped"] == 1
        assert found["skip"]["terms"] == pytest.approx(expected["terms"], rel=1e-12)
        same_gradients(found["skip"]["gradients"], expected["gradients"])


def test_all_workers_stop_and_the_one_with_the_bad_clips_names_them(workers):
    other, bad = (found["stop"] for found in workers)
    assert bad.startswith("Iteration 1: not finite: kld/saliency = nan, kld/conspicuity_1 = nan")
    assert "micro-batch 2 of 2 (clips clip 1 of worker 1)" in bad
    assert "gradients not finite" in other
    assert "every loss of this worker finite" in other


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("step", ["supervised", "adversarial"])
def test_gradients_are_those_of_the_plain_loop(step, protocol):
    """Backward on each loss by hand: the mean over micro-batches (paper) or their sum (released)."""
    name, chosen = CASES[step][0], PROTOCOLS[protocol]
    expected, model = build(name), build(name)
    for k in range(3):
        labelled, unlabelled = drawn(k, 0)
        strength = math.tanh(5 * (1 + (k / 3 if protocol == "released" else 0)) / 2)
        whole = step == "supervised" or protocol == "paper"
        for loss, _ in STEPS[step](expected, labelled, unlabelled, strength, multi_level=whole):
            (loss / (1 if protocol == "released" else 3)).backward()
    result = take_iteration(
        model, sgd(model), recipe(step, 3, protocol=chosen), 1, (drawn(k, 0) for k in range(3))
    )
    assert result.grl_lambda == pytest.approx(strength)
    same_gradients(gradients_of(model), gradients_of(expected))


def test_terms_are_means_over_micro_batches():
    model = build("hd2s")
    batches = [drawn(k, 0) for k in range(2)]
    values = []
    for labelled, _ in batches:
        ((_, terms),) = STEPS["supervised"](model, labelled, [], 0.0)
        values.append({name: term.item() for name, term in terms.items()})
    found = take_iteration(model, sgd(model), recipe("supervised", 2), 0, iter(batches)).terms
    assert found == pytest.approx({name: (values[0][name] + values[1][name]) / 2 for name in values[0]})


def test_domain_accuracies_are_means_over_both_domains_and_no_terms_of_the_loss():
    model = build("hd2s_da")
    batches = [drawn(k, 0) for k in range(2)]
    values = []
    for labelled, unlabelled in batches:
        values += [terms for _, terms in STEPS["adversarial"](model, labelled, unlabelled, 0.0)]
    found = take_iteration(model, sgd(model), recipe("adversarial", 2), 0, iter(batches))
    names = [f"domain/accuracy/level_{level}" for level in (1, 2)]
    assert found.accuracies == {name: sum(one[name].item() for one in values) / 4 for name in names}
    assert not found.accuracies.keys() & found.terms.keys()


def test_the_ablation_without_multi_level_loss():
    batches = (drawn(k, 0) for k in range(1))
    assert list(alone("supervised", batches, multi_level=False)["terms"]) == ["kld/saliency"]


def test_a_skipped_micro_batch_leaves_no_trace():
    model, clean = build("hd2s"), build("hd2s")
    spoilt = [drawn(0, 0), drawn(1, 0, spoilt=True), drawn(2, 0)]
    result = take_iteration(model, sgd(model), recipe("supervised", 3, non_finite="skip"), 0, iter(spoilt))
    take_iteration(clean, sgd(clean), recipe("supervised", 2), 0, iter([spoilt[0], spoilt[2]]))
    assert result.skipped == 1
    same_gradients(gradients_of(model), gradients_of(clean))
    assert all(torch.equal(a, b) for a, b in zip(model.buffers(), clean.buffers(), strict=True))


@pytest.mark.parametrize("policy", ["stop", "skip"])
def test_the_weights_stay_where_nothing_is_finite(policy):
    model = build("hd2s")
    before = [parameter.detach().clone() for parameter in model.parameters()]
    optimiser = torch.optim.Adam(model.parameters())
    with pytest.raises(
        NonFiniteError, match=r"Iteration 7: not finite: kld/saliency = nan.*clip 0 of worker 0"
    ):
        take_iteration(
            model,
            optimiser,
            Recipe(accumulate=1, iterations=9, non_finite=policy),
            7,
            iter([drawn(0, 0, spoilt=True)]),
        )
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), before, strict=True))


def test_gradients_that_overflow_stop_the_training_though_losses_are_finite():
    model = build("hd2s")
    model.fusion.weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(NonFiniteError, match=r"gradients not finite in 1 parameters \(fusion\.weight"):
        take_iteration(model, sgd(model), recipe("supervised", 1), 0, iter([drawn(0, 0)]))


def test_clips_without_keys():
    labelled = MicroBatch(torch.full((2, 3, 8, 32, 32), float("nan")).double(), torch.ones(2, 32, 32))
    model = build("hd2s")
    with pytest.raises(NonFiniteError, match=r"micro-batch 1 of 1 \(clips unnamed\)"):
        take_iteration(model, sgd(model), recipe("supervised", 1), 0, iter([([labelled], [])]))


def test_unknown_step():
    with pytest.raises(ValueError, match=r"Unknown step adverserial\. Did you mean adversarial\?"):
        Recipe(step="adverserial")


def test_forward_passes_run_under_the_chosen_execution():
    model, seen = build("hd2s").float(), []
    model.backbone.register_forward_hook(lambda *_: seen.append(torch.is_autocast_enabled("cpu")))
    labelled = MicroBatch(drawn(0, 0)[0][0].clips.float(), torch.ones(2, 32, 32))
    take_iteration(
        model,
        sgd(model),
        recipe("supervised", 1),
        0,
        iter([([labelled], [])]),
        execution=Execution(mixed_precision=True),
    )
    assert seen == [True]
    assert {gradient.dtype for gradient in gradients_of(model).values()} == {torch.float32}


@pytest.mark.parametrize(
    ("options", "said"),
    [({"non_finite": "skipp"}, "Did you mean skip"), ({"accumulate": 0}, "at least one micro-batch")],
)
def test_a_recipe_says_what_it_cannot_do(options, said):
    with pytest.raises(ValueError, match=said):
        Recipe(**options)
