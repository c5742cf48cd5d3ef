"""UNISAL with maps of a size of their own in the loss, selected as its released code selects."""

import numpy as np
import pytest
import torch

from datasets.corpora.saliency_maps import read_map
from grid.commands.cost import estimate
from grid.commands.devices import named
from grid.planning.prepare import prepare
from grid.training.decode import fill
from grid.training.feed import Feed
from grid.training.loop import fit
from grid.training.validation import Validation
from hd2s import build_model
from hd2s.models.unisal import targets
from hd2s.training.execution import Execution
from manifests.folds import folded
from tests.grid.grids import Context, assert_goes_on_exactly, job_of

SPEC = """
name: targets
title: Maps of a size of their own
metrics: [NSS]
models: [unisal]
sources: [UCFSports, DHF1K, SALICON]
approaches: [multi-source]
overrides: {model.domain_inputs: true}
"""
NATIVE = {"DHF1K": (90, 160), "SALICON": (120, 160)}
AS_RELEASED = [
    *("model.target_size=released", "train.fixations=nearest", "train.validation_windows=2"),
    *("train.validation_starts=released", "train.validation_loss=training"),
    *("train.validation_source=DHF1K", "train.validation_from=2"),
]
SHORT = [
    *("train.iterations=8", "train.validate_every=2", "train.micro_batch=2", "train.photograph_batch=3"),
    "test.eight_bit=false",
]


@pytest.fixture
def planned(small_demo, monkeypatch):
    """A small grid of the demo's corpora, whose maps have the size that they are shipped in."""
    sizes = {name: f"{height}x{width}" for name, (height, width) in NATIVE.items()}
    monkeypatch.setattr(targets, "_RELEASED", sizes)
    (small_demo / "targets.yaml").write_text(SPEC)

    def plan(*more):
        place = str(small_demo / "targets.yaml")
        return prepare(place, [*SHORT, *more], small_demo, demo=True, tell=lambda text: None)

    return plan


def parts_of(grid):
    job = job_of(grid, "multi-source")
    model = build_model("unisal", **job.spec.model.options)
    return job, model, Feed(job, model, torch.device("cpu"), 0)


@pytest.mark.slow
def test_maps_and_fixations_are_those_that_are_shipped(planned):
    job, _, feed = parts_of(planned(*AS_RELEASED))
    fill(job)
    seen = {}
    for (batch,), _ in feed.micro_batches(0):
        seen[batch.source] = batch
        size = NATIVE.get(batch.source, (64, 64))
        assert batch.truth.shape == batch.fixations.shape == (*batch.truth.shape[:2], *size)
    assert {name: tuple(batch.clips.shape[-2:]) for name, batch in seen.items()} == {
        "UCFSports": (64, 64),
        "DHF1K": (64, 96),
        "SALICON": (64, 96),
    }
    place = job.manifests["DHF1K"].open()
    clips = {clip.clip: clip for clip in place.clips("train")}
    for key, maps, counts in zip(
        seen["DHF1K"].keys, seen["DHF1K"].truth, seen["DHF1K"].fixations, strict=True
    ):
        name, start = key.removeprefix("DHF1K/").removesuffix("~").split("@")
        for n, frame in enumerate(range(int(start), int(start) + 8, 2)):
            truth = read_map(place.root, clips[name], frame)
            points = place.fixations("train").frame(name, frame)
            count = np.zeros(NATIVE["DHF1K"], np.uint8)
            count[points[:, 0], points[:, 1]] = 1
            if key.endswith("~"):
                truth, count = truth[:, ::-1], count[:, ::-1]
            np.testing.assert_array_equal((maps[n] * 255).round().byte().numpy(), truth)
            np.testing.assert_array_equal(counts[n].byte().numpy(), count)


def test_reads_cost_and_ids_are_of_what_is_asked_for(planned):
    (plain,), (asked,) = (planned(*more).plan.trainings.values() for more in ((), AS_RELEASED))
    assert plain.id != asked.id
    sizes = {(read.corpus, read.split): read.map_size for read in asked.reads}
    assert sizes == {
        ("UCFSports", "train"): None,
        ("DHF1K", "train"): NATIVE["DHF1K"],
        ("SALICON", "train"): NATIVE["SALICON"],
        ("DHF1K", "val"): NATIVE["DHF1K"],
    }
    assert {read.map_size for read in plain.reads} == {None}
    assert (plain.spec.validation.corpus, asked.spec.validation.corpus) == ("UCFSports", "DHF1K")
    grid = planned(*AS_RELEASED)
    clips = folded(grid.manifests["DHF1K"], None).clips("val")
    work = estimate(grid, named("H200")).trainings[asked.id]
    assert work.validation_clips == 4 * 2 * len(clips)
    (whole,) = planned(*AS_RELEASED[:1], "train.validation_windows=null").plan.trainings.values()
    assert {read.map_size for read in whole.reads if read.split == "val"} == {None}


@pytest.mark.slow
def test_the_validation_loss_is_that_of_training_on_the_released_windows(planned):
    job, model, feed = parts_of(planned(*AS_RELEASED))
    validation, model = Validation(feed, Execution().resolve(torch.device("cpu"))), model.eval()
    with torch.inference_mode():
        found = validation.losses(model, "DHF1K", 0)
        batches = list(feed.validation("DHF1K", 0))
        terms = []
        for batch in batches:
            there = model(batch.clips, target_size=NATIVE["DHF1K"])
            losses = model.losses(there, batch.truth, fixations=batch.fixations)
            terms += [(losses["kld/saliency"], sum(losses.values()))] * len(batch.clips)
    starts = {int(key.split("@")[1]) for batch in batches for key in batch.keys}
    assert all(start > 0 for start in starts)
    assert len({key for batch in batches for key in batch.keys}) == 2 * len(
        job.manifests["DHF1K"].open().clips("val")
    )
    assert found == pytest.approx(torch.tensor(terms).mean(0).tolist(), rel=1e-5)
    assert abs(found.selecting - found.kld) > 1e-3


@pytest.mark.slow
def test_it_is_trained_selected_and_resumed_so(planned):
    job = job_of(planned(*AS_RELEASED, "train.checkpoint_every=6"), "multi-source")
    summary = assert_goes_on_exactly(job, die_at=6)
    curve = {name: [] for name in ("val/loss", "val/kld")}
    for row in summary["curve"]:
        curve.get(row["name"], []).append(row["value"])
    assert len(curve["val/loss"]) == len(curve["val/kld"]) == 4
    chosen = int(np.argmin(curve["val/loss"][2:])) + 2
    assert summary["best_step"] == 2 * (chosen + 1)
    assert summary["best_kld"] == curve["val/kld"][chosen]


@pytest.mark.slow
def test_whole_clips_are_validated_at_the_size_that_they_are_predicted_at(planned):
    more = ("model.target_size=released", "train.validation_windows=null", "train.iterations=2")
    summary = fit(job_of(planned(*more, "train.validation_source=DHF1K"), "multi-source"), Context())
    (found,) = [row["value"] for row in summary["curve"] if row["name"] == "val/kld"]
    assert found > 0
