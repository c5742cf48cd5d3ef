"""Frames out of videos, folders of images and clips of manifests, and what is wrong with them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from datasets.corpora.saliency_maps import MapReader
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
    assert source.read_from == (video,)


def test_a_source_is_read_as_often_as_asked_for(video):
    source, expected = open_source(video, RATE), decoded(video)
    for _ in range(2):
        np.testing.assert_array_equal(list(source.frames()), expected)


def test_frames_are_resized_by_the_rule_of_training(video):
    for frame, native in zip(open_source(video, RATE).frames((16, 24)), decoded(video), strict=True):
        expected = Image.fromarray(native).resize((24, 16), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(frame, np.asarray(expected))


def test_a_folder_s_images_come_in_the_order_of_their_numbers(tmp_path):
    for number in (9, 10, 11, 12):
        Image.new("L", (12, 10), 10 * number).save(tmp_path / f"f{number}.png")
    for other in (".hidden.png", "notes.txt"):
        (tmp_path / other).touch()
    Image.new("L", (80, 60)).save(tmp_path / "cover.jpg")
    source = open_source(tmp_path, Fraction(10))
    assert (source.name, source.size, source.rate) == (tmp_path.name, (10, 12), Fraction(10))
    assert (source.n_frames, source.read_from) == (4, (tmp_path,))
    assert source.noticed == (
        f"{tmp_path}: 2 more: cover.jpg, notes.txt. They are left aside; remove or rename them.",
        f"{tmp_path}: frames 9 to 12 count as 1 to 4.",
    )
    frames = list(source.frames())
    assert all(frame.shape == (10, 12, 3) and frame.dtype == np.uint8 for frame in frames)
    assert [frame.mean() for frame in frames] == [90, 100, 110, 120]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["1.png", "2.png", "4.png"], "without 3"),
        (["0.04.png", "0.08.png", "0.2.png"], "numbers padded in one way, found 2 and 08"),
        (["f1.png", "g2.png"], "files named in one way"),
        (["1.png", "2.jpg"], "files named in one way"),
        (["1.png", "2.PNG"], "files named in one way"),
        (["01.png", "1.png"], "numbers padded in one way"),
    ],
)
def test_what_indexing_refuses_of_names_is_refused_here(tmp_path, names, said):
    for name in names:
        Image.new("L", (12, 10)).save(tmp_path / name)
    assert said in problem(tmp_path)


def test_images_of_a_folder_have_one_size_and_8_bits_and_are_whole(tmp_path):
    Image.new("RGB", (12, 10)).save(tmp_path / "1.png")
    second = tmp_path / "2.png"
    Image.new("RGB", (40, 30)).save(second)
    assert f"{second}: expected 12x10 as the first frame, found 40x30" in problem(tmp_path)
    Image.fromarray(np.zeros((10, 12), np.uint16)).save(second)
    assert "expected an image of 8 bits" in problem(tmp_path)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (10, 12, 3), np.uint8)).save(second)
    second.write_bytes(second.read_bytes()[:-40])
    assert "expected an image that decodes" in problem(tmp_path)


PICTURES = {"png": "rgb24", "mjpeg": "yuvj420p"}


def in_pictures(path, codec, n_frames=12):
    """Write a video of which each packet is a picture; return the places of its packets."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, PICTURES[codec]
        for image in moving_square(n_frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize("codec", PICTURES)
def test_a_picture_that_a_container_counts_and_no_longer_holds_is_told(tmp_path, codec):
    path = tmp_path / "walk.avi"
    position, _ = in_pictures(path, codec)[6]
    assert len(list(open_source(path, RATE).frames())) == 12
    content = bytearray(path.read_bytes())
    header = content.rindex(b"00dc", 0, position + 4)
    content[header : header + 4] = b"JUNK"  # what readers pass over
    path.write_bytes(content)
    assert "expected about 12 frames, as the header says, found 11 that decode" in problem(path)


@pytest.mark.parametrize("codec", PICTURES)
def test_a_picture_that_does_not_decode_is_told_with_its_number(tmp_path, codec):
    path = tmp_path / "walk.avi"
    position, size = in_pictures(path, codec)[6]
    content = bytearray(path.read_bytes())
    content[position + 8 : position + size] = b"\xff" * (size - 8)
    path.write_bytes(content)
    assert "found InvalidDataError: Invalid data found when processing input in frame 6" in problem(path)


def test_a_clip_of_a_manifest_is_named_by_its_identifier(tmp_path):
    manifest = open_manifest(write_scored(tmp_path))
    source = clip_source(manifest, manifest.clips("val")[0], MapReader(manifest))
    assert (source.name, source.size, source.rate, source.n_frames) == ("0601", SIZE, Fraction(25), 5)
    root = Path(manifest.root)
    assert source.read_from == (root / "frames/0601", root / "maps/0601")
    expected = [np.asarray(Image.open(source.read_from[0] / f"{i:04d}.png")) for i in range(1, 6)]
    np.testing.assert_array_equal(list(source.frames()), expected)


@pytest.mark.parametrize(
    ("fps", "rate"), [(29.97002997, Fraction(30000, 1001)), (25.0, Fraction(25)), (0.0, Fraction(30))]
)
def test_a_clip_that_is_a_video_has_its_rate_and_one_file(tmp_path, fps, rate):
    manifest = open_manifest(write_scored(tmp_path))
    source = clip_source(
        manifest, a_clip(clip="0601", media="video", path="0601.mp4", fps=fps), MapReader(manifest)
    )
    assert (source.rate, source.read_from[0]) == (rate, Path(manifest.root) / "0601.mp4")


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
    assert f"{path}: expected a video, found sound.mp4 without a video stream" in problem(path)


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


def test_a_photograph_is_a_clip_of_one_frame_turned_as_it_is_shown(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera on its side
    Image.fromarray(moving_square(1)[0]).save(tmp_path / "walk.jpg", exif=exif, quality=95)
    source = open_source(tmp_path / "walk.jpg", RATE)
    assert (source.name, source.n_frames, source.size) == ("walk", 1, (WIDTH, HEIGHT))
    assert source.read_from == (tmp_path / "walk.jpg",)
    (frame,) = source.frames()
    assert frame.shape == (WIDTH, HEIGHT, 3)
    (tmp_path / "walk.jpg").write_bytes(b"\xff\xd8")
    assert "expected an image that decodes" in problem(tmp_path / "walk.jpg")


def test_packets_that_have_vanished_from_the_midst_of_a_matroska_file_are_told(tmp_path):
    """Its demuxer passes over a damaged block without a word, and length and last frame are as they were."""
    whole, damaged = tmp_path / "whole.mkv", tmp_path / "damaged.mkv"
    write_video(whole, moving_square(40), "libx264", fps=Fraction(30000, 1001), g="10", bf="0")
    with av.open(str(whole)) as source, av.open(str(damaged), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for i, packet in enumerate(source.demux(video=0)):
            if packet.size and i not in (17, 18, 19):
                packet.stream = stream
                target.mux(packet)
    assert open_source(whole, RATE).noticed == ()
    (told,) = open_source(damaged, RATE).noticed
    assert "times that leave room for 3 more, the first after frame 17" in told


def test_times_of_a_rate_that_varies_are_no_gaps(tmp_path):
    path = tmp_path / "phone.mkv"
    write_video(
        path, moving_square(12), "libx264", pts=[0, 33, 80, 100, 200, 233, 300, 310, 400, 480, 500, 700]
    )
    assert open_source(path, RATE).noticed == ()
