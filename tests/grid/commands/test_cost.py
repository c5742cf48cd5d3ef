"""What a grid costs, against counts by hand."""

import json
from dataclasses import fields, replace
from io import StringIO
from types import SimpleNamespace

import pytest
from rich.console import Console

from grid.commands.cost import _predicting, estimate
from grid.commands.devices import Device, named, recognise
from grid.commands.operations import costs_of
from grid.commands.terminal.report import as_json, plan_table
from grid.planning import planner as planning
from grid.planning.prepare import Grid
from grid.specs import grid_reader as specs
from grid.specs import settings_reader
from manifests.schema import Clip
from tests.grid.invented import evaluate, train

# Of each split; 40 frames give 4 windows of 16 for validation, 17 give 2, and 10 are too short for any.
LENGTHS = (40, 17, 10)
FORWARD = 22.0e9  # HD2S at 16×128×192, 2 operations for a multiplication with an addition
# Backward twice the forward pass, but for the gradient of the clips, which the first convolution is spared:
# 64 channels of 3×7×7 products at 16×64×96 places.
STEP = 3 * FORWARD - 2 * 64 * 3 * 7 * 7 * 16 * 64 * 96
WEIGHTS = 119.4e6  # bytes of HD2S' state dict: 29.8 M parameters and the statistics of its batch norms
H200 = named("H200")


def clip(corpus: str, split: str, n_frames: int) -> Clip:
    defaults = {"int": 0, "float": 25.0, "str": "", "tuple[int, ...]": ()}
    values = {field.name: defaults[field.type] for field in fields(Clip)}
    return Clip(
        **(values | {"corpus": corpus, "split": split, "clip": f"{split}{n_frames}", "n_frames": n_frames})
    )


def make(out, name="paper", *overrides) -> Grid:
    overrides = ["model.backbone_weights=none", *overrides]
    config = settings_reader.load(overrides, demo=False)
    manifests = {
        corpus: SimpleNamespace(
            corpus=corpus,
            digest=corpus,
            clips=lambda split, corpus=corpus: [clip(corpus, split, n) for n in LENGTHS],
        )
        for corpus in ("DHF1K", "Hollywood2", "UCFSports", "LEDOV")
    }
    digests = {corpus: dict.fromkeys(("train", "val", "test"), corpus) for corpus in manifests}

    def configure(model, under, over, approach=""):
        return settings_reader.configure(overrides, under, over, demo=False, model=model, approach=approach)

    spec = specs.load(name, specs.Instead(select=settings_reader.selection(config)))
    plan = planning.make(spec, configure, digests, {})
    return Grid(name, tuple(overrides), plan, manifests, {}, config, out, False)


def work_of(grid, approach, device=H200):
    found = estimate(grid, device).trainings
    return next(found[unit.id] for unit in grid.plan.trainings.values() if unit.approach == approach)


@pytest.mark.slow
def test_a_supervised_training_of_the_paper(tmp_path):
    work = work_of(make(tmp_path), "generalization")
    assert work.clips == 2500 * 25 * 8 == 500_000
    assert work.validation_clips == 25 * 57, "every frame of the clips that have a window"
    assert work.flops == pytest.approx(500_000 * STEP + 25 * 57 * 14.65e9, rel=5e-4)
    assert work.device_hours == pytest.approx(500_000 / 4650 / 3600, rel=3e-3), "the calculated limit"


@pytest.mark.slow
def test_a_training_that_keeps_its_last_weights_validates_once(tmp_path):
    work = work_of(make(tmp_path, "paper", "train.selection=last"), "generalization")
    assert work.validation_clips == 57


@pytest.mark.slow
def test_a_validation_of_half_of_the_clips_costs_half(tmp_path):
    whole, half = (
        work_of(make(tmp_path / word, "paper", f"train.validation_clips={word}"), "generalization")
        for word in ("all", "random half")
    )
    assert half.validation_clips == round(whole.validation_clips / 2)
    assert whole.flops - half.flops == pytest.approx(25 * 57 * 14.65e9 / 2, rel=5e-3)


@pytest.mark.slow
def test_whoever_is_to_choose_is_validated_on_and_has_weights_of_its_own(tmp_path):
    grid = make(tmp_path, "table5", "select=[source,target]")
    found, plain = estimate(grid, H200), estimate(make(tmp_path, "table5"), H200)
    assert work_of(grid, "generalization").validation_clips == 3 * 25 * 57
    assert found.left.clips == plain.left.clips
    # Own, target, third corpus, last; what is fine-tuned has the target's in its own.
    assert found.disk.weights == pytest.approx((3 * 4 + 6 * 4 + 6 * 3) * WEIGHTS, rel=0.01)
    assert plain.disk.weights == pytest.approx(15 * WEIGHTS, rel=0.01)


@pytest.mark.slow
def test_adaptation_sees_the_target_as_well(tmp_path):
    work = work_of(make(tmp_path), "adaptation")
    assert work.clips == 1_000_000
    # The target's decoders, 14.3 % of a forward pass, have no backward pass, which is twice that.
    assert work.flops == pytest.approx(500_000 * (2 * STEP - 2 * 0.143 * FORWARD), rel=5e-3)


@pytest.mark.slow
def test_batch_norm_statistics_are_of_the_target_alone(tmp_path):
    assert work_of(make(tmp_path, "controls"), "adabn").clips == 10 * 25 * 8


@pytest.mark.parametrize("approach", ["multi-source", "domain-specific", "transfer"])
@pytest.mark.slow
def test_sources_take_turns(tmp_path, approach):
    work = work_of(make(tmp_path), approach)
    assert work.clips == 500_000
    assert work.flops == pytest.approx(500_000 * STEP, rel=5e-3)


@pytest.mark.slow
def test_the_last_iteration_is_always_validated(tmp_path):
    work = work_of(
        make(tmp_path, "paper", "train.iterations=60", "train.validate_every=25"), "generalization"
    )
    assert (work.clips, work.validation_clips) == (60 * 200, 3 * 57)


@pytest.mark.slow
def test_several_workers_share_the_clips(tmp_path):
    work = work_of(make(tmp_path, "paper", "train.world_size=5"), "generalization")
    assert work.clips == 500_000


def test_every_frame_of_a_test_split_is_predicted_once(tmp_path):
    grid = make(tmp_path, "generalization")
    works = estimate(grid, H200).evaluations
    work = next(works[e.id] for e in grid.plan.evaluations.values() if "generalization" in e.label)
    assert work.frames == 57, "those of the clips of 16 frames or more"
    assert work.flops / 57 == pytest.approx(14.65e9, rel=0.03), "blocks 1 and 2 are shared by windows"
    assert work.device_hours * 3600 == pytest.approx(57 / 34_600 * 14.65 / 22.0, rel=1e-3)


def test_the_grid_needs_what_is_left_of_it(tmp_path):
    grid = make(tmp_path, "domain_shift")
    found = estimate(grid, H200)
    units = list(grid.plan.trainings.values()), list(grid.plan.evaluations.values())
    assert found.left.clips == (3 + 6) * 500_000 + 6 * 1_000_000
    assert found.left.validation_clips == 15 * 25 * 57
    assert found.left.frames == 18 * 57
    assert found.left.device_hours == pytest.approx(
        sum(work.device_hours for work in (*found.trainings.values(), *found.evaluations.values()))
    )
    train(grid.ledger, units[0][0])
    evaluate(grid.ledger, units[1][0])
    after = estimate(grid, H200)
    assert after.left.clips == found.left.clips - 500_000
    assert after.left.frames == 17 * 57
    assert after.trainings == found.trainings, "what is done is still said"
    grid.ledger.write_failure(units[0][1].id, "boom")
    assert estimate(grid, H200).left.clips == after.left.clips - 1_000_000, "failed ones are left alone"
    assert found.disk.weights - after.disk.weights == pytest.approx(WEIGHTS, rel=1e-3)


def test_disk(tmp_path):
    grid = make(tmp_path, "domain_shift")
    disk = estimate(grid, H200).disk
    assert disk.weights == pytest.approx(15 * WEIGHTS, rel=1e-3), "domain classifiers are left behind"
    # One runs at a time: what is trained (adaptation adds 1.65 M parameters of domain classifiers), two
    # moments of it, and the best weights, in two files and a third being written.
    assert disk.states == pytest.approx(3 * (3 * (WEIGHTS + 1.65e6 * 4) + WEIGHTS), rel=1e-3)
    # Train and val of three corpora, of the clips that are long enough: frames and maps.
    assert disk.frames == pytest.approx(3 * 2 * 57 * 128 * 192 * (3 + 1), rel=1e-3)
    assert disk.results == 18 * 57 * (2 * 4 + 6 * 8)
    assert disk.total == disk.weights + disk.states + disk.frames + disk.results


@pytest.mark.slow
def test_states_are_of_the_trainings_that_run_together(tmp_path):
    one = 3 * 4 * WEIGHTS
    eight = Device("x", 1, 1, count=8)
    assert estimate(make(tmp_path, "generalization"), eight).disk.states == pytest.approx(2 * one, rel=0.05)
    halves = make(tmp_path, "paper", "resources.train.gpu=0.5")
    assert estimate(halves, Device("x", 1, 1, count=2)).disk.states == pytest.approx(4 * one, rel=0.06)
    cores = Device("x", 1, None, count=9, unit="core")
    assert estimate(make(tmp_path), cores).disk.states == pytest.approx(2 * one, rel=0.06), "4 cores each"
    never = make(tmp_path, "paper", "train.checkpoint_every=2500")
    assert estimate(never, eight).disk.states == 0


@pytest.mark.slow
def test_the_frame_store_has_a_bound(tmp_path):
    bounded = make(tmp_path, "paper", "frames.limit_gib=0.001")
    assert estimate(bounded, H200).disk.frames == int(0.001 * 2**30)


def test_an_unknown_gpu_has_no_hours(tmp_path):
    grid = make(tmp_path, "generalization")
    found = estimate(grid, recognise("Graphics 9000"))
    assert found.left.device_hours is None
    assert found.left.flops > 0
    assert "unknown for Graphics 9000: name a device like it with --on" in text_of(grid, found)


def text_of(grid, found) -> str:
    console = Console(file=StringIO(), width=100)
    console.print(plan_table(grid.plan, grid.ledger, found))
    return console.file.getvalue()


@pytest.mark.slow
def test_the_plan_reads_well(tmp_path):
    grid = make(tmp_path)
    shown = text_of(grid, estimate(grid, H200))
    words = [" ".join(line.split()) for line in shown.splitlines()]
    unit = next(iter(grid.plan.trainings.values()))
    assert f"todo generalization DHF1K {unit.id.rpartition('-')[2]} 500,000 32 0.03" in words
    row = next(line for line in words if "adaptation DHF1K → LEDOV" in line)
    assert row.endswith("1,000,000 61 0.057")
    assert "12,500,000 clips of training, 25,650 of validation, 1,653 frames of evaluation" in shown
    assert "0.73 GPU-hours on H200: a calculated lower bound" in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_programs_get_the_same_numbers(tmp_path):
    grid = make(tmp_path)
    found = estimate(grid, named("cpu"))
    answer = json.loads(json.dumps(as_json(grid.plan, grid.ledger, found)))
    assert answer["trainings"][0]["estimate"]["clips"] == 500_000
    assert answer["evaluations"][0]["estimate"]["frames"] == 57, "those of the clips of 16 frames or more"
    assert answer["trainings"][0]["status"] == "todo"
    whole = answer["estimate"]
    assert whole["device"]["unit"] == "core"
    assert whole["lower_bound"] is False
    assert whole["clips"] == 12_500_000
    assert whole["flops"] == sum(
        unit["estimate"]["flops"] for key in ("trainings", "evaluations") for unit in answer[key]
    )
    assert whole["disk_bytes"]["total"] == found.disk.total


def test_photographs_share_no_frames_with_each_other(tmp_path):
    """One costs a window where its frame is repeated, and what a frame costs where it stands alone."""
    grid = make(tmp_path, "table6")
    still = [replace(clip("UCFSports", "test", 1), media="image") for _ in range(5)]
    video = [clip("UCFSports", "test", 40)]
    training = next(iter(grid.plan.trainings.values()))
    costs = costs_of(training)
    assert _predicting(training, "UCFSports", [*still, *video]) == 5 * costs.forward + 40 * costs.frame
    assert costs.forward > costs.frame
