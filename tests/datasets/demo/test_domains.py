"""The demo's domains differ where the real corpora do."""

import numpy as np
import pytest
from PIL import Image

from datasets.corpora.registry import get
from datasets.demo.backdrops import BACKDROPS
from datasets.demo.cast import takes
from datasets.demo.domains import DHF1K, DOMAINS, HOLLYWOOD2, UCF_SPORTS
from datasets.demo.figures import FIGURES
from datasets.demo.observers import watch
from datasets.demo.scene import stage
from datasets.reading.ground_truth import fixations_to_map


@pytest.mark.parametrize("domain", [DHF1K, HOLLYWOOD2, UCF_SPORTS], ids=lambda domain: domain.word)
def test_following_the_figures_beats_looking_at_the_centre(domain, demo_corpora, demo_manifests):
    root, manifest = demo_corpora[domain.word], demo_manifests[domain.word]
    prior = np.mean([_unit(_map(root, clip, 5)) for clip in manifest.clips("train")], axis=0)
    scores = [_scores(domain, take, prior) for take in takes(domain, seed=0) if take.split == "test"]
    oracle, centre = np.mean(np.concatenate(scores), axis=0)
    assert oracle > 0.65
    assert oracle > centre + 0.25


def test_film_and_sport_are_biased_to_the_centre_and_free_viewing_is_not(demo_corpora, demo_manifests):
    words = ("dhf1k", "hollywood2", "ucf_sports")
    bias = {word: _centre_bias(demo_corpora[word], demo_manifests[word]) for word in words}
    assert bias["dhf1k"] < 0.3
    assert 0.3 < bias["hollywood2"] < 0.6
    assert 0.3 < bias["ucf_sports"] < 0.6


SIZE = 64


def _map(root, clip, i):
    return np.asarray(Image.open(root / clip.map_path(i)).resize((SIZE, SIZE)), dtype=float)


def _unit(density):
    return density / max(density.sum(), 1e-9)


def _correlation(a, b):
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


def _centre_bias(root, manifest):
    """Mean CC of a centred Gaussian with the maps of the training and validation clips."""
    y, x = np.mgrid[:SIZE, :SIZE] / (SIZE - 1) - 0.5
    centred = np.exp(-(x**2 + y**2) / (2 * 0.2**2))
    clips = [clip for clip in manifest.clips() if clip.split != "test"]
    frames = [(clip, i) for clip in clips for i in range(0, clip.n_frames, 4)]
    return np.mean([_correlation(centred, _map(root, clip, i)) for clip, i in frames])


def _scores(domain, take, prior):
    """Per frame: CC with the ground truth of a map of the figures, and of the mean training map."""
    scene = stage(domain, take, seed=0)
    gaze, figures = watch(domain, scene, seed=0), np.arange(len(scene.sizes))
    shape, sigma = (take.height, take.width), domain.sigma * take.height
    resized_prior = np.asarray(Image.fromarray(prior.astype(np.float32)).resize((take.width, take.height)))
    rows = []
    for i in range(take.n_frames):
        seconds = i / float(take.frame_rate)
        truth = fixations_to_map(gaze.points(1000 * seconds), *shape, domain.rule, sigma=sigma)
        where = scene.motion.at(np.full(len(figures), seconds), figures)[:, ::-1] * take.height
        oracle = fixations_to_map(where.astype(int), *shape, domain.rule, sigma=1.6 * sigma)
        rows.append((_correlation(oracle, truth), _correlation(resized_prior, truth)))
    return np.array(rows)


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.word)
def test_a_domain_is_named_as_its_corpus_and_made_of_what_there_is(domain):
    corpus = get(domain.word)
    assert (domain.name, domain.rule) == (corpus.name, corpus.map_rule)
    assert domain.backdrop in BACKDROPS
    assert domain.figure in FIGURES
    assert all(side % 2 == 0 for size in domain.sizes for side in size)
