"""Folders of predictions: found by their corpus' names, and refused for what indexing refuses a clip for."""

import numpy as np
import pytest
from PIL import Image

from datasets.corpus import Entry
from datasets.loading.scored_split import ScoredSplit
from hd2s.commands.submission import find_predictions, read_predictions
from manifests import ProblemError, write
from tests.datasets.small_corpora import a_clip

N, SIZE = 5, (40, 24)
CLIP = a_clip(corpus="Mine", clip="Walk", split="test", n_frames=N, first_frame=74, first_annotation=74)


def split_of(folder, *clips) -> ScoredSplit:
    fixations = {clip.clip: np.array([[0, 3, 4]]) for clip in clips}
    write(folder / "manifest", "Mine", folder, clips, fixations)
    return ScoredSplit.open(str(folder / "manifest"), "test")


@pytest.fixture
def walk(tmp_path):
    """Return a folder of the clip's predictions."""
    (tmp_path / "method" / "Walk").mkdir(parents=True)
    for i in range(1, N + 1):
        Image.new("L", SIZE, i).save(tmp_path / "method" / "Walk" / f"{i:04d}.png")
    return tmp_path / "method" / "Walk"


def read(walk):
    return read_predictions(walk.parent, Entry("Walk", "test", "Walk", "frames", "Walk"), CLIP)


def number(walk, name):
    """Give each file another name, made of its number from 1."""
    for file in walk.iterdir():
        file.rename(walk / f".{file.name}")
    for file in walk.iterdir():
        file.rename(walk / name(int(file.stem[1:])))


@pytest.mark.parametrize("first", [0, 1, 74])
def test_frames_are_numbered_from_0_or_1_or_as_the_clip_s(walk, first):
    number(walk, lambda i: f"map_{i - 1 + first}.png")
    predicted = read(walk)
    assert [int(pixels[0, 0, 0]) for pixels in predicted.frames()] == [1, 2, 3, 4, 5]
    assert len(predicted.noticed) == (first != 1)


def test_what_is_passed_over_is_told(walk):
    (walk / "notes.txt").touch()
    Image.new("L", SIZE).save(walk / "cover.png")
    Image.new("LA", SIZE, (7, 9)).save(walk / "0002.png")
    aside, lost = sorted(read(walk).noticed)
    assert "2 more: cover.png, notes.txt" in aside
    assert "transparency in 1 of 5" in lost


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda walk: (walk / "0002.png").unlink(), "4 numbers from 0001 to 0005, without 2"),
        (lambda walk: (walk / "0005.png").unlink(), "expected 5 frames, found 4"),
        (lambda walk: Image.new("L", SIZE).save(walk / "0006.png"), "expected 5 frames, found 6"),
        (lambda walk: (walk / "0004.png").rename(walk / "frame4.png"), "files named in one way"),
        (lambda walk: (walk / "0005.png").rename(walk / "5.png"), "numbers padded in one way"),
        (lambda walk: number(walk, lambda i: f"{i + 7}.png"), "numbered from 0 or 1 or 74, found from 8"),
        (lambda walk: number(walk, lambda i: f"{i}.txt"), "numbered frame images"),
        (
            lambda walk: Image.new("L", (20, 12)).save(walk / "0003.png"),
            "expected 40x24 as the first frame",
        ),
        (
            lambda walk: Image.fromarray(np.zeros((24, 40), np.uint16)).save(walk / "0001.png"),
            "0001.png: expected an image of 8 bits, found I;16 values",
        ),
        (
            lambda walk: (walk / "0002.png").write_bytes((walk / "0002.png").read_bytes()[:50]),
            "0002.png: expected an image that decodes",
        ),
    ],
)
def test_what_indexing_refuses_is_refused(walk, change, said):
    change(walk)
    with pytest.raises(ProblemError) as error:
        read(walk)
    assert said in str(error.value)


def test_other_spellings_are_other_names(tmp_path, walk):
    """As for indexing, where maps of `walk` would be none of `Walk`."""
    split = split_of(tmp_path, CLIP)
    entries, told = find_predictions(walk.parent, split, "Mine test")
    assert (entries["Walk"].path, told) == ("Walk", [])
    walk.rename(walk.with_name("walk"))
    with pytest.raises(ProblemError, match="found none; of other names: walk"):
        find_predictions(walk.parent, split, "Mine test")


def test_a_photograph_s_prediction_is_an_image_or_a_folder_of_one(tmp_path):
    photographs = [
        a_clip(corpus="Mine", clip=name, split="test", media="image", n_frames=1, path=f"{name}.jpg")
        for name in ("p", "q")
    ]
    split = split_of(tmp_path, *photographs)
    (tmp_path / "method" / "q").mkdir(parents=True)
    Image.new("L", SIZE, 7).save(tmp_path / "method" / "p.png")
    Image.new("L", SIZE, 8).save(tmp_path / "method" / "q" / "0001.png")
    entries, told = find_predictions(tmp_path / "method", split, "Mine test")
    found = [
        next(read_predictions(tmp_path / "method", entries[name], split.clips[name]).frames())[0, 0, 0]
        for name in ("p", "q")
    ]
    assert (found, told) == ([7, 8], [])
