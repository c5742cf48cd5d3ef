"""Files that are not what their names say, pixels that are no numbers: read for what they are, or refused."""

import shutil
import wave

import av
import numpy as np
import pytest
import scipy.io
from PIL import Image

from datasets.corpora.own_folder import FolderCorpus
from datasets.corpus import ClipError
from datasets.indexing.read_entry import read_entry
from datasets.reading.fixation_points import read_fixation_mats
from datasets.reading.numbered_files import numbered
from datasets.reading.video import probe

SIZE, FRAMES = (48, 64), 6


def frames():
    return (np.indices((FRAMES, *SIZE, 3)).sum(0) * 3 % 256).astype(np.uint8)


def write_video(path, form):
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.height, stream.width = SIZE
        for image in frames():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


@pytest.fixture
def corpus(tmp_path):
    """A corpus of one's own with one clip: a video, and a fixation in every frame."""
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "a.avi", "avi")
    (folder := tmp_path / "fixations" / "a").mkdir(parents=True)
    for i in range(FRAMES):
        pixels = np.zeros(SIZE, np.uint8)
        pixels[i, 2 * i] = 255
        Image.fromarray(pixels).save(folder / f"{i + 1:04d}.png")
    return tmp_path


def read(root):
    corpus = FolderCorpus("Mine")
    (entry,) = corpus.list(root).entries
    reading = read_entry(corpus, root, entry)
    return reading.clip.status, reading.clip.reason


def test_a_video_in_another_container_than_its_name_says_is_read_for_what_it_is(corpus):
    assert read(corpus) == ("ok", "")
    write_video(corpus / "videos" / "a.avi", "mp4")
    assert probe(corpus / "videos" / "a.avi").n_frames == FRAMES
    assert read(corpus) == ("ok", "")


def sound(path):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))


OTHERS = {
    "a picture": lambda path: Image.fromarray(frames()[0]).save(path, "PNG"),
    "sound": sound,
    "text": lambda path: path.write_text("a video, they said\n" * 99),
    "an archive": lambda path: shutil.move(
        shutil.make_archive(str(path.with_suffix("")), "zip", path.parents[1], "fixations"), path
    ),
    "nothing": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_video_is_quarantined_with_the_reason(corpus, kind):
    OTHERS[kind](corpus / "videos" / "a.avi")
    status, reason = read(corpus)
    assert status == "quarantined"
    assert reason.startswith("expected ")
    assert str(corpus) not in reason


def test_a_picture_of_floats_under_the_name_of_a_png_is_refused(corpus):
    (maps := corpus / "maps" / "a").mkdir(parents=True)
    for i in range(FRAMES):
        Image.fromarray(np.full(SIZE, np.nan, np.float32)).save(maps / f"{i + 1:04d}.png", "TIFF")
    assert read(corpus) == ("quarantined", "expected an image of 8 bits, found F values")


@pytest.mark.parametrize("value", [np.nan, 1j, "x"])
def test_fixations_that_are_no_numbers_are_refused(tmp_path, value):
    pixels = np.full(SIZE, value) if isinstance(value, str) else np.zeros(SIZE, type(value))
    pixels[3, 4] = value
    scipy.io.savemat(tmp_path / "1.mat", {"I": pixels})
    with pytest.raises(ClipError) as error:
        read_fixation_mats(tmp_path, numbered(tmp_path, ".", ("mat",)), SIZE[::-1])
    assert (error.value.kind, error.value.path) in {("no-numbers", "./1.mat"), ("size-mismatch", "./1.mat")}
