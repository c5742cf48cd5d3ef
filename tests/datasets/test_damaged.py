"""Every way in which a clip is damaged: what it is called, what is said of it, and that it stops nothing."""

from dataclasses import replace

import av
import numpy as np
import pytest

from datasets.indexing.index import index
from tests.datasets.one_clip import (
    DHF1K,
    FIXATIONS,
    FRAMES,
    MAPS,
    VIDEO,
    cut,
    empty,
    frame_clip,
    read,
    video_clip,
)
from tests.datasets.small_corpora import (
    HEIGHT,
    WIDTH,
    moving_square,
    write_dhf1k,
    write_dhf1k_frames,
    write_png,
    write_video,
)


def rename_all(folder, change):
    for file in list(folder.iterdir()):
        file.rename(folder / change(file.name))


def shorter_video(root):
    write_video(root / "video/001.AVI", moving_square(4))


# What is done to a sound clip; the kind, part of the reason, and the path of what is found then.
DAMAGE = {
    "an empty file": (
        video_clip,
        lambda root: (root / VIDEO).write_bytes(b""),
        ("unreadable-video", "found an empty file", VIDEO),
    ),
    "no video": (
        video_clip,
        lambda root: (root / VIDEO).write_bytes(b"this is not a video" * 50),
        ("unreadable-video", "Invalid data found", VIDEO),
    ),
    "a dangling link": (
        video_clip,
        lambda root: ((root / VIDEO).unlink(), (root / VIDEO).symlink_to(root / "nowhere.avi")),
        ("missing-file", "found none", VIDEO),
    ),
    "a video that is cut off": (
        video_clip,
        shorter_video,
        ("count-mismatch", "found 4 frames, 6 maps, 6 fixation files", VIDEO),
    ),
    "frames lost in extraction": (
        frame_clip,
        lambda root: (root / FRAMES / "0006.png").unlink(),
        ("count-mismatch", "found 5 frames, 6 maps, 6 fixation files", FRAMES),
    ),
    "a map too few": (
        video_clip,
        lambda root: (root / MAPS / "0006.png").unlink(),
        ("count-mismatch", "found 6 frames, 5 maps, 6 fixation files", VIDEO),
    ),
    "a fixation image too few": (
        video_clip,
        lambda root: (root / FIXATIONS / "0006.png").unlink(),
        ("count-mismatch", "found 6 frames, 6 maps, 5 fixation files", VIDEO),
    ),
    "a hole in the frames": (
        frame_clip,
        lambda root: (root / FRAMES / "0003.png").unlink(),
        ("missing-number", "5 numbers from 0001 to 0006, without 3", FRAMES),
    ),
    "a hole in the maps": (
        video_clip,
        lambda root: (root / MAPS / "0005.png").unlink(),
        ("missing-number", "without 5", MAPS),
    ),
    "mixed padding": (
        frame_clip,
        lambda root: (root / FRAMES / "0006.png").rename(root / FRAMES / "6.png"),
        ("mixed-padding", "found 0001 and 6", FRAMES),
    ),
    "a number twice": (
        frame_clip,
        lambda root: write_png(root / FRAMES / "00006.png", moving_square(1)[0]),
        ("mixed-padding", "numbers padded in one way", FRAMES),
    ),
    "two ways of naming": (
        frame_clip,
        lambda root: (root / FRAMES / "0006.png").rename(root / FRAMES / "frame0006.png"),
        ("mixed-names", "5 of <number>.png and 1 of frame<number>.png", FRAMES),
    ),
    "two formats": (
        frame_clip,
        lambda root: write_png(root / FRAMES / "0006.jpg", moving_square(1)[0]),
        ("mixed-names", "6 of <number>.png and 1 of <number>.jpg", FRAMES),
    ),
    "a frame of another size": (
        frame_clip,
        lambda root: write_png(root / FRAMES / "0004.png", np.zeros((HEIGHT, WIDTH - 2, 3), np.uint8)),
        ("size-mismatch", "expected 64x48 as the first frame, found 62x48", f"{FRAMES}/0004.png"),
    ),
    "a map of another size": (
        video_clip,
        lambda root: write_png(root / MAPS / "0002.png", np.zeros((HEIGHT + 1, WIDTH), np.uint8)),
        ("size-mismatch", "found 64x49", f"{MAPS}/0002.png"),
    ),
    "a fixation image of another size": (
        video_clip,
        lambda root: write_png(root / FIXATIONS / "0003.png", np.zeros((HEIGHT, WIDTH + 2), np.uint8)),
        ("size-mismatch", "found 66x48", f"{FIXATIONS}/0003.png"),
    ),
    "a map of 16 bits": (
        video_clip,
        lambda root: write_png(root / MAPS / "0002.png", np.full((HEIGHT, WIDTH), 999, np.uint16)),
        ("wrong-depth", "expected an image of 8 bits, found I;16 values", f"{MAPS}/0002.png"),
    ),
    "a frame that is cut off": (
        frame_clip,
        lambda root: cut(root / FRAMES / "0004.png"),
        ("unreadable-image", "truncated", f"{FRAMES}/0004.png"),
    ),
    "a map that is cut off": (
        video_clip,
        lambda root: cut(root / MAPS / "0006.png"),
        ("unreadable-image", "expected an image that decodes", f"{MAPS}/0006.png"),
    ),
    "an empty fixation image": (
        video_clip,
        lambda root: (root / FIXATIONS / "0004.png").write_bytes(b""),
        ("unreadable-image", f"cannot identify image file '{FIXATIONS}/0004.png'", f"{FIXATIONS}/0004.png"),
    ),
    "maps in the place of fixations": (
        video_clip,
        lambda root: write_png(root / FIXATIONS / "0002.png", np.full((HEIGHT, WIDTH), 3, np.uint8)),
        ("no-points", "3072 of 3072 pixels above 0", f"{FIXATIONS}/0002.png"),
    ),
    "no map": (
        video_clip,
        lambda root: empty(root / MAPS),
        ("no-maps", f"expected numbered saliency maps, found none in {MAPS}", MAPS),
    ),
    "folders of annotations that are empty": (
        video_clip,
        lambda root: (empty(root / MAPS), empty(root / FIXATIONS)),
        ("no-annotation", f"found none in {MAPS} and {FIXATIONS}", MAPS),
    ),
    "no frame": (
        frame_clip,
        lambda root: rename_all(root / FRAMES, lambda name: name.replace("png", "txt")),
        ("no-frames", f"none in {FRAMES}", FRAMES),
    ),
    "maps and fixations of other numbers": (
        video_clip,
        lambda root: rename_all(root / FIXATIONS, lambda name: f"f{int(name[:4]) + 1:04d}.png"),
        ("number-mismatch", "maps from 1, fixation files from 2", MAPS),
    ),
    "frames and annotations of other numbers": (
        frame_clip,
        lambda root: rename_all(root / FRAMES, lambda name: f"1{name}"),
        ("number-mismatch", "frames from 10001, annotations from 1", FRAMES),
    ),
    "annotations that count from 2": (
        video_clip,
        lambda root: [
            rename_all(root / kind, lambda name: f"x{int(name[:4]) + 1:04d}.png")
            for kind in (MAPS, FIXATIONS)
        ],
        ("number-mismatch", "frames from 1, annotations from 2", VIDEO),
    ),
    "no annotations": (
        video_clip,
        lambda root: (root / "annotation/0001").rename(root / "elsewhere"),
        ("no-annotation", "expected a folder of maps and one of fixations, found none", VIDEO),
    ),
    "no media": (
        video_clip,
        lambda root: (root / VIDEO).unlink(),
        ("missing-clip", "expected the video of the clip, found none", "video/0001.*"),
    ),
}


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


def test_an_index_keeps_every_damaged_clip_and_lists_why(tmp_path):
    root = tmp_path / "corpus"
    for number in (1, 2, 3, 21, 601, 701):
        write_dhf1k(root, number, 4)
    (root / "video/001.AVI").write_bytes(b"")
    (root / "annotation/0002/maps/0004.png").unlink()
    (root / "video/0003.AVI").write_bytes((root / "video/003.AVI").read_bytes())
    write_png(root / "annotation/0021/0450.png", np.zeros((4, 4, 3), np.uint8))
    (root / "video/702.AVI").write_bytes(b"no video")
    manifest = index("dhf1k", root, tmp_path / "m", workers=2)
    assert (manifest.layout, manifest.quarantined) == ("shipped", 4)
    assert {clip.clip: clip.split for clip in manifest.clips()} == {
        "0021": "val",
        "0601": "test",
        "0701": "unannotated",
    }
    found = {(f.level, f.kind, f.clip) for f in manifest.problems() if f.clip}
    assert found == {
        ("error", "unreadable-video", "0001"),
        ("error", "count-mismatch", "0002"),
        ("error", "duplicate-clip", "0003"),
        ("error", "unreadable-video", "0702"),
        ("warning", "stray-file", "0021"),
    }
    fixations = manifest.fixations()
    for clip in manifest.clips(status="quarantined"):
        assert clip.reason
        assert len(fixations.of(clip.clip)[0]) == 0


def test_the_digest_does_not_depend_on_where_the_corpus_lies(tmp_path):
    for number in (1, 2):
        write_dhf1k(tmp_path / "here", number, 3)
    (tmp_path / "here/annotation/0002/fixation/0002.png").write_bytes(b"")
    here = index("dhf1k", tmp_path / "here", tmp_path / "m1")
    (tmp_path / "link").symlink_to(tmp_path / "here")
    assert index("DHF1K", tmp_path / "link", tmp_path / "m2").digest == here.digest
    (tmp_path / "here").rename(tmp_path / "elsewhere")
    assert index("dhf1k", tmp_path / "elsewhere", tmp_path / "m3").digest == here.digest
    assert here.quarantined == 1


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


@pytest.mark.parametrize("row", [(6, 0, 0), (0, HEIGHT, 0), (0, 0, -1), (0, np.nan, 0)])
def test_fixations_outside_the_clip_quarantine_it_alone(tmp_path, row):
    class Astray(DHF1K.__class__):
        def read(self, root, entry):
            reading = super().read(root, entry)
            return replace(reading, rows=np.array([row])) if entry.clip == "0001" else reading

    write_dhf1k(tmp_path / "corpus", 1, 6)
    write_dhf1k(tmp_path / "corpus", 2, 6)
    manifest = index(Astray(), tmp_path / "corpus", tmp_path / "m")
    assert [clip.clip for clip in manifest.clips()] == ["0002"]
    (finding,) = [finding for finding in manifest.problems() if finding.clip]
    assert (finding.clip, finding.kind) == ("0001", "outside-frame")
