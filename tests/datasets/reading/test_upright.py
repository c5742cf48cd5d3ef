"""Videos that are to be shown turned or mirrored, by the display matrix of their container."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from datasets.corpora.own_folder import FolderCorpus
from datasets.corpus import ClipError
from datasets.indexing.index import index
from datasets.reading.upright import rgb, shown_size, turn
from datasets.reading.video import pixel_aspect, read_frames
from hd2s.commands.sources import open_source
from manifests import ProblemError
from tests.datasets.small_corpora import write_video

ONE = 65536
PICTURE = np.full((48, 64, 3), 60, np.uint8)
PICTURE[4:14, 4:24] = 230, 40, 40
PICTURE[38:44, 8:12] = 40, 230, 40
# Of each matrix a, b, c, d: what it shows.
TURNS = {
    (1, 0, 0, 1): PICTURE,
    (-1, 0, 0, -1): PICTURE[::-1, ::-1],
    (0, 1, -1, 0): np.rot90(PICTURE, -1),
    (0, -1, 1, 0): np.rot90(PICTURE, 1),
    (-1, 0, 0, 1): PICTURE[:, ::-1],
    (1, 0, 0, -1): PICTURE[::-1],
    (0, 1, 1, 0): PICTURE.transpose(1, 0, 2),
    (0, -1, -1, 0): PICTURE.transpose(1, 0, 2)[::-1, ::-1],
}


def turned_video(path, matrix, **options):
    """Write a video with this display matrix, of which a, b, c, d are whole numbers of 1/65536."""
    write_video(path, np.stack([PICTURE] * 12), "libx264", g="4", qp="1", **options)
    data = bytearray(path.read_bytes())
    a, b, c, d = matrix
    struct.pack_into(">9i", data, data.find(b"tkhd") + 44, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def first_frame(path):
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def close(found, expected):
    return found.shape == expected.shape and np.abs(found.astype(int) - expected).mean() < 4


@pytest.mark.parametrize("matrix", TURNS)
def test_frames_are_read_as_they_are_shown_wherever_they_are_read(tmp_path, matrix):
    path = tmp_path / "c" / "videos" / "a.mp4"
    turned_video(path, [ONE * number for number in matrix])
    manifest = index(FolderCorpus("Mine"), tmp_path / "c", tmp_path / "m")
    (clip,) = manifest.clips()
    assert (clip.height, clip.width) == TURNS[matrix].shape[:2]
    assert close(read_frames(tmp_path / "c", clip)[0], TURNS[matrix])
    assert close(read_frames(tmp_path / "c", clip, start=9, count=1)[0], TURNS[matrix])
    told = [(f.level, f.kind) for f in manifest.problems() if f.kind == "rotated-video"]
    assert told == ([] if matrix == (1, 0, 0, 1) else [("note", "rotated-video")])
    source = open_source(path, Fraction(25))
    assert source.size == TURNS[matrix].shape[:2]
    assert close(next(source.native()), TURNS[matrix])


def test_another_angle_is_refused_with_the_reason(tmp_path):
    turned_video(tmp_path / "a.mp4", [46341, 46341, -46341, 46341])
    frame = first_frame(tmp_path / "a.mp4")
    for ask in (shown_size, turn, lambda frame: rgb(frame, VideoReformatter())):
        with pytest.raises(ClipError, match="multiple of 90 degrees, found another angle"):
            ask(frame)
    with pytest.raises(ProblemError, match="another angle in its display matrix"):
        open_source(tmp_path / "a.mp4", Fraction(25))


def test_a_scaled_matrix_turns_as_well(tmp_path):
    turned_video(tmp_path / "a.mp4", [0, 2 * ONE, -2 * ONE, 0])
    frame = first_frame(tmp_path / "a.mp4")
    assert (shown_size(frame), turn(frame)) == ((48, 64), "rotated by 90 degrees clockwise")


@pytest.mark.parametrize(
    ("matrix", "aspect"), [((1, 0, 0, 1), 4 / 3), ((-1, 0, 0, -1), 4 / 3), ((0, 1, -1, 0), 3 / 4)]
)
def test_the_shape_of_a_pixel_turns_with_its_frame(tmp_path, matrix, aspect):
    turned_video(tmp_path / "a.mp4", [ONE * number for number in matrix], aspect="4/3")
    assert pixel_aspect(tmp_path / "a.mp4") == pytest.approx(aspect)
    turned_video(tmp_path / "a.mp4", [ONE * number for number in matrix])
    assert pixel_aspect(tmp_path / "a.mp4") == 1
