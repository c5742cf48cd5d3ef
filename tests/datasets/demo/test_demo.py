"""The demo corpora: layouts that the adapters read, equal bytes from equal seeds, worlds that differ."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat

from datasets.demo import MARKER, generate
from datasets.demo.cast import takes
from datasets.demo.domains import DHF1K, DOMAINS, HOLLYWOOD2, UCF_SPORTS
from datasets.demo.layouts import write_clip
from datasets.demo.observers import watch
from datasets.demo.scene import stage
from datasets.indexing.index import index
from datasets.listing.published_lists import published_list
from datasets.reading.ground_truth import fixations_to_map
from manifests import ProblemError


class StopHereError(Exception):
    pass


# They make the corpora, all of them and again.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    return generate(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def manifests(corpora, tmp_path_factory):
    out = tmp_path_factory.mktemp("manifests")
    return {word: index(word, root, out / word) for word, root in corpora.items()}


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.word)
def test_adapters_read_every_clip_as_it_was_made(domain, manifests):
    manifest = manifests[domain.word]
    assert manifest.quarantined == 0
    read = {clip.clip: clip for clip in manifest.clips()}
    cast = takes(domain, seed=0)
    assert set(read) == {take.clip for take in cast}
    for take in cast:
        clip = read[take.clip]
        found = clip.split, clip.source_video, clip.n_frames, clip.width, clip.height, clip.first_frame
        made = take.split, take.source_video, take.n_frames, take.width, take.height, take.first_frame
        assert found == made
        assert clip.fps == pytest.approx(float(take.frame_rate), rel=1e-4)


@pytest.mark.parametrize("word", ["dhf1k", "hollywood2", "ucf_sports"])
def test_every_frame_of_the_map_corpora_is_fixated_where_the_scene_said(word, manifests):
    domain = next(domain for domain in DOMAINS if domain.word == word)
    take = takes(domain, seed=0)[0]
    gaze = watch(domain, stage(domain, take, seed=0), seed=0)
    read = manifests[word].fixations()
    for i in range(take.n_frames):
        expected = np.unique(gaze.points(1000 * i / float(take.frame_rate)), axis=0)
        np.testing.assert_array_equal(np.unique(read.frame(take.clip, i), axis=0), expected)


def test_fixations_of_ledov_survive_its_own_recipe(manifests):
    for clip in manifests["ledov"].clips():
        # The opening fixations on the cross are skipped, so not every frame has one.
        assert 0.5 * clip.n_frames < clip.n_fixated_frames < clip.n_frames


def test_training_clips_are_named_by_the_published_lists():
    names = {domain: {take.clip: take.split for take in takes(domain, seed=0)} for domain in DOMAINS}
    for domain, published in ((DHF1K, "DHF1K"), (HOLLYWOOD2, "Hollywood2"), (UCF_SPORTS, "UCF")):
        for split in ("train", "val"):
            cast = {clip for clip, own in names[domain].items() if own == split}
            assert cast
            assert cast <= set(published_list(f"{published}.{split}"))


def test_shots_of_a_source_video_are_three_frames_apart(corpora):
    def numbers(shot):
        images = (corpora["hollywood2"] / "training" / f"actioncliptrain{shot}" / "images").iterdir()
        return sorted(int(path.stem.rpartition("_")[2]) for path in images)

    first, second = numbers("00082_2"), numbers("00082_3")
    assert first == list(range(3, first[-1] + 1))
    assert second[0] == first[-1] + 4
    # Shots count in natural order: 10 comes after 6.
    assert numbers("00725_10")[0] == numbers("00725_6")[-1] + 4


def test_hollywood2_has_short_test_shots():
    lengths = sorted(take.n_frames for take in takes(HOLLYWOOD2, seed=0) if take.split == "test")
    assert lengths[0] == 1
    assert sum(length < 16 for length in lengths) / len(lengths) == pytest.approx(1 / 3)


@pytest.mark.parametrize("domain", [DHF1K, HOLLYWOOD2, UCF_SPORTS], ids=lambda domain: domain.word)
def test_evaluation_stays_affordable(domain):
    assert 60 <= sum(take.n_frames for take in takes(domain, seed=0) if take.split == "test") <= 90


def test_fixation_images_and_matlab_files_agree(corpora):
    folder = corpora["dhf1k"] / "annotation" / "0601"
    fixated = loadmat(folder / "fixation" / "maps" / "0005.mat")["I"]
    assert fixated.dtype == np.uint8
    assert set(np.unique(fixated)) == {0, 1}
    np.testing.assert_array_equal(fixated * 255, np.asarray(Image.open(folder / "fixation" / "0005.png")))
    assert np.asarray(Image.open(folder / "maps" / "0005.png")).max() == 255


def test_ledov_mixes_matlab_generations_and_repeats_its_last_index(corpora):
    heads = {path.read_bytes()[:10] for path in corpora["ledov"].glob("*/Data.mat")}
    assert heads == {b"MATLAB 5.0", b"MATLAB 7.3"}
    train = loadmat(corpora["ledov"] / "trainlist.mat")["trainlist"].ravel()
    assert train[-1] == train[-2] == train.max()


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.word)
def test_a_clip_made_alone_is_byte_identical(domain, corpora, tmp_path):
    write_clip(domain, takes(domain, seed=0)[2], tmp_path, seed=0)
    files = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for file in files:
        assert (tmp_path / file).read_bytes() == (corpora[domain.word] / file).read_bytes(), file


def test_another_seed_gives_another_scene():
    take = takes(DHF1K, seed=0)[0]
    starts = [stage(DHF1K, take, seed).motion.start[0] for seed in (0, 1)]
    assert not np.allclose(*starts)


def test_finished_corpora_are_kept(corpora):
    out = corpora["dhf1k"].parent
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert generate(out) == corpora
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_an_interrupted_corpus_leaves_nothing_and_another_seed_replaces_what_is_there(tmp_path):
    def stop_in_the_second_corpus(word, done, total):
        if word == "hollywood2":
            raise StopHereError

    for seed in (0, 1):
        with pytest.raises(StopHereError):
            generate(tmp_path, seed, progress=stop_in_the_second_corpus)
        assert [path.name for path in tmp_path.iterdir()] == ["DHF1K"]
        assert json.loads((tmp_path / "DHF1K" / MARKER).read_text())["seed"] == seed


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path):
    real = tmp_path / "LEDOV" / "VideoNameList.mat"
    real.parent.mkdir()
    real.write_bytes(b"precious")
    with pytest.raises(ProblemError, match="LEDOV"):
        generate(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [real]


@pytest.mark.parametrize("domain", [DHF1K, HOLLYWOOD2, UCF_SPORTS], ids=lambda domain: domain.word)
def test_following_the_figures_beats_looking_at_the_centre(domain, corpora, manifests):
    root, manifest = corpora[domain.word], manifests[domain.word]
    prior = np.mean([_unit(_map(root, clip, 5)) for clip in manifest.clips("train")], axis=0)
    scores = [_scores(domain, take, prior) for take in takes(domain, seed=0) if take.split == "test"]
    oracle, centre = np.mean(np.concatenate(scores), axis=0)
    assert oracle > 0.65
    assert oracle > centre + 0.25


def test_film_and_sport_are_biased_to_the_centre_and_free_viewing_is_not(corpora, manifests):
    words = ("dhf1k", "hollywood2", "ucf_sports")
    bias = {word: _centre_bias(corpora[word], manifests[word]) for word in words}
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
