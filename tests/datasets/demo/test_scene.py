"""Scenes: what moves where, turning round at the sides, and frames that show it."""

from dataclasses import replace

import numpy as np
import pytest

from datasets.demo.cast import takes
from datasets.demo.domains import DHF1K, DOMAINS
from datasets.demo.scene import Motion, render, stage


def test_another_seed_gives_another_scene():
    take = takes(DHF1K, seed=0)[0]
    starts = [stage(DHF1K, take, seed).motion.start[0] for seed in (0, 1)]
    assert not np.allclose(*starts)


def test_figures_turn_round_at_the_sides():
    motion = Motion(
        start=np.array([[1.0, 0.5]]),
        velocity=np.array([[1.0, 0.0]]),
        low=np.array([[0.0, 0.0]]),
        high=np.array([[2.0, 1.0]]),
    )
    seconds = np.array([0.0, 0.5, 1.0, 1.5, 3.0, 4.0, -1.0, -1.5])
    at = motion.at(seconds, np.zeros(len(seconds), int))
    np.testing.assert_allclose(at[:, 0], [1.0, 1.5, 2.0, 1.5, 0.0, 1.0, 0.0, 0.5])
    np.testing.assert_allclose(at[:, 1], 0.5)


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.word)
def test_figures_stay_in_the_frame(domain):
    for take in takes(domain, 0)[:4]:
        scene = stage(domain, take, 0)
        seconds = np.linspace(-1, 20, 300)
        for figure in range(len(scene.sizes)):
            at = scene.motion.at(seconds, np.full(300, figure))
            assert (at >= 0).all()
            assert (at <= (take.width / take.height, 1)).all()


def short(domain, n_frames=3):
    return replace(takes(domain, 0)[0], n_frames=n_frames)


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.word)
def test_frames_show_figures_that_move_over_their_ground(domain):
    take = short(domain, 8)
    scene = stage(domain, take, 0)
    frames = list(render(scene))
    assert [(frame.shape, frame.dtype) for frame in frames] == [((take.height, take.width, 3), np.uint8)] * 8
    again = list(render(stage(domain, take, 0)))
    assert all(np.array_equal(one, other) for one, other in zip(frames, again, strict=True))
    still = replace(scene, motion=replace(scene.motion, velocity=scene.motion.velocity * 1e-9), pan=0.0)
    kept = list(render(still))
    moved = [np.abs(f[-1].astype(int) - f[0]).max(axis=2) > 60 for f in (frames, kept)]
    # What stands still differs by its grain alone.
    assert moved[0].sum() > 20 * max(moved[1].sum(), 1)
