"""Observers: one fixation after another, on the frame, and where the corpus was written to say."""

import numpy as np
import pytest

from datasets.demo.cast import takes
from datasets.demo.domains import DHF1K, DOMAINS, LEDOV
from datasets.demo.observers import Gaze, watch
from datasets.demo.scene import stage


@pytest.mark.parametrize("word", ["dhf1k", "hollywood2", "ucf_sports"])
def test_every_frame_of_the_map_corpora_is_fixated_where_the_scene_said(word, demo_manifests):
    domain = next(domain for domain in DOMAINS if domain.word == word)
    take = takes(domain, seed=0)[0]
    gaze = watch(domain, stage(domain, take, seed=0), seed=0)
    read = demo_manifests[word].fixations()
    for i in range(take.n_frames):
        expected = np.unique(gaze.points(1000 * i / float(take.frame_rate)), axis=0)
        np.testing.assert_array_equal(np.unique(read.frame(take.clip, i), axis=0), expected)


def test_the_pixels_fixated_at_an_instant():
    gaze = Gaze(
        start=np.array([[-50.0, 130.0], [0.0, 100.0]]),
        duration=np.array([[100.0, 50.0], [90.0, 50.0]]),
        x=np.array([[3.9, 4.0], [5.0, 6.0]]),
        y=np.array([[1.2, 2.0], [3.0, 4.0]]),
        recorded=np.array([[True, True], [False, True]]),
    )
    assert gaze.points(0).tolist() == [[1, 3]]
    assert gaze.points(49.9).tolist() == [[1, 3]]
    assert gaze.points(50).tolist() == []
    assert gaze.points(140).tolist() == [[2, 4], [4, 6]]
    assert gaze.points(1000).tolist() == []


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.word)
def test_fixations_follow_each_other_until_the_clip_ends(domain):
    take = takes(domain, 0)[0]
    gaze = watch(domain, stage(domain, take, 0), 0)
    assert len(gaze.start) == domain.n_observers
    assert (np.diff(gaze.start, axis=1) > gaze.duration[:, :-1]).all()
    assert ((gaze.duration >= domain.fixation[0]) & (gaze.duration <= domain.fixation[1])).all()
    assert ((gaze.start + gaze.duration)[:, -1] >= 1000 * take.n_frames / float(take.frame_rate)).all()
    seen = gaze.recorded
    assert ((gaze.x[seen] >= 1) & (gaze.x[seen] < take.width - 1)).all()
    assert ((gaze.y[seen] >= 1) & (gaze.y[seen] < take.height - 1)).all()


def test_some_domains_begin_at_a_cross_in_the_middle():
    take = takes(LEDOV, 0)[0]
    gaze = watch(LEDOV, stage(LEDOV, take, 0), 0)
    np.testing.assert_allclose(gaze.start[:, 0], 0, atol=1e-9)
    cross = np.hypot(gaze.x[:, 0] - take.width / 2, gaze.y[:, 0] - take.height / 2)
    assert np.median(cross) < 0.02 * take.height
    take = takes(DHF1K, 0)[0]
    assert (watch(DHF1K, stage(DHF1K, take, 0), 0).start[:, 0] <= 0).all()


def test_the_same_seed_gives_the_same_gaze_and_another_another():
    take = takes(DHF1K, 0)[0]
    scene = stage(DHF1K, take, 0)
    assert np.array_equal(watch(DHF1K, scene, 0).x, watch(DHF1K, scene, 0).x)
    assert not np.array_equal(watch(DHF1K, scene, 0).x, watch(DHF1K, scene, 1).x)
