"""SALICON: photographs as clips of one frame, fixations of all observers, and editions told apart."""

import numpy as np
import pytest

from datasets.corpora.registry import get, title
from datasets.corpora.salicon import CORPUS
from datasets.indexing.index import index
from datasets.reading.video import iter_frames
from tests.datasets.small_corpora import scanned
from tests.datasets.small_photographs import FIXATED, HEIGHT, WIDTH, map_of, save, write_gaze, write_salicon


def write_all(root, folder="images"):
    for part, numbers in (("train", range(1, 6)), ("val", (7, 8)), ("test", (9,))):
        for number in numbers:
            write_salicon(root, part, number, folder=folder.replace("{part}", part))


def rows(manifest, clip):
    frame, yx = manifest.fixations().of(clip)
    return [(int(f), *map(int, at)) for f, at in zip(frame, yx, strict=True)]


@pytest.mark.parametrize(("folder", "layout"), [("images", "shipped"), ("images/{part}", "parts")])
def test_every_photograph_is_a_clip_of_one_frame_with_its_map_and_fixations(tmp_path, folder, layout):
    write_all(tmp_path / "s", folder)
    manifest = index("salicon", tmp_path / "s", tmp_path / "m")
    assert manifest.layout == layout
    assert (manifest.corpus, manifest.quarantined) == ("SALICON", 0)
    assert {k: n for k, n in manifest.counts.items() if n} == {
        "train": 4,
        "val": 1,
        "test": 2,
        "unannotated": 1,
    }
    for clip in manifest.clips():
        assert (clip.media, clip.n_frames, clip.codec) == ("image", 1, "jpeg")
        assert (clip.width, clip.height) == (WIDTH, HEIGHT)
        (frame,) = iter_frames(manifest.root, clip)
        assert frame.shape == (HEIGHT, WIDTH, 3)
        if clip.split == "unannotated":
            assert (clip.map_pattern, clip.fixation_pattern) == ("", "")
            continue
        assert rows(manifest, clip.clip) == FIXATED
        assert clip.map_path(0) == f"maps/{'val' if clip.split == 'test' else 'train'}/{clip.clip}.png"
        assert len(clip.paths()) == 3
    # Of all that is published there are a few, which is told; nothing else is amiss.
    assert {problem.found for problem in manifest.problems()} == {"4", "1", "2"}
    manifest.verify()


def test_what_is_held_out_depends_on_names_alone(tmp_path):
    write_all(tmp_path / "s")
    held = [entry.clip for entry in CORPUS.list(tmp_path / "s").entries if entry.split == "val"]
    for edition in ("salicon", "salicon2015"):
        listing = get(edition).list(tmp_path / "s")
        assert [entry.clip for entry in listing.entries if entry.split == "val"] == held


def test_editions_are_two_corpora_and_a_folder_of_the_other_year_is_told(tmp_path):
    assert (title("SALICON"), title("SALICON2015")) == ("SALICON", "SALICON (2015)")
    write_all(tmp_path / "salicon-2015")
    told = [f for f in get("salicon").list(tmp_path / "salicon-2015").findings if f.kind == "edition"]
    assert [(f.level, f.expected, f.found) for f in told] == [("warning", "SALICON of 2017", "salicon-2015")]
    fitting = get("salicon2015").list(tmp_path / "salicon-2015").findings
    assert not [f for f in fitting if f.kind == "edition"]


def one(root, damage):
    write_salicon(root, "train", 1)
    damage(root)
    (reading,) = scanned(CORPUS, root)
    return reading


NAME = "COCO_train2014_000000000001"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda root: (root / f"fixations/train/{NAME}.mat").write_bytes(b"no"), "expected a MATLAB file"),
        (lambda root: save(root / f"maps/train/{NAME}.png", map_of(0, 32, 24)), "found 32x24"),
        (lambda root: (root / f"images/{NAME}.jpg").write_bytes(b"\xff\xd8no"), "an image that decodes"),
        (
            lambda root: write_gaze(root / f"fixations/train/{NAME}.mat", [[(1, 1)]], (10, 20)),
            "expected the resolution of the photograph, 48x64, found [10.0, 20.0]",
        ),
        (lambda root: (root / f"maps/train/{NAME}.png").unlink(), "expected saliency maps, found none"),
    ],
)
def test_a_damaged_photograph_is_quarantined_with_the_reason(tmp_path, damage, reason):
    reading = one(tmp_path, damage)
    assert reading.clip.status == "quarantined"
    assert reason in reading.clip.reason


def test_annotations_without_their_photograph_and_photographs_without_any_are_told(tmp_path):
    for number in (1, 2):
        write_salicon(tmp_path, "train", number)
    (tmp_path / f"images/{NAME}.jpg").unlink()
    name = write_salicon(tmp_path, "val", 3)
    for file in (f"maps/val/{name}.png", f"fixations/val/{name}.mat"):
        (tmp_path / file).unlink()
    faults = {entry.clip: entry.fault.kind for entry in CORPUS.list(tmp_path).entries if entry.fault}
    assert faults == {NAME: "missing-clip", name: "no-annotation"}


def test_fixations_outside_are_left_aside_and_counted(tmp_path):
    outside = [[(0, 5), (65, 5), (3, 49), (64, 48)]]
    reading = one(tmp_path, lambda root: write_gaze(root / f"fixations/train/{NAME}.mat", outside))
    assert reading.rows.tolist() == [[0, 47, 63]]
    (finding,) = reading.findings
    assert (finding.level, finding.kind, finding.found) == ("note", "outside-frame", "3 of 4 outside")


def test_a_photograph_nobody_looked_at_has_no_fixations(tmp_path):
    reading = one(tmp_path, lambda root: write_gaze(root / f"fixations/train/{NAME}.mat", [[], []]))
    assert (reading.clip.status, reading.clip.n_fixated_frames, len(reading.rows)) == ("ok", 0, 0)
    assert np.asarray(reading.rows).shape == (0, 3)
