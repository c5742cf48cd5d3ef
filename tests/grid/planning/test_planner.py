"""Plans: Table 5's counts and parents, shared trainings, several models, and what is wrong with rows."""

from collections import Counter
from dataclasses import replace

import pytest

from grid.planning import planner
from grid.specs import grid_reader
from grid.specs.plugins import load
from hd2s.approaches import registry as approaches
from hd2s.models import registry as models
from hd2s.models.centre_prior import MODEL as CENTRE_PRIOR
from manifests.problem import ProblemError
from tests.grid.plans import CORPORA, DIGESTS, configuring, of_approach, plan_of
from tests.plugged import OURS

TABLE = """
name: own
title: Own
metrics: [NSS]
sources: [DHF1K]
targets: [UCFSports]
approaches: [generalization, adaptation]
"""


@pytest.fixture
def own(tmp_path):
    """Plans a table of the test's own: `TABLE` with more lines, or with some words in place of others."""

    def make(more="", *overrides, **instead):
        path, text = tmp_path / "own.yaml", TABLE
        for word, other in instead.items():
            text = text.replace(word, other)
        path.write_text(f"{text}{more}\n")
        return plan_of(path, *overrides)

    return make


def test_what_an_approach_of_a_plug_in_raises_is_a_problem_of_its_rows(own, monkeypatch):
    load([OURS])
    mirror = approaches.approaches()["mirror"]
    fails = replace(mirror, unlabelled=lambda sources, target: {}[target])
    monkeypatch.setitem(approaches.APPROACHES.plugged_in, "mirror", fails)
    with pytest.raises(ProblemError) as caught:
        own(adaptation="mirror")
    told = str(caught.value)
    assert told.startswith(
        f"own, approach mirror of {OURS}/tiny_approach.py: expected code that runs, found "
    )
    assert "KeyError: 'UCFSports'" in told


def corpora(entries):
    return [entry.corpus for entry in entries]


def test_table5_is_18_cells_15_trainings_and_18_evaluations():
    plan = plan_of("domain_shift")
    assert (len(plan.cells), len(plan.trainings), len(plan.evaluations)) == (18, 15, 18)
    assert Counter(t.approach for t in plan.trainings.values()) == {
        "generalization": 3,
        "adaptation": 6,
        "transfer": 6,
    }


def test_transfer_fine_tunes_the_source_model_and_nothing_else_has_a_parent():
    plan = plan_of("domain_shift")
    for training in plan.trainings.values():
        if training.approach != "transfer":
            assert training.parent is None
            continue
        parent = plan.trainings[training.parent]
        assert (parent.approach, parent.sources, parent.target) == ("generalization", training.sources, None)
        assert corpora(training.spec.labelled) == [training.target]


def test_parents_come_before_their_children():
    order = list(plan_of("domain_shift").trainings)
    for training in plan_of("domain_shift").trainings.values():
        if training.parent:
            assert order.index(training.parent) < order.index(training.id)


def test_adaptation_sees_the_target_without_labels_and_is_selected_on_the_source():
    training = of_approach(plan_of("domain_shift"), "adaptation")[0]
    assert (training.sources, training.target) == (("DHF1K",), "UCFSports")
    assert corpora(training.spec.labelled) == ["DHF1K"]
    assert corpora(training.spec.unlabelled) == ["UCFSports"]
    assert training.spec.validation.corpus == "DHF1K"


def test_every_cell_is_tested_on_its_target():
    plan = plan_of("domain_shift")
    for cell in plan.cells:
        evaluation = plan.evaluations[cell.evaluation]
        assert (cell.test, evaluation.test, evaluation.training) == (cell.target, cell.target, cell.training)


def test_the_papers_18_trainings():
    plan = plan_of("paper")
    assert Counter(training.approach for training in plan.trainings.values()) == {
        "generalization": 3,
        "adaptation": 6 + 1,
        "transfer": 6,
        "multi-source": 1,
        "domain-specific": 1,
    }
    parents = {t.parent for t in plan.trainings.values() if t.parent}
    assert {plan.trainings[parent].approach for parent in parents} == {"generalization"}
    assert len(parents) == 3


def test_single_source_is_the_model_that_generalization_trains():
    shift, single = plan_of("table5"), plan_of("table7")
    shared = set(shift.trainings) & set(single.trainings)
    assert {shift.trainings[unit].approach for unit in shared} == {"generalization"}
    assert len(shared) == 3


def test_table6_tests_on_corpora_that_took_no_part():
    plan = plan_of("table6")
    (adaptation,) = of_approach(plan, "adaptation")
    assert (adaptation.sources, adaptation.target) == (("DHF1K",), "LEDOV")
    assert {(cell.approach, cell.target, cell.test) for cell in plan.cells} == {
        (approach, "LEDOV", test)
        for approach in ("generalization", "adaptation")
        for test in ("UCFSports", "Hollywood2")
    }


def test_pooled_sources_train_together_and_are_selected_on_the_first():
    plan = plan_of("table7")
    domains = {"multi-source": {}, "domain-specific": {"domains": list(CORPORA[:3])}}
    for word, options in domains.items():
        (training,) = of_approach(plan, word)
        assert corpora(training.spec.labelled) == list(CORPORA[:3])
        assert training.spec.validation.corpus == "DHF1K"
        assert (training.spec.model.name, training.spec.approach.name) == ("hd2s", word)
        assert {key: list(value) for key, value in training.spec.model.options.items()} == options


def test_pooled_sources_without_any_beside_the_target_have_no_place(own):
    plan = own(UCFSports="DHF1K, UCFSports", generalization="multi-source", **{", adaptation": ""})
    assert [(cell.sources, cell.target) for cell in plan.cells] == [(("DHF1K",), "UCFSports")]


def test_a_calibration_is_a_child_of_generalization_that_learns_from_the_target(own):
    plan = own("", "train.finetune_iterations=30", adaptation="calibration, transfer")
    (training,), (transfer,) = of_approach(plan, "calibration"), of_approach(plan, "transfer")
    assert (training.sources, training.target) == (("DHF1K",), "UCFSports")
    parent = plan.trainings[training.parent]
    assert (parent.approach, parent.sources, parent.target) == ("generalization", ("DHF1K",), None)
    assert corpora(training.spec.labelled) == ["UCFSports"]
    assert training.spec.validation.corpus == "UCFSports"
    assert training.spec.unlabelled == ()
    assert training.spec.approach.name == "calibration"
    assert training.iterations == 30
    assert transfer.parent == training.parent
    assert {cell.test for cell in plan.cells} == {"UCFSports"}


def test_adabn_reads_the_target_alone_without_maps_and_the_source_validates(own):
    plan = own("", "approach.adabn.iterations=3", adaptation="adabn")
    (training,) = of_approach(plan, "adabn")
    assert (training.sources, training.target) == (("DHF1K",), "UCFSports")
    assert plan.trainings[training.parent].approach == "generalization"
    assert (training.spec.labelled, corpora(training.spec.unlabelled)) == ((), ["UCFSports"])
    assert training.spec.validation.corpus == "DHF1K"
    assert training.iterations == 3
    assert {(read.corpus, read.split, maps) for read, maps in training.reads.items()} == {
        ("UCFSports", "train", False),
        ("DHF1K", "val", True),
    }


def test_target_only_is_the_training_that_generalization_has_with_the_target_as_its_source(tmp_path):
    path = tmp_path / "bounds.yaml"
    path.write_text(
        "name: bounds\ntitle: B\nmetrics: [NSS]\nsources: [DHF1K, UCFSports, Hollywood2]\n"
        "targets: [DHF1K, UCFSports, Hollywood2]\napproaches: [generalization, target-only]\n"
    )
    plan = plan_of(path)
    assert (len(plan.cells), len(plan.trainings), len(plan.evaluations)) == (12, 3, 9)
    for cell in plan.cells:
        trained = plan.trainings[cell.training]
        expected = cell.target if cell.approach == "target-only" else cell.sources[0]
        assert (trained.approach, trained.sources, trained.target) == ("generalization", (expected,), None)
        assert cell.test == cell.target


def test_levels_that_a_model_has_not_are_told_with_the_plan(own):
    with pytest.raises(ProblemError, match=r"approach.adaptation.levels: expected different ones of 1, 2, 3"):
        own("", "approach.adaptation.levels=[7]")


def test_a_model_without_weights_stands_in_table_5s_places_planned_without_any_work():
    plan, alone = plan_of("table5", "model=[hd2s,centre_prior]"), plan_of("table5")
    rows = {model: [c for c in plan.cells if c.model == model] for model in ("hd2s", "centre_prior")}
    place = {model: list(dict.fromkeys((c.sources, c.target, c.test) for c in rows[model])) for model in rows}
    assert place["centre_prior"] == place["hd2s"]
    assert [c.approach for c in rows["centre_prior"]] == ["untrained"] * 6
    assert len(rows["hd2s"]) == 18
    assert plan.trainings.keys() > alone.trainings.keys(), "a model beside another leaves its work as it was"
    more = [training for training in plan.trainings.values() if training.model == "centre_prior"]
    assert [(t.approach, t.sources, t.target) for t in more] == [
        ("untrained", (source,), None) for source in ("DHF1K", "UCFSports", "Hollywood2")
    ]
    assert {(t.iterations, t.clips, t.parent, t.spec.model.weights) for t in more} == {(0, 0, None, None)}
    assert {t.label for t in more} >= {"centre_prior untrained DHF1K"}, "named where there are several"
    assert {t.label for t in of_approach(plan, "generalization")} >= {"hd2s generalization DHF1K"}


def test_two_seeds_share_a_training_without_weights_and_its_evaluation():
    plan = plan_of("table5", "model=[hd2s,chance]", "seeds=[0,1]")
    cells = [cell for cell in plan.cells if cell.model == "chance"]
    assert len(cells) == len({cell.id for cell in cells}) == 6 * 2
    assert len({cell.training for cell in cells}) == 3
    assert len({cell.evaluation for cell in cells}) == 6
    assert len([t for t in plan.trainings.values() if t.model == "hd2s"]) == 2 * 15


def without_features(monkeypatch):
    """Plug in a model that trains and has no features."""
    monkeypatch.setitem(models.MODELS.plugged_in, "plain", replace(CENTRE_PRIOR, word="plain", trains=True))


def test_what_a_model_cannot_take_is_told_with_the_other_mistakes(own, monkeypatch):
    without_features(monkeypatch)
    with pytest.raises(ProblemError) as caught:
        own("models: [hd2s, plain, chance]\nvariants: {'': {}, fast: {train.rl: 1, model.height: 50}}")
    told = list(map(str, caught.value.problems))
    assert told == [
        "own, model plain: expected a model with features, which adaptation works on, found one without."
        " Leave adaptation out of the approaches, or plain out of the models.",
        "own, settings: expected a known setting, found 'train.rl'. Did you mean train.lr? Available: "
        + told[1].partition("Available: ")[2],
        "own, model.height: expected a positive multiple of 32, found 50. Correct it.",
    ]


def test_models_that_lack_what_an_approach_needs_leave_the_sound_rows_planned(tmp_path, monkeypatch):
    without_features(monkeypatch)
    path = tmp_path / "own.yaml"
    path.write_text(f"{TABLE}models: [hd2s, plain, chance]\n")
    spec = grid_reader.load(str(path))
    plan, problems = planner.draft(spec, configuring([], among=spec.models()), DIGESTS, {})
    assert len(problems) == 1
    assert [(cell.model, cell.approach) for cell in plan.cells] == [
        ("hd2s", "generalization"),
        ("plain", "generalization"),
        ("hd2s", "adaptation"),
        ("chance", "untrained"),
    ]


def test_what_an_approach_adds_to_a_configuration_must_suit_it(own):
    with pytest.raises(ProblemError, match=r"domain-specific of hd2s: .*names of letters, digits and"):
        alone = {", adaptation": "", "generalization": "domain-specific"}
        own(DHF1K="My-Corpus, DHF1K", targets="tests", UCFSports="source", **alone)


def test_wrong_settings_of_a_table_and_its_sweep_are_told_together(own):
    with pytest.raises(ProblemError) as caught:
        own("overrides: {model.conspicuity: [5]}\nsweep: {train.rl: [1], train.weight_decay: [0, -1]}")
    told = str(caught.value)
    assert "own, settings: expected a known setting, found 'train.rl'. Did you mean train.lr?" in told
    assert "own, train.weight_decay: expected 0 or more, found -1" in told
    assert "own, model.conspicuity: expected levels out of 1, 2, 3, 4, ascending, found (5,)" in told


def test_what_is_known_to_be_wrong_is_not_said_of_each_row():
    spec = grid_reader.load("table5")
    configure = configuring(["train.lr=-1"])
    with pytest.raises(ProblemError) as caught:
        configure("hd2s", (), ())
    assert planner.draft(spec, configure, DIGESTS, {})[1][0].where == "table5, train.lr"
    assert planner.draft(spec, configure, DIGESTS, {}, caught.value.problems)[1] == []


def test_a_batch_too_small_for_an_approach_is_told_with_the_plan(own):
    with pytest.raises(ProblemError, match=r"train.micro_batch: expected 2 or more, which adaptation"):
        own("", "train.micro_batch=1")
    assert own("", "train.micro_batch=2").cells


KINETICS = {"hd2s": "k" * 64}


@pytest.fixture(scope="module")
def released():
    return plan_of("paper", "train.protocol=released", weights=KINETICS)


@pytest.mark.slow
def test_released_trainings_are_those_of_the_released_scripts(released):
    """Read off train.py and train_DA.py, which has the target's whole training folder and no Kinetics."""
    base, adapted = (of_approach(released, word) for word in ("generalization", "adaptation"))
    for training in base:
        train = training.spec.train
        assert (train.micro_batch, train.accumulate, train.iterations) == (16, 25, 5000)
        assert (train.gradients, train.validation_clips) == ("sum", "random half")
        assert (train.resizing, training.spec.validation_resizing) == ("opencv-bilinear", "opencv-bicubic")
        assert training.spec.model.weights == KINETICS["hd2s"]
    for training in adapted:
        train = training.spec.train
        assert (train.micro_batch, train.accumulate, train.iterations) == (8, 25, 2500)
        assert (train.lambda_every, train.adversarial_multi_level) == ("micro-batch", False)
        assert training.spec.model.weights is None
        (target,) = training.spec.unlabelled
        held_out = "" if training.target == "LEDOV" else f"+{training.target}'s val"
        assert target.digest == f"{training.target}'s train{held_out}"
        seen = {read.split for read, maps in training.reads.items() if not maps}
        assert seen == ({"train", "val"} if held_out else {"train"})
    assert {t.target for t in adapted} > {"LEDOV"}, "which is published with a validation split"
    assert {t.parent for t in of_approach(released, "transfer")} == {t.id for t in base}
    (domains,) = of_approach(released, "domain-specific")
    assert (domains.spec.train.micro_batch, domains.spec.model.config.quantise) == (8, True)
    told = base[0].spec.as_settings()["train"]
    assert told["gradients"] == "sum"
    assert "protocol" not in told, "which would say paper where it is all spelt out"


@pytest.mark.slow
def test_what_a_user_sets_goes_before_a_protocol():
    asked = ("train.protocol=released", "model.quantise=false", "train.pretrained=true", "train.iterations=7")
    plan = plan_of("paper", *asked, weights=KINETICS)
    (domains,) = of_approach(plan, "domain-specific")
    assert not domains.spec.model.config.quantise
    adapted = of_approach(plan, "adaptation")
    assert {t.spec.model.weights for t in adapted} == {KINETICS["hd2s"]}
    assert {t.iterations for t in adapted} == {7}


@pytest.mark.slow
def test_a_protocol_and_what_it_stands_for_are_one_training(released):
    spelt = [
        *("train.micro_batch=16", "train.iterations=5000", "train.gradients=sum"),
        *("train.resizing=opencv-bilinear", "train.validation_protocol=released"),
        *("train.validation_clips=random half", "train.sampling=passes"),
    ]
    same = of_approach(plan_of("table5", *spelt, weights=KINETICS), "generalization")
    assert {t.id for t in same} == {t.id for t in of_approach(released, "generalization")}


@pytest.mark.slow
def test_a_released_test_has_ids_of_its_own_since_its_pixels_are_others():
    released, paper = plan_of("table5", "test.protocol=released"), plan_of("table5")
    assert released.trainings.keys() == paper.trainings.keys()
    protocols = [unit.spec.protocol for unit in released.evaluations.values()]
    assert {(p.resizing, p.head, p.quantise, p.truncate) for p in protocols} == {
        ("opencv-bicubic", "colours reversed", True, True)
    }
    antialiased = plan_of("table5", "test.protocol=released", "test.resizing=pil-bilinear")
    assert released.evaluations.keys().isdisjoint(antialiased.evaluations)


@pytest.mark.slow
def test_the_released_tased_net_is_trained_as_its_script_says():
    plan = plan_of("generalization", "model=tased", "train.protocol=released")
    (first, *_) = of_approach(plan, "generalization")
    train = first.spec.train
    assert (train.optimiser, train.momentum, train.lr, train.weight_decay) == ("sgd", 0.9, 0.1, 2e-7)
    assert (train.lr_decay, tuple(train.lr_milestones), train.iterations) == (0.1, (750, 950), 1000)
    assert (train.micro_batch, train.accumulate, train.gradients) == (8, 5, "sum")
    assert (train.selection, train.resizing) == ("last", "opencv-bilinear")
    assert (first.spec.model.config.loss, first.spec.model.config.batch_norm_parts) == ("batch", 2)
    assert first.spec.model.config.encoder_lr * train.lr == pytest.approx(1e-3)


def test_short_test_clips_begin_again_with_tased_net_as_its_paper_says():
    def said(name):
        return {unit.spec.protocol.short_clips for unit in plan_of(name).evaluations.values()}

    assert (said("tased_table3"), said("table5")) == ({"looped"}, {"reflected"})


def test_a_batch_too_small_for_a_model_is_told_for_every_approach_that_trains_it(own):
    """At 32 × 32 the deepest features are a single value, of which a batch norm takes two."""
    small = ("train.micro_batch=1", "model.height=32", "model.width=32")
    with pytest.raises(ProblemError) as caught:
        own("", *small)
    told = str(caught.value)
    assert "2 or more, which hd2s at 16 × 32 × 32 needs, found 1" in told
    assert "which adaptation needs" in told
