"""Pictures that were written, read back with PyAV and Pillow."""

from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from hd2s.commands.writers import Gif, Mp4, PngFolder

RATE = Fraction(24000, 1001)


def squares(n, size=(48, 64)):
    """Make RGB frames of smooth colour with a square that moves."""
    y, x = np.mgrid[: size[0], : size[1]]
    frames = [np.stack([x * 2, y * 3, 0 * x + 80], axis=2).astype(np.uint8) for _ in range(n)]
    for i, frame in enumerate(frames):
        frame[8:20, 4 * i : 4 * i + 12] = (230, 40, 40)
    return frames


def write(writer, images):
    for image in images:
        writer.write(image)
    writer.close()


def decoded(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return stream.codec_context, stream.average_rate, frames


@pytest.mark.parametrize("grey", [False, True])
def test_png_files_hold_the_pixels_and_are_numbered_from_one(tmp_path, grey):
    images = [frame[..., 0] if grey else frame for frame in squares(11)]
    write(PngFolder(tmp_path / "new" / "maps"), images)
    files = sorted((tmp_path / "new" / "maps").iterdir())
    assert [file.name for file in files] == [f"{i:04d}.png" for i in range(1, 12)]
    for file, image in zip(files, images, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(file)), image)


def test_png_files_of_an_earlier_longer_run_are_removed(tmp_path):
    for name in ("0099.png", "100.png", "poster.png", "0099.txt"):
        (tmp_path / name).touch()
    write(PngFolder(tmp_path), squares(2))
    assert {path.name for path in tmp_path.iterdir()} == {"0001.png", "0002.png", "poster.png", "0099.txt"}


@pytest.mark.parametrize(("size", "pixels"), [((48, 64), "yuv420p"), ((47, 63), "yuv444p")])
def test_a_video_has_the_frames_their_size_and_the_rate(tmp_path, size, pixels):
    frames = squares(9, size)
    write(Mp4(tmp_path / "new" / "heat.mp4", size, RATE), frames)
    codec, rate, found = decoded(tmp_path / "new" / "heat.mp4")
    assert (codec.name, codec.pix_fmt, rate, len(found)) == ("h264", pixels, RATE, 9)
    for frame, image in zip(found, frames, strict=True):
        assert frame.shape == image.shape
        assert np.abs(frame.astype(int) - image).mean() < 4, "beyond what coding loses"


def test_a_video_of_grey_maps_stays_grey(tmp_path):
    ramp = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))
    write(Mp4(tmp_path / "maps.mp4", ramp.shape, RATE), [ramp] * 3)
    *_, found = decoded(tmp_path / "maps.mp4")
    assert np.ptp(found[0].astype(int), axis=2).max() <= 2
    assert np.abs(found[0][..., 0].astype(int) - ramp).mean() < 3


def test_a_gif_loops_at_its_rate(tmp_path):
    frames = squares(5)
    write(Gif(tmp_path / "new" / "heat.gif", (48, 64), Fraction(10)), frames)
    with Image.open(tmp_path / "new" / "heat.gif") as image:
        assert (image.size, image.n_frames, image.info["loop"], image.info["duration"]) == (
            (64, 48),
            5,
            0,
            100,
        )
        for i, frame in enumerate(frames):
            image.seek(i)
            found = np.asarray(image.convert("RGB")).astype(int)
            assert np.abs(found - frame).mean() < 4, "beyond what 256 colours lose"


@pytest.mark.parametrize("make", [Gif, Mp4])
def test_a_video_without_a_frame_can_be_closed(tmp_path, make):
    """Else an error before the first one would be told as another."""
    make(tmp_path / "none", (48, 64), RATE).close()


@pytest.mark.parametrize(("rate", "pictures"), [(50, 12), (Fraction(60000, 1001), 6), (120, 4), (1000, 1)])
def test_a_gif_of_more_than_50_frames_a_second_leaves_some_out_and_keeps_its_pace(tmp_path, rate, pictures):
    write(Gif(tmp_path / "fast.gif", (48, 64), Fraction(rate)), squares(12))
    with Image.open(tmp_path / "fast.gif") as image:
        durations = []
        for i in range(image.n_frames):
            image.seek(i)
            durations.append(image.info["duration"])
    assert len(durations) == pictures
    assert min(durations) >= 20
    assert sum(durations) == pytest.approx(12_000 / rate, abs=10)


def test_a_gif_is_no_wider_than_480_pixels(tmp_path):
    frame = np.zeros((90, 1280, 3), np.uint8)
    frame[:, :640] = (200, 30, 30)
    write(Gif(tmp_path / "wide.gif", (90, 1280), RATE), [frame])
    with Image.open(tmp_path / "wide.gif") as image:
        assert image.size == (480, 34)
        found = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(found[:, 10] - (200, 30, 30)).max() < 8
    assert found[:, -10].max() < 8
