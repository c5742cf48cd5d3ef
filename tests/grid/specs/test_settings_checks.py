"""Values of the right type that cannot work are told, with what is expected of them."""

import pytest

from grid.specs import settings_reader
from grid.specs.grid_reader import load
from grid.specs.settings_checks import before_protocols, contradictions, impossible, overruled
from manifests.problem import ProblemError


@pytest.mark.parametrize(
    "override",
    [
        "model.height=50",
        "model.clip_length=12",
        "train.micro_batch=0",
        "train.lr=-1",
        "train.lr=nan",
        "train.weight_decay=-1",
        "test.smoothing_sigma=0",
        "test.smoothing_sigma=1000000000.0",
        "model.bn_momentum=5",
        "model.fusion_gain=-1",
        "resources.train.cpu=0",
        "resources.loader_workers=-1",
        "resources.evaluate.gpu=-2",
        "frames.limit_gib=-1",
        "frames.limit_gib=inf",
        "train.clip_gradient=0",
        "train.momentum=-0.1",
        "train.lr_decay=-1",
        "train.lr_period=-1",
        "train.lr_milestones=[0,5]",
        "train.optimiser=lion",
        "train.lr_curve=linear",
        "train.lr_warmup=-1",
        "train.validation_from=-1",
        "train.validation_starts=anywhere",
        "train.validation_loss=nss",
        "train.protocol=publised",
        "test.precision=float16",
        "tables.paper=all",
        "tables.notes=long",
        "tables.digits=7",
        "tracking.models=always",
        "select=oracle",
        "seeds=[]",
        "seeds=[1,1]",
        "seeds=[-1]",
    ],
)
def test_impossible_values_are_problems(override):
    key, _, value = override.partition("=")
    with pytest.raises(ProblemError) as caught:
        settings_reader.load([override], demo=True)
    (problem,) = caught.value.problems
    assert problem.where == key
    assert value.strip("[]") in problem.found.replace(" ", "") or key == "train.lr_milestones"


def test_the_loss_of_training_selects_by_windows_alone():
    with pytest.raises(ProblemError, match=r"train.validation_windows: expected a number of them"):
        settings_reader.load(["train.validation_loss=training"], demo=False)
    by_windows = ["train.validation_loss=training", "train.validation_windows=3"]
    assert settings_reader.load(by_windows, demo=False).train.validation_loss == "training"


def test_micro_batches_are_shared_out_evenly():
    with pytest.raises(ProblemError, match=r"train.accumulate: expected a multiple of train.world_size=4"):
        settings_reader.load(["train.world_size=4", "train.non_finite=skip"], demo=False)
    with pytest.raises(ProblemError, match=r"train.world_size: expected at most train.accumulate=25"):
        settings_reader.load(["train.world_size=26"], demo=False)
    for workers in (2, 4, 8):
        assert settings_reader.load([f"train.world_size={workers}"], demo=False).train.world_size == workers
    assert settings_reader.load(["train.world_size=5"], demo=False).train.world_size == 5


def test_workers_of_one_training_share_no_gpu_by_which_they_could_not_exchange():
    told = r"resources.train.gpu: expected whole GPUs with train.world_size=2"
    for share in (0.5, -0.5):
        with pytest.raises(ProblemError, match=told):
            settings_reader.load(["train.world_size=2", f"resources.train.gpu={share}"], demo=False)
        assert settings_reader.load([f"resources.train.gpu={share}"], demo=False).resources.train.gpu == share
    for whole in (-1, 0, 2):
        settings_reader.load(["train.world_size=2", f"resources.train.gpu={whole}"], demo=False)


def test_a_part_of_a_gpu_beside_whole_ones_which_ray_refuses_is_told():
    for unit in ("train", "evaluate"):
        key = f"resources.{unit}.gpu"
        with pytest.raises(ProblemError, match=f"{key}: expected a part of one GPU, or whole ones"):
            settings_reader.load([f"{key}=1.5"], demo=False)
        for share in (0.25, 1, 2):
            settings_reader.load([f"{key}={share}"], demo=False)


def test_the_protocols_of_tests_are_the_models_own():
    """A plain frame has no first frames of its own: whichever way is asked for is the same."""
    settings_reader.load(["test.protocol=released"], demo=False)
    settings_reader.load(["test.protocol=released"], demo=False, model="centre_prior")
    with pytest.raises(ProblemError, match=r"test.protocol: expected a known word, found 'relased'. Did you"):
        settings_reader.load(["test.protocol=relased"], demo=False, model="centre_prior")


@pytest.mark.parametrize("demo", [False, True])
@pytest.mark.parametrize("model", ["hd2s", "centre_prior", "chance"])
def test_what_models_come_with_is_possible(model, demo):
    assert impossible(settings_reader.load([], demo=demo, model=model)) == []


@pytest.mark.parametrize("select", ["[source,[target]]", "{target: 1}", "[]", "oracle", "[last,last]", "3"])
def test_a_selection_that_is_no_list_of_known_words_is_told(select):
    with pytest.raises(ProblemError, match="select: expected a"):
        settings_reader.load([f"select={select}"], demo=True)


@pytest.mark.parametrize("seeds", ["[[1, 2]]", "[a]", "[1.5]", "[]", "[1, 1]", "[-1]", f"[{2**63}]"])
def test_seeds_that_are_no_different_whole_numbers_are_told_as_they_were_written(seeds):
    with pytest.raises(ProblemError, match="seeds: expected") as told:
        settings_reader.load([f"seeds={seeds}"], demo=True)
    assert "$VALUE" not in str(told.value)


SWEPT = """
name: swept
title: Swept
metrics: [NSS]
sources: [DHF1K]
targets: [UCFSports]
approaches: [generalization]
overrides: {train.weight_decay: 0.5}
variants: {plain: {}, single: {train.multi_level: false, train.lr: 0.1}}
sweep: {train.accumulate: [1, 2]}
"""


def test_a_setting_that_rows_set_otherwise_is_told(tmp_path):
    path = tmp_path / "swept.yaml"
    path.write_text(SWEPT)
    spec = load(str(path))
    assert overruled(spec, ["train.lr=0.3", "train.accumulate=1", "train.weight_decay=0.1"]) == [
        "train.lr=0.3 is overruled in swept: row 'single' sets 0.1.",
        "train.accumulate=1 is overruled in swept: its sweep tries 2.",
    ]
    assert overruled(spec, ["train={multi_level: true, lr: 0.1}"]) == [
        "train.multi_level=True is overruled in swept: row 'single' sets False.",
    ]
    assert overruled(spec, ["resources.train.cpu=1"]) == []
    path.write_text(SWEPT.replace("train.lr: 0.1", "model.hd2s.height: 64"))
    assert overruled(load(str(path)), ["model.height=96", "model.tased.height=32"]) == [
        "model.height=96 is overruled in swept: row 'single' sets 64."
    ]
    assert overruled(spec, ["model=[hd2s,centre_prior]", "model.height=32"]) == []


def test_what_goes_before_a_protocol_is_told():
    stood_for = {
        "": {"model.quantise": True, "train.iterations": 5000, "train.gradients": "sum"},
        "adaptation": {"model.quantise": True, "train.iterations": 2500, "train.gradients": "sum"},
    }
    asked = ["model=hd2s", "model.hd2s.quantise=false", "train={iterations: 7, gradients: sum}"]
    assert before_protocols("hd2s", stood_for, asked) == [
        "model.quantise=False goes before what train.protocol stands for with hd2s: True.",
        "train.iterations=7 goes before what train.protocol stands for with hd2s: 5000, 2500 in adaptation.",
    ]
    assert before_protocols("hd2s", {"": {}}, asked) == []


def test_what_is_given_twice_with_different_values_is_told():
    twice = ["train.lr=1e-3", "seeds=[0]", "train.lr=0.002", "seeds=[0]"]
    assert contradictions(twice) == ["train.lr is given twice: 0.001, and then 0.002, which counts."]
    assert contradictions(["model.height=64", "model.hd2s.height=96", "model.tased.height=32"]) == []
    assert contradictions(["model.hd2s.height=96", "model.height=64"]) == [
        "model.hd2s.height is given twice: 96, and then 64, which counts."
    ]
