"""Decoding: every frame, in order, counted by decoding, for the codecs corpora come in."""

import av
import numpy as np
import pytest
from PIL import Image
from small_corpora import HEIGHT, WIDTH, a_clip, moving_square, write_png, write_video

from datasets.corpus import ClipError
from datasets.video import iter_frames, probe, read_frames, resize
from manifests import ProblemError

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


@pytest.mark.parametrize("kind", ["h264 with B-frames", "mpeg4 in AVI"])
def test_keyframes_are_where_decoding_can_begin(tmp_path, kind):
    name = encoded(tmp_path, kind)
    keyframes = probe(tmp_path / name).keyframes
    assert len(keyframes) >= 4
    with av.open(str(tmp_path / name)) as container:
        stream = container.streams.video[0]
        sequence = {frame.pts: frame.to_ndarray(format="rgb24") for frame in container.decode(stream)}
        assert len(sequence) == N
        for pts in keyframes:
            container.seek(pts, stream=stream)
            found = [(frame.pts, frame.to_ndarray(format="rgb24")) for frame in container.decode(stream)]
            # AVI is indexed by decoding time: with B-frames a seek may land on the keyframe after.
            assert found[0][0] in keyframes
            assert len(found) == sum(p >= found[0][0] for p in sequence)
            assert all(np.array_equal(image, sequence[p]) for p, image in found)


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
    with pytest.raises(
        ProblemError, match=rf"DHF1K/x \(.*x\.mkv\): expected 43 frames, as indexed, found {N} frames"
    ):
        read_frames(tmp_path, clip)
    (tmp_path / "x.mkv").write_bytes(b"gone")
    with pytest.raises(ProblemError, match="InvalidDataError"):
        list(iter_frames(tmp_path, clip))
