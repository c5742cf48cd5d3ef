"""What a seek gives is what decoding from the beginning gives, or no seek is made."""

import av
import numpy as np
import pytest

from datasets.corpora.own_folder import FolderCorpus
from datasets.indexing.index import index
from datasets.reading import seeking
from datasets.reading.seeking import Keyframes, SeekCheck, after_seek, is_keyframe
from datasets.reading.video import probe, read_frames
from tests.datasets.small_corpora import moving_square, write_video


def write_palette(path, codec):
    """Write 12 frames with a palette; frame i is grey, 20 + 8 i."""
    palette = np.zeros((256, 4), np.uint8)
    palette[:, 0], palette[:, 1:] = 255, np.arange(256)[:, None]
    path.parent.mkdir(parents=True)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "pal8"
        for i in range(12):
            image = np.full((48, 64), 20 + 8 * i, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray((image, palette), format="pal8")))
        out.mux(stream.encode())


@pytest.mark.parametrize(("suffix", "codec"), [("avi", "rawvideo"), ("mov", "rawvideo"), ("mov", "png")])
def test_frames_with_a_palette_are_the_same_however_they_are_reached(tmp_path, suffix, codec):
    write_palette(tmp_path / "c" / "videos" / f"a.{suffix}", codec)
    manifest = index(FolderCorpus("Mine"), tmp_path / "c", tmp_path / "m")
    for start in range(11):
        window = read_frames(manifest.root, manifest.clips()[0], None, start, 2)
        assert window[:, 20, 20].tolist() == [[20 + 8 * i] * 3 for i in (start, start + 1)]


def test_keyframes_after_which_other_pictures_follow_are_not_sought(tmp_path, monkeypatch):
    write_video(tmp_path / "x.mp4", moving_square(40), "libx264", g="5", sc_threshold="0")
    assert probe(tmp_path / "x.mp4").keyframe_frames == tuple(range(0, 40, 5))

    def one_late(container, stream, keyframes, start):
        yield from ((number - 1, frame) for number, frame in after_seek(container, stream, keyframes, start))

    monkeypatch.setattr(seeking, "after_seek", one_late)
    assert probe(tmp_path / "x.mp4").keyframe_frames == ()


def test_the_last_of_the_keyframes_before_a_frame():
    keyframes = Keyframes((0, 50, 90), (0, 5, 9))
    assert [keyframes.before(start) for start in (0, 4, 5, 8, 9, 99)] == [1, 1, 2, 2, 3, 3]


def test_times_that_begin_again_are_no_keyframes(tmp_path):
    write_video(tmp_path / "x.mp4", moving_square(10), "libx264", g="5", sc_threshold="0")
    check = SeekCheck()
    for _ in range(2):
        with av.open(str(tmp_path / "x.mp4")) as container:
            for number, frame in enumerate(container.decode(video=0)):
                assert is_keyframe(frame) == (number % 5 == 0)
                check.see(frame, number)
    assert check.sound(lambda: av.open("never opened")) == Keyframes()
