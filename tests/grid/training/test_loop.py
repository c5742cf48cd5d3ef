"""Trainings without Ray: the true network on the demo corpora, a few steps each."""

import math
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from grid.evaluation.evaluate import evaluate_part
from grid.plan import Criterion
from grid.training import feed, validation
from grid.training import loop as training
from grid.training.loop import TrainingError, fit
from grid.training.starting import starting_model
from hd2s import build_model, load_weights
from hd2s.losses import kld
from hd2s.prediction.open_checkpoint import open_checkpoint
from hd2s.training.iteration import Iteration
from tests.grid.grids import (
    TINY,
    Context,
    assert_goes_on_exactly,
    evaluation_job_of,
    job_of,
    prepare_small,
    same,
    weights_of,
    with_train,
)
from tests.hd2s.models.small_models import predict_clip
from tests.places import REPOSITORY

# With all levels of the decoder.
SMALL = ["model.height=32", "model.width=32"]


@pytest.mark.parametrize("approach", ["generalization", "adaptation"])
@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_bit_for_bit(small_demo, approach):
    job = job_of(prepare_small(small_demo, *TINY), approach)
    first = fit(job, Context())
    weights = weights_of(job)
    second = fit(job, Context())
    assert first["curve"] == second["curve"]
    assert same(weights, weights_of(job))
    other = replace(job, spec=replace(job.spec, seed=1))
    assert fit(other, Context())["curve"] != first["curve"]


@pytest.mark.slow
def test_an_interrupted_training_goes_on_exactly_where_it_was(small_demo):
    job = job_of(prepare_small(small_demo, *TINY, "train.checkpoint_every=2"), "adaptation")
    assert_goes_on_exactly(job, die_at=2)


@pytest.mark.parametrize("approach", ["mixstyle", "mean-teacher", "swad"])
def test_an_approach_goes_on_exactly_where_it_was(small_demo, few, approach):
    grid = prepare_small(small_demo, *few, "train.checkpoint_every=2", approaches=approach)
    assert_goes_on_exactly(job_of(grid, approach), die_at=2)


@pytest.mark.slow
def test_an_interrupted_adabn_goes_on_exactly_and_keeps_its_last_statistics(small_demo, few):
    more = ("train.checkpoint_every=1", "approach.adabn.iterations=2")
    grid = prepare_small(small_demo, *few, *more, approaches="generalization, adabn")
    fit(job_of(grid, "generalization"), Context())
    job = job_of(grid, "adabn")
    assert_goes_on_exactly(job, die_at=1)
    parent = torch.load(job.parent, weights_only=True)["state"]
    moved = {name for name, value in weights_of(job).items() if not torch.equal(value, parent[name])}
    assert moved
    assert all("running" in name or "num_batches" in name for name in moved)


@pytest.mark.slow
def test_an_adaptation_leaves_its_model_alone_without_the_classifiers(small_demo):
    """They are trained beside it, and saved to go on from; what is left opens as any model does."""
    job = job_of(prepare_small(small_demo, *TINY, "train.checkpoint_every=2"), "adaptation")
    context = Context()
    fit(job, context)
    model = build_model(job.spec.model.name, **job.spec.model.options)
    assert weights_of(job).keys() == model.state_dict().keys()
    beside = {name.partition(".")[0] for name in context.state["learner"]}
    assert beside == {"model", "classifiers"}
    opened = open_checkpoint(job.weights)
    assert opened.config == job.spec.model.config
    assert same(opened.state_dict(), weights_of(job))


@pytest.mark.slow
def test_the_curve_holds_every_loss_and_lambda(small_demo):
    job = job_of(prepare_small(small_demo, *SMALL), "adaptation")
    done = fit(job, Context())
    assert 0 < done["validation_share"] < 1
    curve = done["curve"]
    names = {row["name"] for row in curve}
    assert names == {
        "train/kld/saliency",
        *(f"train/kld/conspicuity_{level}" for level in (1, 2, 3, 4)),
        "train/domain/source",
        "train/domain/target",
        *(f"domain/{what}/level_{level}" for what in ("accuracy", "loss") for level in (1, 2, 3, 4)),
        "lambda",
        "val/kld",
    }
    strengths = [row["value"] for row in curve if row["name"] == "lambda"]
    assert strengths[0] == 0
    assert strengths == sorted(strengths)
    assert [row["step"] for row in curve if row["name"] == "val/kld"] == [2, 4]


@pytest.mark.slow
def test_a_state_is_saved_between_checkpoints_when_it_is_asked_for(small_demo, few):
    class Asked(Context):
        def asked_to_stop(self):
            return len(states) == 0

        def report(self, rows, state):
            states.extend([state["progress"]["step"]] if state else [])

    states = []
    job = job_of(prepare_small(small_demo, *few, "train.checkpoint_every=1000"), "generalization")
    fit(job, Asked())
    assert states == [1]


def give_losses(monkeypatch, job, *losses):
    """Let these be the KLDs of the validations to come, whatever the network has come to."""
    given = iter(losses)
    one_batch = next(training._Fitting(job, Context()).feed.validation("DHF1K", 0))
    monkeypatch.setattr(feed.Feed, "validation", lambda *_: iter([one_batch]))
    monkeypatch.setattr(validation, "kld", lambda *_: torch.tensor([next(given)]))


@pytest.mark.slow
def test_the_weights_kept_are_those_of_the_lowest_validation_kld(small_demo, few, monkeypatch):
    job = job_of(prepare_small(small_demo, *few, "train.validate_every=1"), "generalization")
    until_best = with_train(job, iterations=2)
    give_losses(monkeypatch, job, 3.0, 1.0, 2.0, 4.0, 3.0, 1.0)
    summary = fit(job, Context())
    assert (summary["best_step"], summary["best_kld"]) == (2, 1.0)
    kept = weights_of(job)
    fit(until_best, Context())
    assert same(kept, weights_of(job))


def test_as_many_validations_as_are_asked_for_choose_nothing(small_demo, few, monkeypatch):
    more = ("train.validate_every=1", "train.validation_from=1")
    job = job_of(prepare_small(small_demo, *few, *more), "generalization")
    give_losses(monkeypatch, job, 1.0, 3.0, 2.0, 4.0)
    summary = fit(job, Context())
    assert (summary["best_step"], summary["best_kld"]) == (3, 2.0)


def test_a_validation_that_is_not_finite_stops_the_training_with_its_step(small_demo, few, monkeypatch):
    job = job_of(prepare_small(small_demo, *few, "train.validate_every=1"), "generalization")
    give_losses(monkeypatch, job, 1.0, math.nan)
    with pytest.raises(TrainingError, match=r"after iteration 2 the validation KLD on DHF1K is nan"):
        fit(job, Context())


def test_what_is_drawn_is_another_in_each_step_and_on_each_worker(small_demo, few, monkeypatch):
    job = job_of(prepare_small(small_demo, *few, "train.accumulate=2"), "generalization")
    seeds = []

    def taken(*_, **__):
        seeds.append(torch.initial_seed())
        return Iteration({}, 0, {})

    monkeypatch.setattr(training, "take_iteration", taken)
    for rank in (0, 1, 0):
        context = Context()
        context.rank = rank
        fitting = training._Fitting(job, context)
        for step in range(3):
            fitting.iterate(step)
    assert seeds[:3] == seeds[6:]
    assert len(set(seeds)) == 6


def test_a_learner_that_names_no_terms_is_trained_too(small_demo, few, monkeypatch):
    """Its curve, empty until the first validation, ended in a traceback."""
    job = job_of(prepare_small(small_demo, *few, "train.validate_every=2"), "generalization")
    monkeypatch.setattr(training, "take_iteration", lambda *_, **__: Iteration({}, 0, {}))
    assert {row["step"] for row in fit(job, Context())["curve"]} == {2, 4}


def test_the_seconds_before_an_interruption_count_too(small_demo, few):
    job = job_of(prepare_small(small_demo, *few, "train.checkpoint_every=2"), "generalization")
    dying = Context(die_at=2)
    with pytest.raises(KeyboardInterrupt):
        fit(job, dying)
    assert dying.state["progress"]["seconds"] > 0
    dying.state["progress"]["seconds"] += 1000
    assert fit(job, Context(dying.state))["seconds"] > 1000


@pytest.mark.slow
def test_one_training_keeps_what_each_criterion_chooses_and_goes_on_exactly(small_demo, few):
    """Its own weights are those that it has without them, and each file is what it says."""
    more = ("train.checkpoint_every=2", "train.validate_every=1", "train.validation_windows=1")
    plain = job_of(prepare_small(small_demo, *few, *more), "generalization")
    fit(plain, Context())
    own = weights_of(plain)
    asked = "select=[source,target,last]"
    job = job_of(prepare_small(small_demo, *few, *more, asked), "generalization")
    assert job.id == plain.id
    summary = assert_goes_on_exactly(job, die_at=2)
    assert same(own, weights_of(job))
    losses = {row["step"]: row["value"] for row in summary["curve"] if row["name"] == "val/kld/UCFSports"}
    assert [*losses] == [1, 2, 3, 4]
    (by_target,) = (each for each in job.kept if each.corpora)
    assert summary["kept"][by_target.name]["kld"] == min(losses.values())
    assert summary["kept"]["last"]["step"] == 4
    last = torch.load(job.kept[Criterion()], weights_only=True)["state"]
    fit(with_train(plain, selection="last"), Context())
    assert same(last, weights_of(plain))
    begun = Context()
    fit(plain, begun)
    afresh = fit(job, Context(begun.state))
    assert (afresh["resumed"], afresh["curve"]) == (0, summary["curve"]), "of a state that knows less"
    assert afresh["resumed_at"] == []


@pytest.mark.slow
def test_student_and_teacher_are_of_one_training(small_demo, few):
    """And the student is the one that a training has kept instead of its teacher."""
    # After the first iteration, which may be the best, they are equal.
    more = (*few, "train.validate_every=4", "train.checkpoint_every=2")
    both, alone = (
        job_of(prepare_small(small_demo, *more, asked, approaches="mean-teacher"), "mean-teacher")
        for asked in ("select=[source,student]", "approach.mean-teacher.lasts=student")
    )
    summary = assert_goes_on_exactly(both, die_at=2)
    (student,) = (each for each in both.kept if each.model)
    losses = [row["value"] for row in summary["curve"] if row["name"] == "val/kld/student"]
    assert [summary["kept"][student.name]["kld"]] == losses
    found = torch.load(both.kept[student], weights_only=True)["state"]
    assert not same(found, weights_of(both))
    fit(alone, Context())
    assert same(found, weights_of(alone))


POOLED = {
    "sources": "DHF1K, UCFSports, Hollywood2",
    "targets": None,
    "approaches": "domain-specific",
}


@pytest.mark.slow
def test_a_domain_specific_training_goes_on_exactly_and_is_tested_by_its_own_layers(small_demo):
    grid = prepare_small(small_demo, *TINY, "train.checkpoint_every=1", **POOLED)
    job = job_of(grid, "domain-specific")
    assert_goes_on_exactly(job, die_at=2)
    evaluation = evaluation_job_of(grid, "domain-specific")
    assert evaluation.domain == "DHF1K"
    small = replace(evaluation, parts=((min(evaluation.expected, key=evaluation.expected.get),),))
    own = evaluate_part(small, 0)
    others = evaluate_part(replace(small, domain="Hollywood2"), 0)
    assert not own.frames.equals(others.frames)


@pytest.mark.slow
def test_the_released_protocol_changes_what_is_learnt(small_demo):
    curves = []
    for protocol in ("paper", "released"):
        grid = prepare_small(small_demo, *SMALL, f"train.protocol={protocol}", "train.iterations=2")
        curves.append(fit(job_of(grid, "adaptation"), Context())["curve"])
    names = [{row["name"] for row in curve} for curve in curves]
    assert names[0] - names[1] == {f"train/kld/conspicuity_{level}" for level in (1, 2, 3, 4)}


@pytest.mark.slow
def test_the_last_weights_may_be_kept_and_are_the_only_ones_validated(small_demo, few):
    """As TASED-Net's released script, which never validates."""
    job = job_of(prepare_small(small_demo, *few, "train.validate_every=1"), "generalization")
    given = with_train(job, selection="last")
    summary = fit(given, Context())
    assert [row["step"] for row in summary["curve"] if row["name"] == "val/kld"] == [4]
    assert (summary["best_step"], summary["best_kld"]) == (4, summary["curve"][-1]["value"])
    last = weights_of(given)
    fit(with_train(job, validate_every=4), Context())
    assert same(last, weights_of(job)), "validation changes nothing of the training"


TASED = [
    *("model=tased", "train.protocol=released", "model.height=32", "model.width=32"),
    *("train.optimiser=sgd", "train.momentum=0.9", "train.lr=0.1", "model.encoder_lr=0.01"),
    *("train.lr_decay=0.1", "train.lr_milestones=[1]", "train.accumulate=2", "train.iterations=2"),
]


@pytest.mark.slow
def test_a_released_tased_net_is_trained_as_by_its_script(small_demo):
    """Two iterations by hand: the batch's KLD, gradients added up, SGD with two rates of which one drops."""
    job = job_of(prepare_small(small_demo, *TASED, approaches="generalization"), "generalization")
    fitting = training._Fitting(job, Context())
    model = starting_model(job).train()
    groups = [{"params": model.backbone.parameters(), "lr": 0.001}, {"params": model.prediction.parameters()}]
    plain = torch.optim.SGD(groups, lr=0.1, momentum=0.9, weight_decay=2e-7)
    batches = feed.Feed(job, model, torch.device("cpu"), 0).micro_batches(0)
    for rate in (0.1, 0.01):
        plain.param_groups[1]["lr"] = rate
        plain.zero_grad()
        for _ in range(2):
            ((batch,), _) = next(batches)
            p, t = model(batch.clips).saliency, batch.truth
            p, t = p / p.sum(), t / t.sum()
            (t * torch.log(2.2e-16 + t / (p + 2.2e-16))).sum().backward()
        plain.step()
    for step in range(2):
        fitting.iterate(step)
    found = fitting.learner.model.state_dict()
    for name, expected in model.state_dict().items():
        torch.testing.assert_close(found[name], expected, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.slow
def test_fine_tuning_starts_from_the_parent(small_demo, few):
    grid = prepare_small(small_demo, *few)
    parent, child = job_of(grid, "generalization"), job_of(grid, "transfer")
    assert child.parent == parent.weights
    digest = fit(parent, Context())["weights"]
    started = training._Fitting(child, Context())
    assert same(weights_of(parent), started.learner.model.state_dict())
    assert fit(child, Context())["parent"] == digest != ""


def test_a_loss_that_is_not_finite_stops_the_training_with_its_step(small_demo, few):
    job = job_of(prepare_small(small_demo, *few, "train.lr=1e38"), "generalization")
    with pytest.raises(TrainingError, match=r"Iteration \d: .*not finite.*clips DHF1K/"):
        fit(job, Context())


_WORKER = """
import pickle, sys
from pathlib import Path
import torch
from tests.grid.grids import Context
from grid.training.loop import fit
from hd2s.models.registry import register
from tests.hd2s.models.few_weights import FEW
register(FEW)
job, rank, folder = pickle.loads(Path(sys.argv[1]).read_bytes()), int(sys.argv[2]), sys.argv[3]
torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
context = Context()
context.rank = rank
summary = fit(job, context)
Path(folder, f"{rank}.pickle").write_bytes(pickle.dumps(summary["curve"]))
torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_two_workers_train_one_model(small_demo, few, tmp_path):
    """Both tell the same losses and validation KLD, and the latter is that of the weights on all windows."""
    grid = prepare_small(small_demo, *few, "train.world_size=2", "train.accumulate=4", "train.iterations=2")
    job = job_of(grid, "adaptation")
    (tmp_path / "job").write_bytes(pickle.dumps(job))
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(tmp_path / "job"), str(rank), str(tmp_path)], env=environment
        )
        for rank in range(2)
    ]
    assert [worker.wait(timeout=240) for worker in workers] == [0, 0]
    curves = [pickle.loads((tmp_path / f"{rank}.pickle").read_bytes()) for rank in range(2)]
    assert curves[0] == curves[1]
    # Each validated its share of the windows; what they say together is what one says of the weights kept.
    model = build_model(job.spec.model.name, **job.spec.model.options)
    load_weights(model, job.weights)
    alone = with_train(job, world_size=1)
    values = [
        kld(model.eval()(batch.clips).saliency, batch.maps)
        for batch in training._Fitting(alone, Context()).feed.validation("DHF1K", 0)
    ]
    best = min(row["value"] for row in curves[0] if row["name"] == "val/kld")
    assert best == pytest.approx(torch.cat(values).mean().item(), rel=1e-4)


def test_a_model_without_weights_becomes_the_mean_of_its_sources_maps(small_demo):
    grid = prepare_small(small_demo, "model=centre_prior", approaches="generalization")
    job, context = job_of(grid, "untrained"), Context()
    summary = fit(job, context)
    maps = torch.cat(list(training._Fitting(job, Context()).feed.maps())).double()
    densities = maps[maps.sum((1, 2)) > 0]
    densities = densities / densities.sum((1, 2), keepdim=True)
    prior = weights_of(job)["prior"]
    torch.testing.assert_close(prior.double(), densities.mean(0), rtol=1e-5, atol=0)
    assert (summary["iterations"], summary["best_step"]) == (0, 0)
    assert summary["curve"] == context.rows == [{"step": 0, "name": "val/kld", "value": summary["best_kld"]}]
    assert context.state is None, "there is nothing to go on from"
    opened = open_checkpoint(job.weights)
    answer = opened(torch.zeros(2, 3, 1, *prior.shape)).saliency
    assert torch.equal(answer, prior.expand(2, 1, -1, -1))
    windows = [batch.maps for batch in training._Fitting(job, Context()).feed.validation("DHF1K", 0)]
    expected = kld(prior, torch.cat(windows)).mean().item()
    assert summary["best_kld"] == pytest.approx(expected, rel=1e-5)
    assert expected < kld(torch.ones_like(prior), torch.cat(windows)).mean().item()


def test_chance_is_fitted_to_nothing_and_drawn_alike_by_every_machine(small_demo):
    grid = prepare_small(small_demo, "model=chance", "seeds=[0,1]", approaches="generalization")
    (training_,) = grid.plan.trainings.values()
    assert training_.iterations == 0
    job = job_of(grid, "untrained")
    fit(job, Context())
    noise = weights_of(job)["noise"]
    fit(job, Context())
    assert torch.equal(noise, weights_of(job)["noise"])
    assert 0 <= noise.min() < 0.01
    assert 0.99 < noise.max() < 1


@pytest.mark.slow
def test_selection_is_by_every_frame_of_every_clip_and_the_mean_over_clips(small_demo, few):
    """By the plain sliding window, first frames included, without smoothing; clips of unequal length."""
    grid = prepare_small(small_demo, *few, "train.iterations=1", "train.validation_windows=null")
    job = job_of(grid, "generalization")
    found = fit(job, Context())["best_kld"]
    model = open_checkpoint(job.weights)
    clips = list(feed.Feed(job, model, Context().device, 0).validation_clips("DHF1K", 1))
    means = []
    for clip in clips:
        maps = predict_clip(model, list(clip.frames()), method="plain", smoothing_sigma=None)
        means.append(kld(torch.from_numpy(maps), torch.stack(list(clip.maps()))).mean().item())
    assert len(means) == len(grid.manifests["DHF1K"].clips("val"))
    assert found == pytest.approx(sum(means) / len(means), abs=1e-5)


@pytest.mark.slow
def test_a_model_that_answers_every_frame_is_trained_with_fixations_and_goes_on_exactly(small_demo):
    """UNISAL: recurrent, with dropout drawn frame by frame, whole epochs, and its paper's optimiser."""
    sgd = ("train.optimiser=sgd", "train.lr=0.04", "train.lr_decay=0.8", "model.encoder_statistics=stored")
    options = ("model=unisal", *SMALL, *sgd, "train.epochs=1", "train.checkpoint_every=2")
    spec = {"sources": "DHF1K, UCFSports", "targets": None, "approaches": "domain-specific"}
    job = job_of(prepare_small(small_demo, *options, **spec), "domain-specific")
    assert_goes_on_exactly(job, die_at=2)
    terms = fit(with_train(job, iterations=1), Context())["curve"]
    assert {"train/kld/saliency", "train/cc/saliency", "train/nss/saliency"} <= {row["name"] for row in terms}
    assert open_checkpoint(job.weights).config.domains == ("DHF1K", "UCFSports")


@pytest.mark.slow
def test_a_training_that_is_stopped_saves_a_state_and_goes_on_from_it_bit_for_bit(small_demo, few):
    class Stopped(Context):
        def stopped(self):
            return True

    grid = prepare_small(small_demo, *few, "train.checkpoint_every=1000")
    job = replace(job_of(grid, "generalization"), may_stop=True)
    undisturbed = fit(replace(job, may_stop=False), Stopped())
    weights = weights_of(job)
    Path(job.weights).unlink()
    stopped = Stopped()
    assert fit(job, stopped) == {"stopped": 1}
    assert stopped.state["progress"]["step"] == 1
    assert not Path(job.weights).exists(), "it has none to be tested"
    gone_on = fit(job, Context(stopped.state))
    assert (gone_on["resumed"], gone_on["curve"]) == (1, undisturbed["curve"])
    assert same(weights, weights_of(job))


@pytest.mark.slow
def test_several_workers_ask_at_validations_alone(small_demo, few):
    class Asked(Context):
        def stopped(self):
            asked.append(self.rows[-1]["step"] if self.rows else 0)
            return False

    asked = []
    grid = prepare_small(small_demo, *few, "train.iterations=6")
    job = with_train(job_of(grid, "generalization"), world_size=2, accumulate=2, validation_windows=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.distributed, "all_reduce", lambda tensor: None)
        fit(replace(job, may_stop=True), Asked())
    assert asked == [0, 2], "after iterations 2 and 4 of 6, before that validation is reported"
