"""The layout that fits a root, of those that a corpus may have: here DHF1K, which has most of them."""

import pytest

from datasets.corpora.dhf1k import CORPUS as DHF1K
from datasets.corpus import Layout
from datasets.listing.layouts import detect, listed_only, require
from manifests import ProblemError
from tests.datasets.small_corpora import (
    expected_rows,
    four_digits,
    moving_square,
    scanned,
    write_annotations,
    write_dhf1k,
    write_dhf1k_frames,
    write_fixations,
    write_frames,
    write_video,
)


def scan(root, layout=None):
    return {reading.clip.clip: reading for reading in scanned(DHF1K, root, layout)}


def kinds(findings):
    return [(f.level, f.kind, f.clip) for f in findings]


def test_frames_named_frame0_without_padding(tmp_path):
    write_frames(tmp_path / "frames" / "7", [f"frame{i}" for i in range(11)])
    write_annotations(tmp_path / "annotation" / "0007", four_digits(11))
    assert DHF1K.list(tmp_path).layout == "hd2s"
    reading = scan(tmp_path)["0007"]
    assert (reading.clip.n_frames, reading.clip.first_frame) == (11, 0)
    # In natural order, in which 2 comes before 10.
    assert [reading.clip.frame_path(i) for i in (2, 10)] == ["frames/7/frame2.png", "frames/7/frame10.png"]
    assert sorted(map(tuple, reading.rows.tolist())) == expected_rows(11)


@pytest.mark.parametrize("suffix", ["AVI", "avi", "Avi", "mp4", "MP4"])
def test_suffixes_of_videos_in_either_case(tmp_path, suffix):
    write_video(tmp_path / "video" / "001.mp4", moving_square(3))
    (tmp_path / "video" / "001.mp4").rename(tmp_path / "video" / f"001.{suffix}")
    write_annotations(tmp_path / "annotation" / "0001", four_digits(3))
    clip = scan(tmp_path)["0001"].clip
    assert (clip.status, clip.path) == ("ok", f"video/001.{suffix}")


@pytest.mark.parametrize("other", ["video/0001.AVI", "video/001.mp4"])
def test_two_videos_of_one_number_are_a_duplicate(tmp_path, other):
    write_dhf1k(tmp_path, 1, 3)
    write_dhf1k(tmp_path, 2, 3)
    (tmp_path / other).write_bytes((tmp_path / "video/001.AVI").read_bytes())
    found = scan(tmp_path)
    assert [(clip, r.clip.status) for clip, r in found.items()] == [("0001", "quarantined"), ("0002", "ok")]
    (finding,) = found["0001"].findings
    assert (finding.level, finding.kind) == ("error", "duplicate-clip")
    assert "video/001.AVI" in finding.found
    assert other in finding.found


def test_two_annotations_of_one_number_are_a_duplicate(tmp_path):
    write_dhf1k(tmp_path, 1, 3)
    write_annotations(tmp_path / "annotation" / "1", four_digits(3))
    (reading,) = scan(tmp_path).values()
    assert reading.findings[0].kind == "duplicate-clip"
    assert "annotation/0001/maps, annotation/1/maps" not in reading.clip.path
    assert "annotation/1/maps" in reading.clip.reason


def test_two_layouts_that_fit_equally_are_an_error_that_says_how_to_choose(tmp_path):
    for number in (1, 2, 701):
        write_dhf1k(tmp_path, number, 3)
    for number in (1, 2):
        write_frames(tmp_path / "annotation" / f"{number:04d}" / "images", four_digits(3))
    with pytest.raises(ProblemError) as error:
        DHF1K.list(tmp_path)
    assert "shipped with 2 clips and unisal with 2 clips" in str(error.value)
    assert "--layout shipped or --layout unisal" in str(error.value)
    assert {r.clip.media for r in scan(tmp_path, "shipped").values()} == {"video"}
    chosen = DHF1K.list(tmp_path, "unisal")
    assert (chosen.layout, [e.clip for e in chosen.entries]) == ("unisal", ["0001", "0002"])


def test_a_layout_that_fits_fewer_clips_is_noted(tmp_path):
    for number in (1, 2):
        write_dhf1k(tmp_path, number, 3)
    write_frames(tmp_path / "video" / "0001", four_digits(3))
    listing = DHF1K.list(tmp_path)
    assert listing.layout == "shipped"
    assert kinds(listing.findings) == [("note", "second-layout", "")]
    assert "1 clip in the layout tased" in listing.findings[0].found
    assert "--layout tased" in listing.findings[0].remedy


def test_empty_folders_of_frames_speak_for_no_layout(tmp_path):
    write_dhf1k(tmp_path, 1, 3)
    (tmp_path / "frames" / "1").mkdir(parents=True)
    (tmp_path / "annotation" / "0001" / "images").mkdir()
    listing = DHF1K.list(tmp_path)
    assert (listing.layout, listing.findings) == ("shipped", [])


def test_an_unknown_layout_and_one_that_is_not_there(tmp_path):
    write_dhf1k(tmp_path, 1, 3)
    with pytest.raises(ProblemError, match=r"'shiped'.*Did you mean shipped\?"):
        DHF1K.list(tmp_path, "shiped")
    with pytest.raises(
        ProblemError, match=r"expected video_png/\{clip\} with .*found only annotation, video"
    ):
        DHF1K.list(tmp_path, "vip")


def test_frames_alone_are_found_by_their_number(tmp_path):
    for number in (701, 702):
        write_dhf1k(tmp_path, number, 3)
    listing = DHF1K.list(tmp_path)
    assert (listing.layout, {e.split for e in listing.entries}) == ("shipped", {"unannotated"})


def test_layouts_that_read_the_same_files_are_no_conflict(tmp_path):
    write_frames(tmp_path / "frames" / "701", four_digits(3))
    # Nothing tells SalEMA's layout from HD2S's where there are no annotations.
    listing = DHF1K.list(tmp_path)
    assert [e.path for e in listing.entries] == ["frames/701"]


def test_hidden_files_and_strays(tmp_path):
    write_dhf1k(tmp_path, 1, 3)
    for name in (
        "._002.AVI",
        ".003.AVI.part",
        "Thumbs.db",
        ".DS_Store",
        "readme.txt",
        "1001.AVI",
        "trailer.AVI",
    ):
        (tmp_path / "video" / name).write_bytes(b"stray")
    listing = DHF1K.list(tmp_path)
    assert [e.clip for e in listing.entries] == ["0001"]
    assert kinds(listing.findings) == [("note", "stray-file", "")]
    assert listing.findings[0].found == "3 more: 1001.AVI, readme.txt, trailer.AVI"


def test_stray_images_beside_the_folders_of_a_clip(tmp_path):
    write_dhf1k(tmp_path, 1, 3)
    for name in ("0450.png", "0451.png", "._0452.png"):
        (tmp_path / "annotation" / "0001" / name).write_bytes(b"stray")
    listing = DHF1K.list(tmp_path)
    assert kinds(listing.findings) == [("warning", "stray-file", "0001")]
    assert listing.findings[0].path == "annotation/0001"
    assert listing.findings[0].found == "2 more: 0450.png, 0451.png"
    assert scan(tmp_path)["0001"].clip.status == "ok"


def test_links_that_lead_out_of_the_root(tmp_path):
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    write_dhf1k(root, 1, 3)
    write_dhf1k(elsewhere, 2, 3)
    write_dhf1k(root, 3, 3)
    (root / "video" / "002.AVI").symlink_to(elsewhere / "video" / "002.AVI")
    (root / "annotation" / "0002").symlink_to(elsewhere / "annotation" / "0002")
    (root / "video" / "004.AVI").symlink_to(root / "video" / "003.AVI")  # inside: nothing to say
    write_annotations(root / "annotation" / "0004", four_digits(3))
    listing = DHF1K.list(root)
    assert [(f.level, f.kind, f.clip, f.path) for f in listing.findings] == [
        ("warning", "outside-root", "0002", "annotation/0002"),
        ("warning", "outside-root", "0002", "video/002.AVI"),
    ]
    assert {r.clip.status for r in scan(root).values()} == {"ok"}


def test_a_folder_of_links_and_single_linked_images(tmp_path):
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    write_dhf1k_frames(elsewhere, "tased", 1, 3)
    write_dhf1k_frames(elsewhere, "tased", 2, 3)
    root.mkdir()
    (root / "video").symlink_to(elsewhere / "video")
    for number in (1, 2):
        write_annotations(root / "annotation" / f"000{number}", four_digits(3))
    map_1 = root / "annotation" / "0001" / "maps" / "0001.png"
    map_1.unlink()
    map_1.symlink_to(elsewhere / "annotation" / "0001" / "maps" / "0001.png")
    listing = DHF1K.list(root)
    assert [(f.kind, f.clip, f.path) for f in listing.findings] == [("outside-root", "", "video")]
    found = scan(root)
    assert [(f.kind, f.found) for f in found["0001"].findings] == [
        ("outside-root", "1 link that leads out of it")
    ]
    assert found["0001"].clip.status == "ok"
    assert found["0002"].findings == ()


def test_a_layout_of_ones_own(tmp_path):
    write_video(tmp_path / "b" / "x.2.mkv", moving_square(2), "ffv1")
    write_fixations(tmp_path / "b" / "gaze" / "x.2", four_digits(2))
    layout = Layout("own", ("{part}/{clip}.{video}",), (), ("{part}/gaze/{clip}",), parts=("a", "b"))
    found = detect("Own", tmp_path, [layout], lambda name: name.upper())
    (place,) = found.places
    assert (place.entry.clip, place.entry.path, place.part) == ("X.2", "b/x.2.mkv", "b")
    assert (place.entry.maps, place.entry.fixations) == ("", "b/gaze/x.2")


def test_names_that_are_no_text_are_told(tmp_path):
    write_dhf1k(tmp_path, 1, 3)
    try:
        (tmp_path / "video" / "\udcff.AVI").write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes text only")
    assert kinds(DHF1K.list(tmp_path).findings) == [("warning", "bad-name", "")]


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda root: None, "no such folder"),
        (lambda root: root.touch(), "a file"),
        (lambda root: root.mkdir(), "an empty folder"),
        (lambda root: [(root / str(n)).mkdir(parents=True) for n in range(8)], "only 0, 1, 2, 3, 4, 5, 6, 7"),
        (
            lambda root: [(root / str(n)).mkdir(parents=True) for n in range(9)],
            "only 0, 1, 2, 3, 4, 5, 6, 7 …",
        ),
    ],
)
def test_a_root_without_the_corpus_is_told_with_what_it_holds(tmp_path, make, found):
    root = tmp_path / "root"
    make(root)
    require("Mine", root, "something", "clips")
    with pytest.raises(ProblemError) as error:
        require("Mine", root, [], "clips")
    expected = f"Mine at {root}: expected clips, found {found}. Give the folder that holds these as --root."
    assert str(error.value) == expected


def test_a_listed_clip_that_is_not_there_has_its_fault():
    gone, outside = listed_only("a", "train", "a.mp4", "video"), listed_only("../a", "val", "", "video")
    assert (gone.split, gone.fault.kind, gone.fault.expected) == (
        "train",
        "missing-clip",
        "the video of a listed clip",
    )
    assert (outside.path, outside.fault.kind, outside.fault.found) == ("", "outside-root", "'../a'")
    assert listed_only("a", "train", "a", "frames", "Do this.").fault.remedy == "Do this."
