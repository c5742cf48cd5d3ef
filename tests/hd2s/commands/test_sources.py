"""Frames out of videos, folders of images and clips of manifests, and what is wrong with them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from hd2s.commands.sources import clip_source, open_source, videos_of
from manifests import ProblemError, open_manifest
from tests.datasets.scored_corpus import SIZE, write_scored
from tests.datasets.small_corpora import HEIGHT, WIDTH, a_clip, moving_square, write_video

RATE = Fraction(30)


@pytest.fixture
def video(tmp_path):
    write_video(tmp_path / "a walk.mp4", moving_square(7), "libx264", fps=Fraction(24000, 1001), qp="0")
    return tmp_path / "a walk.mp4"


def decoded(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def problem(path) -> str:
    """Return what is wrong with a source, found when it is opened or when it is read."""
    with pytest.raises(ProblemError) as error:
        list(open_source(path, RATE).frames())
    return str(error.value)


def test_a_video_tells_its_name_size_rate_and_length(video):
    source = open_source(video, RATE)
    assert (source.name, source.size) == ("a walk", (HEIGHT, WIDTH))
    assert (source.rate, source.n_frames) == (Fraction(24000, 1001), 7)
    assert source.folder is None


def test_a_source_is_read_as_often_as_asked_for(video):
    source, expected = open_source(video, RATE), decoded(video)
    for _ in range(2):
        np.testing.assert_array_equal(list(source.frames()), expected)


def test_frames_are_resized_by_the_rule_of_training(video):
    for frame, native in zip(open_source(video, RATE).frames((16, 24)), decoded(video), strict=True):
        expected = Image.fromarray(native).resize((24, 16), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(frame, np.asarray(expected))


def test_a_folder_s_images_come_in_the_order_of_their_numbers(tmp_path):
    images = {"f9.png": 90, "f10.jpg": 100, "f11.bmp": 110, "f100.webp": 200}
    for name, value in images.items():
        Image.new("L", (12, 10), value).save(tmp_path / name)
    for other in (".hidden.png", "notes.txt"):
        (tmp_path / other).touch()
    source = open_source(tmp_path, Fraction(10))
    assert (source.name, source.size, source.rate) == (tmp_path.name, (10, 12), Fraction(10))
    assert (source.n_frames, source.folder) == (4, tmp_path)
    frames = list(source.frames())
    assert all(frame.shape == (10, 12, 3) and frame.dtype == np.uint8 for frame in frames)
    np.testing.assert_allclose([frame.mean() for frame in frames], list(images.values()), atol=2)


def test_images_of_a_folder_take_the_size_of_the_first(tmp_path):
    Image.new("RGB", (12, 10)).save(tmp_path / "1.png")
    Image.new("RGB", (40, 30)).save(tmp_path / "2.png")
    assert [frame.shape for frame in open_source(tmp_path, RATE).frames()] == [(10, 12, 3)] * 2


def test_a_clip_of_a_manifest_is_named_by_its_identifier(tmp_path):
    manifest = open_manifest(write_scored(tmp_path))
    source = clip_source(manifest, manifest.clips("val")[0])
    assert (source.name, source.size, source.rate, source.n_frames) == ("0601", SIZE, Fraction(25), 5)
    assert source.folder == Path(manifest.root) / "frames/0601"
    expected = [np.asarray(Image.open(source.folder / f"{i:04d}.png")) for i in range(1, 6)]
    np.testing.assert_array_equal(list(source.frames()), expected)


@pytest.mark.parametrize(
    ("fps", "rate"), [(29.97002997, Fraction(30000, 1001)), (25.0, Fraction(25)), (0.0, Fraction(30))]
)
def test_a_clip_that_is_a_video_has_its_rate_and_no_folder(tmp_path, fps, rate):
    manifest = open_manifest(write_scored(tmp_path))
    source = clip_source(manifest, a_clip(clip="0601", media="video", path="0601.mp4", fps=fps))
    assert (source.rate, source.folder) == (rate, None)


def test_what_is_no_source_is_told(tmp_path):
    assert problem(tmp_path / "none").endswith(
        "none: expected a video file or a folder of images, found nothing. Check the path."
    )
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").touch()
    assert (
        "empty: expected images, found none. Known are .bmp, .jpeg, .jpg, .png, .tif, .tiff, .webp."
        in problem(tmp_path / "empty")
    )
    (tmp_path / "text.mp4").write_text("no video")
    assert "text.mp4: expected a video that decodes, found InvalidDataError" in problem(tmp_path / "text.mp4")


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 44100
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    assert f"{path}: expected a video, found no video stream" in problem(path)


def test_a_video_that_is_damaged_is_told_when_it_is_read(tmp_path):
    path = tmp_path / "walk.mp4"
    write_video(path, moving_square(12), "libx264", g="1", qp="20")
    with av.open(str(path)) as container:
        seventh = [packet.pos for packet in container.demux(video=0) if packet.size][6]
    content = bytearray(path.read_bytes())
    content[seventh : seventh + 4] = b"\xff\xff\xff\xff"  # where the length of what follows stands
    path.write_bytes(content)
    assert "walk.mp4: expected a video that decodes, found InvalidDataError" in problem(path)


def test_a_folder_of_videos_stands_for_all_of_them(tmp_path):
    for name in ("b10.mp4", "b2.AVI", ".hidden.mp4", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in videos_of(tmp_path)] == ["b2.AVI", "b10.mp4"]
    assert videos_of(tmp_path / "b2.AVI") == [tmp_path / "b2.AVI"]
    (tmp_path / "0001.png").touch()
    assert videos_of(tmp_path) == [tmp_path], "frames, with videos beside them"
    (tmp_path / "empty").mkdir()
    assert videos_of(tmp_path / "empty") == [tmp_path / "empty"]
