"""What a clip is made of: its digest and its arrays follow the content of its files, and nothing else."""

import numpy as np
import pytest
from PIL import Image

from datasets.corpora.own_folder import FolderCorpus
from datasets.frame_store.store import FrameStore
from datasets.indexing.index import index
from tests.datasets.one_clip import FIXATIONS, FRAMES, MAPS, frame_clip, read, video_clip
from tests.datasets.small_corpora import four_digits, write_fixations, write_frames, write_ledov, write_png

MINE = FolderCorpus("Mine")


def write_own(root, suffix="png"):
    for clip in "abc":
        write_frames(root / "frames" / clip, four_digits(3), "bmp")
        write_fixations(root / "fixations" / clip, four_digits(3), suffix)


@pytest.mark.parametrize("place", [FRAMES, MAPS, FIXATIONS])
def test_another_file_of_the_clip_is_another_content(tmp_path, place):
    frame_clip(tmp_path)
    before = read(tmp_path).clip.content
    assert len(before) == 16
    assert read(tmp_path).clip.content == before
    path = tmp_path / place / "0003.png"
    with Image.open(path) as image:
        pixels = np.array(image)
    pixels[20, 20] ^= 255
    write_png(path, pixels)
    assert read(tmp_path).clip.content != before


def test_the_content_of_a_video_and_of_mat_files(tmp_path):
    video_clip(tmp_path)
    before = read(tmp_path).clip
    assert before.paths()[-1] == "video/001.AVI"
    assert len(before.paths()) == 13
    write_ledov(tmp_path / "ledov", ["a", "b", "c"])
    clip = index("ledov", tmp_path / "ledov", tmp_path / "m").clips("train")[0]
    assert clip.paths() == ["a/Data.mat", "a/a.mp4"]


def test_a_note_beside_the_frames_changes_no_digest(tmp_path):
    write_own(tmp_path / "corpus")
    before = index(MINE, tmp_path / "corpus", tmp_path / "m")
    (tmp_path / "corpus" / "frames" / "a" / "notes.txt").write_text("seen")
    assert index(MINE, tmp_path / "corpus", tmp_path / "m").digest == before.digest


@pytest.mark.parametrize("suffix", ["png", "mat"])
def test_files_changed_within_their_size_are_decoded_again(tmp_path, suffix):
    root, size = tmp_path / "corpus", (24, 32)
    write_own(root, suffix)

    def read_all():
        manifest = index(MINE, root, tmp_path / "m")
        store = FrameStore(tmp_path / "store", manifest, size)
        clip = next(clip for clip in manifest.clips() if clip.clip == "a")
        return manifest.digest, store.read_frames(clip), store.read_maps(clip)

    digest, frames, maps = read_all()
    for i, name in enumerate(four_digits(3)):
        image = np.full((48, 64, 3), 40 * i, np.uint8)
        write_png(root / "frames" / "a" / f"{name}.bmp", image)
    after_frames = read_all()
    assert after_frames[0] != digest
    assert not np.array_equal(after_frames[1], frames)
    assert np.array_equal(after_frames[2], maps)
    write_fixations(root / "fixations" / "a", list(reversed(four_digits(3))), suffix)
    after_fixations = read_all()
    assert after_fixations[0] != after_frames[0]
    assert not np.array_equal(after_fixations[2], maps)
