"""What is read of a clip's files: pixels, names, formats, and what is noted and stops nothing."""

import av
import numpy as np
import pytest
from PIL import Image

from datasets.corpora.own_folder import FolderCorpus
from datasets.corpus import ClipError, Entry
from datasets.reading.clip import read_clip
from datasets.reading.numbered_files import single
from tests.datasets.damages import DAMAGE, shorter_video
from tests.datasets.one_clip import (
    FIXATIONS,
    FRAMES,
    MAPS,
    VIDEO,
    empty,
    frame_clip,
    read,
    video_clip,
)
from tests.datasets.small_corpora import (
    HEIGHT,
    WIDTH,
    expected_rows,
    four_digits,
    moving_square,
    scanned,
    write_annotations,
    write_dhf1k,
    write_dhf1k_frames,
    write_fixations,
    write_frames,
    write_png,
    write_video,
)


@pytest.mark.parametrize("place", [FIXATIONS, f"{FIXATIONS}/maps"])
def test_fixations_from_mat_files_when_there_are_no_images(tmp_path, place):
    video_clip(tmp_path)
    from_images = read(tmp_path)
    empty(tmp_path / FIXATIONS)
    write_fixations(tmp_path / place, four_digits(6), "mat")
    reading = read(tmp_path)
    assert sorted(map(tuple, reading.rows.tolist())) == expected_rows(6)
    assert np.array_equal(reading.rows, from_images.rows)
    assert (reading.clip.fixation_path(5), reading.clip.n_fixated_frames) == (f"{place}/0006.mat", 5)
    assert reading.findings == ()


def test_images_go_before_mat_files(tmp_path):
    video_clip(tmp_path)
    (tmp_path / FIXATIONS / "maps").mkdir()
    (tmp_path / FIXATIONS / "maps" / "0001.mat").write_bytes(b"never opened")
    assert read(tmp_path).clip.fixation_pattern == f"{FIXATIONS}/{{:04d}}.png"


def test_maps_that_are_zero_are_noted_and_counted(tmp_path):
    video_clip(tmp_path)
    for name in ("0002", "0005"):
        write_png(tmp_path / MAPS / f"{name}.png", np.zeros((HEIGHT, WIDTH), np.uint8))
    # A colour image in grey is none of them.
    write_png(tmp_path / MAPS / "0003.png", np.full((HEIGHT, WIDTH, 3), 9, np.uint8))
    reading = read(tmp_path)
    assert reading.clip.status == "ok"
    (finding,) = reading.findings
    assert (finding.level, finding.kind, finding.path) == ("note", "zero-maps", MAPS)
    assert finding.found == "2 of 6 all zero"


def test_fixation_images_of_other_modes_give_the_same_pixels(tmp_path):
    video_clip(tmp_path)
    expected = read(tmp_path).rows
    for name, mode in (("0001", "1"), ("0002", "RGB"), ("0003", "P"), ("0004", "RGBA")):
        path = tmp_path / FIXATIONS / f"{name}.png"
        with Image.open(path) as image:
            image.convert(mode).save(path)
    assert np.array_equal(read(tmp_path).rows, expected)


def test_numberless_images_and_other_files_are_left_aside(tmp_path):
    frame_clip(tmp_path)
    (tmp_path / FRAMES / "._0003.png").write_bytes(b"")
    (tmp_path / FRAMES / "notes.txt").write_bytes(b"")
    (tmp_path / FRAMES / "cover.png").write_bytes(b"")
    reading = read(tmp_path)
    assert reading.clip.status == "ok"
    assert [(f.level, f.kind, f.found) for f in reading.findings] == [
        ("warning", "stray-file", "2 more: cover.png, notes.txt")
    ]


def test_other_image_formats(tmp_path):
    write_frames(tmp_path / "frames" / "x", ["1", "2"], "JPG")
    write_frames(tmp_path / "frames" / "y", ["1", "2"], "bmp")
    corpus = FolderCorpus("Mine")
    clips = [reading.clip for reading in scanned(corpus, tmp_path)]
    assert [(clip.status, clip.codec) for clip in clips] == [("ok", "jpeg"), ("ok", "bmp")]
    assert clips[0].frame_path(1) == "frames/x/2.JPG"


def test_keyframes_and_their_frames(tmp_path):
    write_dhf1k(tmp_path, 1, 12)
    clip = read(tmp_path).clip
    assert clip.keyframe_frames == (0, 5, 10)
    assert len(clip.keyframes) == 3


def test_annotations_without_frames_read_alone(tmp_path):
    write_annotations(tmp_path / "annotation" / "0001", four_digits(3))
    write_dhf1k(tmp_path, 2, 3)
    assert read(tmp_path).findings[0].kind == "missing-clip"


def test_mat_files_beside_images_and_not_as_many(tmp_path):
    video_clip(tmp_path)
    write_fixations(tmp_path / FIXATIONS / "maps", four_digits(6), "mat")
    assert read(tmp_path).findings == ()
    (tmp_path / FIXATIONS / "maps" / "0006.mat").unlink()
    reading = read(tmp_path)
    assert reading.clip.status == "ok"
    assert [(f.level, f.kind, f.found) for f in reading.findings] == [("warning", "two-fixations", "5")]


def test_fixation_images_in_jpeg_are_told_apart_from_none(tmp_path):
    video_clip(tmp_path)
    for file in list((tmp_path / FIXATIONS).iterdir()):
        file.rename(file.with_suffix(".jpg"))
    (finding,) = read(tmp_path).findings
    assert (finding.kind, finding.found) == ("no-fixations", "only 6 jpg")
    assert "JPEG blurs single pixels" in finding.remedy


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_clip_is_quarantined_and_says_why(tmp_path, damage):
    write, harm, (kind, reason, path) = DAMAGE[damage]
    write(tmp_path)
    write_dhf1k(tmp_path, 2, 3) if write is video_clip else write_dhf1k_frames(tmp_path, "tased", 2, 3)
    assert read(tmp_path).clip.status == "ok"
    harm(tmp_path)
    reading = read(tmp_path)
    assert (reading.clip.status, len(reading.rows)) == ("quarantined", 0)
    (finding,) = reading.findings
    assert (finding.level, finding.kind, finding.clip, finding.path) == ("error", kind, "0001", path)
    assert reason in reading.clip.reason
    assert reading.clip.reason == f"expected {finding.expected}, found {finding.found}"
    assert str(tmp_path) not in f"{finding}{reading.clip}"
    assert finding.remedy
    assert read(tmp_path, "0002").clip.status == "ok"


def test_remedies_name_the_likely_cause(tmp_path):
    video_clip(tmp_path / "a")
    shorter_video(tmp_path / "a")
    frame_clip(tmp_path / "b")
    (tmp_path / "b" / FRAMES / "0006.png").unlink()
    video_clip(tmp_path / "c")
    (tmp_path / "c" / MAPS / "0006.png").unlink()
    remedies = [read(tmp_path / name).findings[0].remedy for name in "abc"]
    for remedy, word in zip(remedies, ("cut off", "time stamps", "Unpack the annotations"), strict=True):
        assert word in remedy


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("head", [True, False])
def test_a_part_of_a_video_is_never_usable(tmp_path, share, head):
    video_clip(tmp_path)
    content = (tmp_path / VIDEO).read_bytes()
    at = int(len(content) * share)
    (tmp_path / VIDEO).write_bytes(content[:at] if head else content[at:])
    reading = read(tmp_path)
    # Which of them depends on what the decoder meets first.
    kinds = {"unreadable-video", "damaged-frame", "no-frames", "count-mismatch"}
    assert (reading.clip.status, {f.kind for f in reading.findings} <= kinds) == ("quarantined", True)


def test_a_frame_of_16_bits(tmp_path):
    frame_clip(tmp_path)
    for file in (tmp_path / FRAMES).iterdir():
        write_png(file, np.full((HEIGHT, WIDTH), 999, np.uint16))
    (finding,) = read(tmp_path).findings
    assert (finding.kind, finding.path) == ("wrong-depth", f"{FRAMES}/0001.png")


def test_a_video_without_annotations_that_is_cut_off(tmp_path):
    write_video(tmp_path / "video/701.AVI", moving_square(60), "mpeg4", g="10")
    with av.open(str(tmp_path / "video/701.AVI")) as container:
        positions = [packet.pos for packet in container.demux(video=0) if packet.size]
    path = tmp_path / "video/701.AVI"
    path.write_bytes(path.read_bytes()[: positions[40]])
    reading = read(tmp_path, "0701")
    (finding,) = reading.findings
    assert (reading.clip.status, finding.level, finding.kind) == ("quarantined", "error", "count-mismatch")
    assert finding.expected == "about 60 frames, as the header says"


GAZE = "0 3 4\n2 5 6\n"


def read_tables(root, entry, files, size, *, required):
    assert (files, size, required) == (None, (WIDTH, HEIGHT), True)
    place = root / entry.fixations
    tables = sorted(place.iterdir()) if place.is_dir() else [place]
    rows = np.concatenate([np.loadtxt(table, np.int32, ndmin=2) for table in tables])
    return (None if place.is_dir() else single(entry.fixations)), rows, []


@pytest.mark.parametrize(
    ("place", "tables", "pattern"),
    [("gaze/{1}.txt", [""], "gaze/{{1}}.txt"), ("gaze/1", ["/anna.txt", "/ben.txt"], "")],
)
def test_fixations_of_a_form_of_its_own_are_read_without_maps(tmp_path, place, tables, pattern):
    video_clip(tmp_path)
    for table in tables:
        path = tmp_path / f"{place}{table}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(GAZE)
    entry = Entry("1", "test", "1", "video", VIDEO, fixations=place)
    reading = read_clip("Mine", tmp_path, entry, needs_maps=False, points=read_tables)
    assert reading.clip.fixation_pattern == pattern
    assert reading.rows.tolist() == [[0, 3, 4], [2, 5, 6]] * len(tables)
    with pytest.raises(ClipError, match="expected numbered saliency maps"):
        read_clip("Mine", tmp_path, entry, points=read_tables)
    path = tmp_path / VIDEO
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(ClipError, match=r"about 6 frames, as the header|a video that decodes"):
        read_clip("Mine", tmp_path, entry, needs_maps=False, points=read_tables)
