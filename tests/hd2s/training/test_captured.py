"""Recorded micro-batches against those that run kernel by kernel, by a recorder that works on a processor.

It records the operations of a pass with the memory and the numbers that they had, and repeats them there, as
a CUDA graph does: what a pass reads from outside its tensors stays as it was.
"""

import logging
from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from hd2s import build_model
from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch
from hd2s.approaches.learners.adaptation import AdversarialLearner
from hd2s.approaches.learners.adaptation_control import ControlLearner
from hd2s.approaches.protocol import TrainingProtocol
from hd2s.training.captured import CapturedPasses
from hd2s.training.execution import Execution
from hd2s.training.iteration import NonFiniteError, Recipe, take_iteration
from hd2s.training.optimiser import Optimiser, OptimiserOptions
from tests.hd2s.models.few_weights import FEW
from tests.hd2s.models.small_models import SMALL
from tests.hd2s.models.toy_models import declared

PLAIN = Execution(mixed_precision=False)
ITERATIONS, ACCUMULATE = 3, 3
DOMAINS = ("A", "B")


def small():
    torch.manual_seed(1)
    return declared(FEW, domains=DOMAINS)


def hd2s():
    return build_model("hd2s", seed=0, conspicuity=(1,), domains=DOMAINS, **SMALL)


def unisal(domains=DOMAINS):
    return build_model("unisal", seed=0, domains=domains, clip_length=2, height=32, width=32)


class Recorder:
    """Records what is dispatched; its repetitions start with what a pass leaves overwritten."""

    def __init__(self):
        self.recorded = 0

    def warm_up(self, work):
        work()

    def record(self, work):
        self.recorded += 1
        with _Recording() as recording:
            work()
        return recording.replay


class _Recording(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        found = operation(*args, **(kwargs or {}))
        self.calls.append((operation, args, kwargs or {}, found))
        return found

    def replay(self):
        with torch.no_grad():
            for operation, args, kwargs, found in self.calls:
                again = operation(*args, **kwargs)
                for place, value in zip(tree_leaves(found), tree_leaves(again), strict=True):
                    if isinstance(place, torch.Tensor) and place.data_ptr() != value.data_ptr():
                        place.copy_(value)


def micro_batch(model, seed, domain="A", *, labelled=True):
    window, draw = model.config.input, torch.Generator().manual_seed(seed)
    clips = torch.rand(2, 3, window.frames, *window.size, generator=draw) * 2 - 1
    shape = 2, len(window.answered(window.frames)), *window.size
    maps = torch.rand(shape, generator=draw) if labelled else None
    fixations = torch.randint(0, 2, shape, generator=draw) if labelled else None
    return MicroBatch(clips, maps, (f"clip {seed}",), domain, fixations, source=domain)


def drawn_of(iteration, learner):
    """Return an iteration's micro-batches, of two domains in turn."""
    for k in range(ACCUMULATE):
        model, seed = learner.model, 10 * iteration + k
        target = [micro_batch(model, seed + 500, labelled=False)]
        yield (
            [micro_batch(model, seed, DOMAINS[k % 2])],
            target if isinstance(learner, AdversarialLearner) else [],
        )


def learner_of(kind=Learner, build=small, **protocol):
    return kind(build(), LearnerOptions(protocol=TrainingProtocol(**protocol)))


def train(learner, recorder=None, *, iterations=ITERATIONS, freeze=lambda iteration: False, **recipe):
    captured = CapturedPasses(learner, PLAIN, recorder) if recorder else None
    optimiser = Optimiser(learner, OptimiserOptions(kind="sgd", momentum=0.9))
    recipe = Recipe(iterations=ITERATIONS, accumulate=ACCUMULATE, sources=DOMAINS, **recipe)
    curve = []
    for iteration in range(iterations):
        torch.manual_seed(iteration)
        for parameter in next(iter(learner.model.children())).parameters():
            parameter.requires_grad_(not freeze(iteration))
        drawn = drawn_of(iteration, learner)
        done = take_iteration(
            learner, optimiser, recipe, iteration, drawn, execution=PLAIN, captured=captured
        )
        curve.append(done)
    return learner, optimiser, curve


def same(one, other):
    assert one[2] == other[2]
    for a, b in zip(one[:2], other[:2], strict=True):
        torch.testing.assert_close(a.state_dict(), b.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("kind", "protocol"),
    [
        (Learner, {}),
        (AdversarialLearner, {}),
        (AdversarialLearner, {"lambda_every": "micro-batch", "gradients": "sum"}),
        (ControlLearner, {}),
    ],
    ids=["supervision", "adaptation", "adaptation as released", "control"],
)
def test_a_training_of_recorded_micro_batches_is_the_same(kind, protocol):
    recorder = Recorder()
    same(train(learner_of(kind, **protocol)), train(learner_of(kind, **protocol), recorder))
    assert recorder.recorded == len(DOMAINS)


@pytest.mark.slow
@pytest.mark.parametrize("build", [hd2s, unisal])
def test_a_papers_model_of_recorded_micro_batches_is_the_same(build):
    runs = (train(learner_of(AdversarialLearner, build), by, iterations=1) for by in (None, Recorder()))
    same(*runs)


@pytest.mark.slow
def test_videos_are_recorded_anew_once_their_recurrence_is_trained():
    """Beside photographs they leave it out, until videos with maps go through it."""

    def drawn(model, seed, *, photographs):
        source, target = (micro_batch(model, seed + k, None, labelled=not k) for k in (0, 5))
        if photographs:
            first = {name: getattr(source, name)[:, :1] for name in ("maps", "fixations")}
            source = replace(source, clips=source.clips[:, :, :1], **first)
        return [source], [target]

    def state(recorder):
        learner = learner_of(AdversarialLearner, lambda: unisal(domains=()))
        captured = CapturedPasses(learner, PLAIN, recorder) if recorder else None
        optimiser, recipe = Optimiser(learner, OptimiserOptions(kind="sgd")), Recipe(4, accumulate=1)
        for iteration in range(4):
            torch.manual_seed(iteration)
            batch = drawn(learner.model, 10 * iteration, photographs=not iteration % 2)
            take_iteration(learner, optimiser, recipe, iteration, iter([batch]), captured=captured)
        return learner.state_dict()

    recorder = Recorder()
    torch.testing.assert_close(state(recorder), state(None), rtol=0, atol=0)
    assert recorder.recorded == 3


def test_a_number_that_is_read_beside_the_progress_stands_still_and_is_noticed(caplog):
    """The recorder repeats what is no tensor as it was, as a graph does."""

    class Baked(AdversarialLearner):
        def losses(self, labelled, unlabelled, progress):
            return super().losses(labelled, unlabelled, replace(progress, numbers=None))

    def baked():
        return Baked(small(), LearnerOptions(strength=20.0))

    recorder = Recorder()
    with caplog.at_level(logging.WARNING):
        same(train(baked()), train(baked(), recorder))
    assert recorder.recorded == caplog.text.count("by its graph gradients are") == len(DOMAINS)


def test_what_thaws_is_recorded_anew():
    recorder = Recorder()
    runs = (train(learner_of(), by, freeze=lambda iteration: iteration < 1) for by in (None, recorder))
    same(*runs)
    assert recorder.recorded == 2 * len(DOMAINS)


class Broken(Recorder):
    def record(self, work):
        self.recorded += 1
        raise RuntimeError("operation not permitted when stream is capturing")


class Wrong(Recorder):
    def record(self, work):
        super().record(work)
        return lambda: None


@pytest.mark.parametrize(
    ("recorder", "told"),
    [(Broken(), "no graph of it can be recorded (operation not"), (Wrong(), "gradients are 1 off")],
    ids=["cannot be recorded", "leaves out"],
)
def test_what_cannot_be_repeated_runs_as_ever_and_is_told(recorder, told, caplog):
    with caplog.at_level(logging.WARNING):
        same(train(learner_of(AdversarialLearner)), train(learner_of(AdversarialLearner), recorder))
    assert told in caplog.text


def test_after_a_recording_that_failed_no_other_is_tried():
    recorder = Broken()
    train(learner_of(), recorder)
    assert recorder.recorded == 1


def test_micro_batches_that_may_be_left_out_are_not_recorded():
    recorder = Recorder()
    same(*(train(learner_of(), by, non_finite="skip") for by in (None, recorder)))
    assert not recorder.recorded


def test_bad_clips_are_told_as_ever():
    def message(recorder):
        learner = learner_of()
        captured = CapturedPasses(learner, PLAIN, recorder) if recorder else None
        good, other = micro_batch(learner.model, 0), micro_batch(learner.model, 1)
        bad = replace(other, clips=torch.full_like(other.clips, torch.nan))
        optimiser, recipe = Optimiser(learner, OptimiserOptions()), Recipe(iterations=2, accumulate=2)
        with pytest.raises(NonFiniteError) as raised:
            take_iteration(
                learner, optimiser, recipe, 0, iter([([good], []), ([bad], [])]), captured=captured
            )
        return str(raised.value)

    assert message(Recorder()) == message(None)
    assert "micro-batch 2 of 2 (clips clip 1)" in message(Recorder())


def test_only_what_says_so_of_itself_is_recorded():
    class Own(AdversarialLearner):
        pass

    asked = replace(PLAIN, capture=True)
    assert AdversarialLearner.capturable and ControlLearner.capturable and not Own.capturable
    assert hd2s().capturable
    assert CapturedPasses.of(learner_of(Own), asked) is None
    assert CapturedPasses.of(learner_of(), PLAIN) is None
