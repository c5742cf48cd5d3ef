"""Operations counted on the meta device, against those that facts give of HD2S."""

from dataclasses import dataclass, replace

import pytest
import torch

from grid.commands.counting import count, require_answer_of
from grid.commands.operations import Asked, asked_of
from hd2s.approaches.contract import Learner, total
from hd2s.approaches.declaration import Approach
from hd2s.approaches.registry import register
from hd2s.models.registry import register as register_model
from tests.grid.plans import of_approach, plan_of
from tests.hd2s.models.few_weights import FEW


@pytest.mark.slow
def test_a_step_is_three_forward_passes_and_a_frame_less_than_one():
    costs = count(asked_of(of_approach(plan_of("domain_shift"), "generalization")[0]))
    # GFLOP of HD2S at 16 × 128 × 192, and of a frame more with what windows share computed once.
    assert costs.forward == pytest.approx(22.0e9, rel=1e-2)
    # The gradient of the clips is not needed: 64 channels of 3 × 7 × 7 products at 16 × 64 × 96 places.
    assert costs.step == pytest.approx(3 * 22.0e9 - 2 * 64 * 3 * 7 * 7 * 16 * 64 * 96, rel=5e-3)
    assert costs.frame == pytest.approx(14.65e9, rel=1e-2)
    assert costs.weights == pytest.approx(119.4e6, rel=1e-2)
    assert costs.state == 3 * costs.trained + costs.weights


SMALL = ("model=hd2s", "model.height=32", "model.width=32", "model.clip_length=8", "model.conspicuity=[1]")


@pytest.mark.slow
@pytest.mark.parametrize("approach", ["coral", "mmd", "dare-gram", "fda", "mean-teacher", "swad"])
def test_a_step_of_an_approach_is_counted_without_values(approach):
    """More than two of the source's forward passes; of distances both domains' are before the first loss."""
    costs = count(asked_of(of_approach(plan_of("alignment", *SMALL), approach)[0]))
    assert costs.step > 2 * costs.forward / (2 if approach in ("coral", "mmd", "dare-gram") else 1)
    assert costs.trained >= costs.weights


@pytest.mark.slow
@pytest.mark.parametrize("approach", ["adabn", "monotone-map"])
def test_what_follows_no_gradient_is_counted_as_its_forward_pass_alone(approach):
    costs = count(asked_of(of_approach(plan_of("alignment", *SMALL), approach)[0]))
    assert (costs.step, costs.forward > 0) == (0, True)


@torch.inference_mode()
def test_what_is_counted_is_the_same_for_who_asks_without_gradients():
    """It is kept, and was nothing for all who asked afterwards."""
    register_model(FEW)
    costs = count(Asked("few", {}, "generalization", None, False, FEW.config().input.frames))
    assert costs.step > 2 * costs.forward > 0


class Returns(Learner):
    """Returns a loss that is to be yielded."""

    def losses(self, labelled, unlabelled, progress):
        return next(super().losses(labelled, unlabelled, progress))


class Nothing(Learner):
    """Yields no loss."""

    def losses(self, labelled, unlabelled, progress):
        yield from ()


class Frozen(Learner):
    """Trains nothing, as TENT does of a model without norms."""

    def __init__(self, model, options):
        super().__init__(model.requires_grad_(False), options)


@pytest.mark.parametrize(
    ("learner", "told"),
    [
        (Frozen, "`learner` is to have weights to train in Few weights, found all of them frozen"),
        (lambda model, options: None, "`learner` is to return a Learner, found a NoneType"),
        (Returns, "`losses` is to yield them, found a tuple that it returns"),
        (Nothing, "`losses` is to yield one or more, found none"),
    ],
)
def test_what_an_approach_forgets_is_told_before_it_trains(learner, told):
    register_model(FEW)
    register(Approach("mine", "Mine", learner=learner))
    with pytest.raises((TypeError, ValueError), match=told):
        count(Asked("few", {}, "mine", None, False, FEW.config().input.frames))


def test_an_approach_that_says_that_it_takes_no_gradient_may_freeze_all():
    register_model(FEW)
    register(Approach("looks", "Looks", learner=Frozen, iterations=lambda settings: 2))
    assert count(Asked("few", {}, "looks", None, False, FEW.config().input.frames)).step == 0


def test_a_model_answers_with_maps_of_its_frames_before_it_trains():
    class Twice(FEW.build):
        def forward(self, clips, domain=None, *, unlabelled=False):
            right = super().forward(clips, domain)
            return replace(right, saliency=right.saliency.repeat(1, 2, 1, 1))

    for model in (FEW, replace(FEW, word="twice", build=Twice)):
        register_model(model)
    asked = Asked("few", {}, "generalization", None, False, FEW.config().input.frames)
    require_answer_of(asked)
    with pytest.raises(ValueError, match="saliency is to have the shape"):
        require_answer_of(asked._replace(model="twice"))


def test_a_model_that_asks_for_values_is_counted_with_values():
    class Branches(FEW.build):
        def forward(self, clips, domain=None, *, unlabelled=False):
            return super().forward(clips + 1 if clips.min().item() < 0 else clips, domain)

    class Fails(Branches):
        def forward(self, clips, domain=None, *, unlabelled=False):
            raise ValueError(f"{super().forward(clips).saliency.max().item():.0f}")

    words = {"few": FEW.build, "branches": Branches, "fails": Fails}
    for word, build in words.items():
        register_model(replace(FEW, word=word, build=build))
    asked = Asked("branches", {}, "generalization", None, False, FEW.config().input.frames)
    assert count(asked) == count(asked._replace(model="few"))
    require_answer_of(asked)
    with pytest.raises(ValueError, match=r"^1$"):
        require_answer_of(asked._replace(model="fails"))


def test_batch_norms_are_counted_with_what_they_hold():
    """They stood aside for what has no weights: what reads them failed, what trains them cost nothing."""

    class Normed(FEW.build):
        def __init__(self, config):
            super().__init__(config)
            self.first = torch.nn.BatchNorm3d(3)

        def forward(self, clips, domain=None, *, unlabelled=False):
            assert self.first.weight.shape == self.first.running_mean.shape
            return super().forward(self.first(clips), domain)

    class Affine(Learner):
        def __init__(self, model, options):
            super().__init__(model.requires_grad_(False), options)
            model.first.requires_grad_(True)

    register_model(replace(FEW, word="normed", build=Normed))
    register(Approach("affine", "Affine", learner=Affine))
    asked = Asked("normed", {}, "generalization", None, False, FEW.config().input.frames)
    plain, affine = count(asked), count(asked._replace(approach="affine"))
    assert plain.forward == affine.forward > 0
    # The gradient goes through all layers to the norm, whose weights alone are trained.
    assert plain.step > affine.step > affine.forward


def test_an_approach_may_look_at_where_clips_are_from():
    class Weighted(Learner):
        def losses(self, labelled, unlabelled, progress):
            (source,), (target,) = labelled, unlabelled
            seen.append([(batch.source, batch.domain, batch.keys) for batch in (source, target)])
            for loss, terms in super().losses(labelled, unlabelled, progress):
                yield loss * {"DHF1K": 2.0}[source.source], terms

    seen = []
    register_model(FEW)
    register(Approach("weighted", "Weighted", learner=Weighted))
    frames = FEW.config().input.frames
    options = {"domains": ("DHF1K", "LEDOV")}
    count(Asked("few", options, "weighted", "DHF1K", True, frames, "DHF1K", "LEDOV"))
    named = {corpus: (corpus, corpus, [f"{corpus}/a clip"]) for corpus in ("DHF1K", "LEDOV")}
    assert seen == [[named["DHF1K"], named["LEDOV"]]]


def test_an_approach_is_tried_with_its_settings():
    @dataclass(frozen=True)
    class Own:
        weight: float = 1.0
        levels: tuple[int, ...] = ()

    class Weighs(Learner):
        def losses(self, labelled, unlabelled, progress):
            seen.append(self.options.settings)
            yield from super().losses(labelled, unlabelled, progress)

    seen = []
    register_model(FEW)
    register(Approach("weighs", "Weighs", learner=Weighs, settings=Own))
    asked = Asked("few", {}, "weighs", None, False, FEW.config().input.frames)
    for settings in ({}, {"levels": [1, 2]}):
        count(asked._replace(settings=settings))
    assert seen == [Own(), Own(levels=(1, 2))]


def test_what_a_model_forgets_is_told_before_it_trains():
    class Listed(FEW.build):
        def __init__(self, config):
            super().__init__(config)
            self.more = [torch.nn.Linear(2, 2)]

    class Logits(FEW.build):
        def forward(self, clips, domain=None, *, unlabelled=False):
            right = super().forward(clips, domain)
            return replace(right, saliency=right.saliency - 10)

    for word, build, told in (("listed", Listed, "a ModuleList"), ("logits", Logits, "0 or more everywhere")):
        register_model(replace(FEW, word=word, build=build))
        asked = Asked(word, {}, "generalization", None, False, FEW.config().input.frames)
        with pytest.raises(ValueError, match=told):
            require_answer_of(asked)


class Aligns(Learner):
    """Compares what its batch norms are given with what they remember, and learns by lazy layers."""

    def __init__(self, model, options):
        super().__init__(model, options)
        self.seen = []
        model.encoder[1].register_forward_hook(
            lambda norm, given, _: self.seen.append(given[0] - norm.bias[0])
        )
        self.classifier = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.LazyLinear(3), torch.nn.BatchNorm1d(3)
        )

    def losses(self, labelled, unlabelled, progress):
        self.seen.clear()
        (batch,) = labelled
        terms = self.supervised(self.model(batch.clips), batch)
        terms["aligned"] = self.classifier(torch.stack(self.seen).mean(0)).mean()
        yield total(terms), terms


def test_batch_norms_and_lazy_layers_are_counted_as_they_are():
    """They were taken out for counting: whoever hooked or read one was refused before a run."""
    register_model(FEW)
    register(Approach("aligns", "Aligns", learner=Aligns))
    asked = Asked("few", {}, "aligns", None, False, FEW.config().input.frames)
    # A batch norm counts by eight bytes; all other numbers have four.
    classifier = 4 * (3 * (6 * 4 * 4 + 1) + 4 * 3) + 8
    assert count(asked).trained == classifier + count(asked._replace(approach="generalization")).trained


class MadeLate(Learner):
    """Makes what it trains when it first sees features."""

    def losses(self, labelled, unlabelled, progress):
        self.late = torch.nn.Linear(2, 2)
        yield from super().losses(labelled, unlabelled, progress)


def test_what_a_learner_makes_too_late_to_be_trained_or_resumed_is_told():
    register_model(FEW)
    register(Approach("late", "Late", learner=MadeLate))
    with pytest.raises(
        ValueError, match=r"the learner is to have all .*, found late.bias, late.weight since"
    ):
        count(Asked("few", {}, "late", None, False, FEW.config().input.frames))


def test_a_model_that_remembers_frames_is_asked_to_go_on_before_it_trains():
    """Its test failed at a clip's second window."""

    @dataclass(frozen=True)
    class Every(FEW.config):
        @property
        def input(self):
            return replace(super().input, answers="every")

    class Remembers(FEW.build):
        def forward(self, clips, domain=None, *, unlabelled=False):
            found = super().forward(clips, domain)
            maps = found.saliency.expand(-1, clips.shape[2], -1, -1)
            return replace(found, saliency=maps, state=maps[:, -1])

    class GoesOn(Remembers):
        def answer(self, clips, domain=None, state=None):
            return self(clips if state is None else clips + state.mean(), domain)

    for word, build in (("remembers", Remembers), ("goes-on", GoesOn)):
        register_model(replace(FEW, word=word, config=Every, build=build))
    asked = Asked("goes-on", {}, "generalization", None, False, FEW.config().input.frames)
    require_answer_of(asked)
    with pytest.raises(ValueError, match="Remembers is to have an `answer` that goes on"):
        require_answer_of(asked._replace(model="remembers"))


def test_a_model_may_take_a_gradient_where_it_predicts():
    """Energies do; in a test, too, only the clips are made without gradients."""

    class Moved(FEW.build):
        def forward(self, clips, domain=None, *, unlabelled=False):
            with torch.inference_mode(False), torch.enable_grad():
                moved = clips.clone().requires_grad_()
                (gradient,) = torch.autograd.grad(super().forward(moved).saliency.sum(), moved)
            return super().forward(clips + gradient)

    register_model(replace(FEW, word="moved", build=Moved))
    require_answer_of(Asked("moved", {}, "generalization", None, False, FEW.config().input.frames))
