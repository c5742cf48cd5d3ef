"""Decoding: every frame, in order, counted by decoding, for the codecs corpora come in."""

import io
import struct
from dataclasses import replace

import av
import numpy as np
import pytest
from PIL import Image

from datasets.corpus import ClipError
from datasets.reading.video import iter_frames, probe, read_frames, shown_at
from datasets.resizing import resize
from manifests import ProblemError
from tests.datasets.small_corpora import HEIGHT, WIDTH, a_clip, moving_square, write_png, write_video

N = 40
FRAMES = moving_square(N)


def encoded(folder, kind):
    """Return the path of a video of FRAMES."""
    settings = {
        "lossless": ("x.mkv", "ffv1", {}),
        "h264 with B-frames": ("x.mp4", "libx264", {"bf": "3", "g": "12", "qp": "4"}),
        "mpeg4 in AVI": ("x.AVI", "mpeg4", {"bf": "2", "g": "10", "qmin": "1", "qmax": "2"}),
    }
    name, codec, options = settings[kind]
    write_video(folder / name, FRAMES, codec, **options)
    return name


@pytest.mark.parametrize("kind", ["lossless", "h264 with B-frames", "mpeg4 in AVI"])
def test_all_frames_in_order(tmp_path, kind):
    name = encoded(tmp_path, kind)
    found = probe(tmp_path / name)
    assert (found.n_frames, found.width, found.height, found.fps) == (N, WIDTH, HEIGHT, 30.0)
    frames = read_frames(tmp_path, a_clip(path=name, n_frames=N))
    assert frames.shape == FRAMES.shape
    if kind == "lossless":
        assert np.array_equal(frames, FRAMES)
    # Each decoded frame resembles its own original more than any other one.
    distance = np.abs(frames[:, None].astype(int) - FRAMES[None]).mean(axis=(2, 3, 4))
    assert distance.argmin(axis=1).tolist() == list(range(N))


def test_variable_frame_rate_loses_and_invents_nothing(tmp_path):
    pts = np.cumsum([0, *([20, 90, 40] * N)])[:N]
    write_video(tmp_path / "x.mkv", FRAMES, "ffv1", pts=[int(p) for p in pts])
    assert probe(tmp_path / "x.mkv").n_frames == N
    assert np.array_equal(read_frames(tmp_path, a_clip(path="x.mkv", n_frames=N)), FRAMES)


@pytest.mark.parametrize("kind", ["lossless", "h264 with B-frames", "mpeg4 in AVI"])
def test_when_frames_are_shown_is_their_rate_s_doing_or_said_one_by_one(tmp_path, kind):
    path = tmp_path / encoded(tmp_path, kind)
    assert shown_at(path, N, 30.0) == shown_at(path, N + 1, 30.0) == ()
    if kind != "mpeg4 in AVI":  # whose times count frames
        times = [*range(500, 1100, 20), *range(1100, 2100, 100)]
        codec = "ffv1" if kind == "lossless" else "libx264"
        write_video(path, FRAMES, codec, pts=times)
        assert shown_at(path, N, 25.0) == pytest.approx([*(time - 500 for time in times), 1600], abs=0.1)


def test_parts_of_a_clip(tmp_path):
    clip = a_clip(path=encoded(tmp_path, "lossless"), n_frames=N)
    assert np.array_equal(read_frames(tmp_path, clip, start=7, count=16), FRAMES[7:23])
    assert np.array_equal(read_frames(tmp_path, clip, start=N - 2), FRAMES[-2:])
    assert read_frames(tmp_path, clip, count=0).shape == (0, HEIGHT, WIDTH, 3)
    for start, count in ((-1, 4), (30, 11), (N + 1, None)):
        with pytest.raises(IndexError, match="DHF1K/x: frames"):
            read_frames(tmp_path, clip, start=start, count=count)


def test_image_frames_are_read_like_video(tmp_path):
    for i, image in enumerate(FRAMES[:5]):
        write_png(tmp_path / "images" / f"a_{70 + i:05d}.png", image)
    write_png(tmp_path / "images" / "a_00074.png", FRAMES[4, ..., 0])
    clip = a_clip(
        media="frames", path="images", frame_pattern="images/a_{:05d}.png", first_frame=70, n_frames=5
    )
    assert np.array_equal(read_frames(tmp_path, clip, start=1, count=3), FRAMES[1:4])
    grey = read_frames(tmp_path, clip, start=4)[0]
    assert np.array_equal(grey, np.repeat(FRAMES[4, ..., :1], 3, axis=-1))


def test_resizing_is_the_same_for_video_images_and_maps(tmp_path):
    clip = a_clip(path=encoded(tmp_path, "lossless"), n_frames=N)
    size = (16, 24)
    small = read_frames(tmp_path, clip, size, count=2)
    assert small.shape == (2, *size, 3)
    for channel in range(3):
        assert np.array_equal(small[1, ..., channel], resize(FRAMES[1, ..., channel], size))
    # Antialiased: a fine checkerboard becomes its mean, not one of its two values.
    checkers = (np.indices((64, 96)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert np.abs(resize(checkers, size).astype(int)[2:-2, 2:-2] - 127.5).max() < 2
    assert resize(checkers, (64, 96)) is checkers
    assert resize(checkers, None) is checkers


X264 = "x264-params"
OPEN = {X264: "open-gop=1:keyint=12:bframes=3:b-adapt=0:scenecut=0"}
CONTAINERS = {
    "closed groups": ("x.mp4", "libx264", {X264: "keyint=12:bframes=3:scenecut=0"}),
    "open groups": ("x.mp4", "libx264", OPEN),
    "open groups in Matroska": ("x.mkv", "libx264", OPEN),
    "open groups in AVI, without presentation times": ("x.avi", "libx264", OPEN),
    "open groups in a transport stream": ("x.ts", "libx264", OPEN),
    "groups of two": ("x.mp4", "libx264", {X264: "keyint=2:bframes=1:b-adapt=0"}),
    "refreshed bit by bit": ("x.mp4", "libx264", {X264: "intra-refresh=1:keyint=12:scenecut=0"}),
    "MPEG-4 AVI": ("x.AVI", "mpeg4", {"g": "10"}),
    "MPEG-4 AVI with B-frames": ("x.AVI", "mpeg4", {"g": "10", "bf": "2"}),
    "program stream": ("x.mpg", "mpeg1video", {"g": "10", "bf": "2"}),
    "all keyframes": ("x.mkv", "ffv1", {}),
}


def indexed(folder, name):
    """Return the row of a video as an adapter would write it."""
    found = probe(folder / name)
    fields = [field for field in found.__slots__ if field not in ("promised", "gap")]
    return a_clip(path=name, **{field: getattr(found, field) for field in fields})


def assert_seeks_are_exact(folder, clip, T=8, every=1):
    """Read every window by itself, and compare it with the whole as decoded in order."""
    whole = read_frames(folder, clip)
    for start in range(0, clip.n_frames - T + 1, every):
        # One thread and several: they give frames after different delays.
        window = read_frames(folder, clip, start=start, count=T, threads=start % 3)
        assert np.array_equal(window, whole[start : start + T]), start


@pytest.mark.parametrize("kind", CONTAINERS)
def test_a_window_is_the_same_after_a_seek(tmp_path, kind):
    name, codec, options = CONTAINERS[kind]
    write_video(tmp_path / name, FRAMES, codec, **options)
    clip = indexed(tmp_path, name)
    assert clip.n_frames == N
    assert len(clip.keyframes) >= (1 if "refreshed" in kind else 3)
    assert_seeks_are_exact(tmp_path, clip)


@pytest.mark.parametrize("name", ["x.mp4", "x.mkv"])
def test_a_window_of_a_variable_frame_rate_is_the_same_after_a_seek(tmp_path, name):
    pts = np.cumsum([0, *([20, 90, 40, 33] * N)])[:N]
    write_video(tmp_path / name, FRAMES, "libx264", pts=[int(p) for p in pts], **OPEN)
    clip = indexed(tmp_path, name)
    assert len(clip.keyframes) >= 3
    assert_seeks_are_exact(tmp_path, clip)


def test_times_below_zero_and_edit_lists(tmp_path):
    write_video(tmp_path / "x.mp4", FRAMES, "libx264", **OPEN)
    with av.open(str(tmp_path / "x.mp4")) as source, av.open(str(tmp_path / "cut.mp4"), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None:
                # The first 15 frames lie before zero, and an edit list hides them.
                shift = 15 * 512
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, copy
                target.mux(packet)
    clip = indexed(tmp_path, "cut.mp4")
    assert clip.n_frames > len(FRAMES) // 2
    assert_seeks_are_exact(tmp_path, clip)


@pytest.mark.parametrize(("size", "n_frames"), [((640, 360), 60), ((1920, 1080), 25)])
@pytest.mark.parametrize(
    ("name", "codec", "options"), [("x.mp4", "libx264", OPEN), ("x.AVI", "mpeg4", {"bf": "2"})]
)
@pytest.mark.slow
def test_videos_of_the_sizes_that_corpora_have(tmp_path, size, n_frames, *, name, codec, options):
    write_video(tmp_path / name, moving_square(n_frames, *size), codec, **options)
    clip = indexed(tmp_path, name)
    assert ((clip.width, clip.height), clip.n_frames) == (size, n_frames)
    assert len(clip.keyframes) >= 3
    assert_seeks_are_exact(tmp_path, clip, T=4, every=7)


def test_a_seek_spares_what_lies_before_the_keyframe(tmp_path):
    """Bytes before the keyframe are destroyed, and the window is read all the same."""
    write_video(tmp_path / "x.AVI", FRAMES, "mpeg4", g="10")
    clip = indexed(tmp_path, "x.AVI")
    window = read_frames(tmp_path, clip, start=32, count=6)
    with av.open(str(tmp_path / "x.AVI")) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray((tmp_path / "x.AVI").read_bytes())
    for position, size in packets[2:28]:
        data[position + 8 : position + 8 + size] = bytes(size)
    (tmp_path / "x.AVI").write_bytes(data)
    assert np.array_equal(read_frames(tmp_path, clip, start=32, count=6, threads=1), window)
    with pytest.raises(ProblemError, match="DHF1K/x"):
        read_frames(tmp_path, clip)


def test_keyframes_of_another_file_lead_nowhere_wrong(tmp_path):
    """Times that no keyframe has, or that all belong to others: the frames are still the right ones."""
    write_video(tmp_path / "x.mp4", FRAMES, "libx264", **OPEN)
    clip = indexed(tmp_path, "x.mp4")
    unknown = replace(clip, keyframes=tuple(pts + 1 for pts in clip.keyframes))
    assert_seeks_are_exact(tmp_path, unknown, every=5)


def test_keyframes_and_their_frames(tmp_path):
    write_video(tmp_path / "x.AVI", FRAMES, "mpeg4", g="10", sc_threshold="1000000000")
    found = probe(tmp_path / "x.AVI", threads=1)
    assert found.keyframes == found.keyframe_frames == (0, 10, 20, 30)
    assert probe(tmp_path / "x.AVI") == found


def test_a_truncated_video_has_fewer_frames_or_is_refused(tmp_path):
    path = tmp_path / encoded(tmp_path, "mpeg4 in AVI")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    try:
        assert probe(path).n_frames < N
    except ClipError as error:
        assert "damaged" in str(error)


def test_a_file_without_a_video_stream(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "x.png")
    with pytest.raises(ClipError, match=r"no file y\.mp4"):
        probe(tmp_path / "y.mp4")
    assert probe(tmp_path / "x.png").n_frames == 1


def test_a_video_that_changed_since_indexing_is_named(tmp_path):
    clip = a_clip(path=encoded(tmp_path, "lossless"), n_frames=N + 3)
    with pytest.raises(ProblemError, match=r"expected 37 frames, as indexed, found more"):
        read_frames(tmp_path, replace(clip, n_frames=N - 3))
    with pytest.raises(ProblemError, match=rf"found frame 0 of {WIDTH}x{HEIGHT}"):
        read_frames(tmp_path, replace(clip, n_frames=N, width=WIDTH * 2), count=1)
    with pytest.raises(
        ProblemError, match=rf"DHF1K/x \(.*x\.mkv\): expected 43 frames, as indexed, found {N} frames"
    ):
        read_frames(tmp_path, clip)
    (tmp_path / "x.mkv").write_bytes(b"gone")
    with pytest.raises(ProblemError, match="InvalidDataError"):
        list(iter_frames(tmp_path, clip))


def test_times_that_begin_again_are_not_sought(tmp_path):
    for name, shift in (("a", 0), ("b", 90)):
        write_video(tmp_path / f"{name}.mpg", (FRAMES + np.uint8(shift)), "mpeg2video", g="10")
    joined = (tmp_path / "a.mpg").read_bytes() + (tmp_path / "b.mpg").read_bytes()
    (tmp_path / "x.mpg").write_bytes(joined)
    clip = indexed(tmp_path, "x.mpg")
    assert clip.keyframes == clip.keyframe_frames == ()
    assert clip.n_frames > N
    assert_seeks_are_exact(tmp_path, clip, every=5)


def test_frames_of_16_bits_are_refused(tmp_path):
    clip = a_clip(media="frames", path="images", frame_pattern="images/{:d}.png", n_frames=2)
    for i in (1, 2):
        write_png(tmp_path / "images" / f"{i}.png", np.full((HEIGHT, WIDTH), 999, np.uint16))
    with pytest.raises(ProblemError, match=r"1\.png\): expected an image of 8 bits, as indexed, found I;16"):
        read_frames(tmp_path, clip)


def covered(wmv):
    """Return a WMV file with a cover of 32 x 32 in its header, as media players write it there."""
    picture = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(picture, "JPEG")
    texts = "image/jpeg\0\0".encode("utf-16-le")  # its kind, and a description
    value = struct.pack("<BI", 3, len(picture.getvalue())) + texts + picture.getvalue()
    name = "WM/Picture\0".encode("utf-16-le")
    more = struct.pack("<H", len(name)) + name + struct.pack("<HH", 1, len(value)) + value
    data = bytearray(wmv)
    at = data.find(bytes.fromhex("40A4D0D207E3D21197F000A0C95EA850"))  # the description of contents
    size, n = struct.unpack_from("<QH", data, at + 16)
    struct.pack_into("<QH", data, at + 16, size + len(more), n + 1)
    struct.pack_into("<Q", data, 16, struct.unpack_from("<Q", data, 16)[0] + len(more))
    data[at + size : at + size] = more
    return bytes(data)


def test_a_cover_is_not_taken_for_the_video(tmp_path):
    write_video(tmp_path / "x.wmv", FRAMES, "wmv2", qmin="1", qmax="2")
    found = probe(tmp_path / "x.wmv")
    frames = read_frames(tmp_path, a_clip(path="x.wmv", n_frames=N))
    (tmp_path / "x.wmv").write_bytes(covered((tmp_path / "x.wmv").read_bytes()))
    with av.open(str(tmp_path / "x.wmv")) as container:
        assert [stream.width for stream in container.streams.video] == [32, WIDTH]
    assert probe(tmp_path / "x.wmv") == found
    assert np.array_equal(read_frames(tmp_path, a_clip(path="x.wmv", n_frames=N)), frames)
