"""The demo on disk: layouts that the adapters read, equal bytes from equal seeds, MATLAB's dialects."""

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat

from datasets.demo.cast import takes
from datasets.demo.domains import DOMAINS
from datasets.demo.layouts import write_clip


def test_shots_of_a_source_video_are_three_frames_apart(demo_corpora):
    def numbers(shot):
        images = (demo_corpora["hollywood2"] / "training" / f"actioncliptrain{shot}" / "images").iterdir()
        return sorted(int(path.stem.rpartition("_")[2]) for path in images)

    first, second = numbers("00082_2"), numbers("00082_3")
    assert first == list(range(3, first[-1] + 1))
    assert second[0] == first[-1] + 4
    # Shots count in natural order: 10 comes after 6.
    assert numbers("00725_10")[0] == numbers("00725_6")[-1] + 4


def test_fixation_images_and_matlab_files_agree(demo_corpora):
    folder = demo_corpora["dhf1k"] / "annotation" / "0601"
    fixated = loadmat(folder / "fixation" / "maps" / "0005.mat")["I"]
    assert fixated.dtype == np.uint8
    assert set(np.unique(fixated)) == {0, 1}
    np.testing.assert_array_equal(fixated * 255, np.asarray(Image.open(folder / "fixation" / "0005.png")))
    assert np.asarray(Image.open(folder / "maps" / "0005.png")).max() == 255


def test_ledov_mixes_matlab_generations_and_repeats_its_last_index(demo_corpora):
    heads = {path.read_bytes()[:10] for path in demo_corpora["ledov"].glob("*/Data.mat")}
    assert heads == {b"MATLAB 5.0", b"MATLAB 7.3"}
    train = loadmat(demo_corpora["ledov"] / "trainlist.mat")["trainlist"].ravel()
    assert train[-1] == train[-2] == train.max()


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.word)
def test_a_clip_made_alone_is_byte_identical(domain, demo_corpora, tmp_path):
    write_clip(domain, takes(domain, seed=0)[2], tmp_path, seed=0)
    files = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for file in files:
        assert (tmp_path / file).read_bytes() == (demo_corpora[domain.word] / file).read_bytes(), file


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.word)
def test_adapters_read_every_clip_as_it_was_made(domain, demo_manifests):
    manifest = demo_manifests[domain.word]
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


def test_fixations_of_ledov_survive_its_own_recipe(demo_manifests):
    for clip in demo_manifests["ledov"].clips():
        # The opening fixations on the cross are skipped, so not every frame has one.
        assert 0.5 * clip.n_frames < clip.n_fixated_frames < clip.n_frames
