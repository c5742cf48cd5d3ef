"""Small grids on the demo corpora, planned for real, and a context that trains without Ray."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from grid.planning.prepare import Grid, prepare
from grid.running.jobs import evaluation_job, training_job
from grid.running.schedule import Share
from grid.training.loop import fit

ONE = Share(cpu=1)
SHORT = ["train.iterations=4", "train.finetune_iterations=2", "train.validate_every=2", "train.micro_batch=2"]
# For tests to which any model will do.
TINY = ["model.height=32", "model.width=32", "model.conspicuity=[1,2]"]

# With what evaluations take the shortest time and have scores: after one iteration a processor may find maps
# of one grey level in 8 bits.
SMALLEST = ["model.height=32", "model.width=32", "train.iterations=1", "train.validate_every=1"]
SMALLEST += ["train.validation_windows=1", "test.eight_bit=false"]

SPEC = """
name: {name}
title: A small grid
metrics: [NSS, CC, SIM, AUC-J, s-AUC]
sources: [{sources}]
approaches: [{approaches}]
"""


def write_spec(
    folder: Path,
    sources="DHF1K",
    targets="UCFSports",
    approaches="generalization, adaptation, transfer",
    name="small",
) -> Path:
    path = folder / f"{name}.yaml"
    spec = SPEC.format(name=name, sources=sources, approaches=approaches)
    path.write_text(spec + (f"targets: [{targets}]\n" if targets else ""))
    return path


def prepare_small(out: Path, *overrides: str, **spec) -> Grid:
    path = write_spec(out, **spec)
    return prepare(str(path), [*SHORT, *overrides], out, demo=True, tell=lambda text: None)


def job_of(grid: Grid, approach: str):
    return next(training_job(grid, t) for t in grid.plan.trainings.values() if t.approach == approach)


def evaluation_job_of(grid: Grid, approach: str):
    return next(
        evaluation_job(grid, e, ONE)
        for e in grid.plan.evaluations.values()
        if grid.plan.trainings[e.training].approach == approach
    )


def with_train(job, **changes):
    """Return a training's job with other settings of optimisation."""
    return replace(job, spec=replace(job.spec, train=replace(job.spec.train, **changes)))


def few_clips_of(job, n=4):
    """Return the job on its `n` shortest test clips, in two parts."""
    clips = sorted(job.expected, key=job.expected.get)[:n]
    few = {clip: job.expected[clip] for clip in clips}
    return replace(job, expected=few, parts=(tuple(clips[::2]), tuple(clips[1::2])))


class Context:
    """`grid.training.loop.Context`: keeps what is reported, and can die at a report as a worker does."""

    device = torch.device("cpu")
    rank = 0

    def __init__(self, state=None, die_at=None):
        self.state, self.die_at, self.rows = state, die_at, []

    def latest(self):
        return self.state

    def asked_to_stop(self):
        return False

    def stopped(self):
        return False

    def report(self, rows, state):
        self.rows += rows
        self.state = state or self.state
        if self.die_at is not None and rows[-1]["step"] >= self.die_at:
            raise KeyboardInterrupt


def weights_of(job):
    return torch.load(job.weights, weights_only=True)["state"]


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def assert_goes_on_exactly(job, *, die_at):
    """Train undisturbed, then again with a death at `die_at`, going on from its state through a file.

    Returns the summary of both.
    """
    undisturbed = fit(job, Context())
    weights = weights_of(job)
    dying = Context(die_at=die_at)
    with pytest.raises(KeyboardInterrupt):
        fit(job, dying)
    file = io.BytesIO()
    torch.save(dying.state, file)
    file.seek(0)
    chosen = {place: torch.load(place, weights_only=True)["state"] for place in job.kept.values()}
    gone_on = fit(job, Context(torch.load(file, weights_only=True)))
    assert (gone_on["curve"], gone_on["kept"]) == (undisturbed["curve"], undisturbed["kept"])
    assert same(weights, weights_of(job))
    assert all(same(found, torch.load(place, weights_only=True)["state"]) for place, found in chosen.items())
    return undisturbed
