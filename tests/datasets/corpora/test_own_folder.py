"""A corpus of one's own, in every layout, with and without lists, maps and fixations."""

import pytest

from datasets.corpora.own_folder import FolderCorpus
from datasets.corpora.saliency_maps import read_map
from manifests import ProblemError
from tests.datasets.small_corpora import (
    expected_rows,
    four_digits,
    moving_square,
    scanned,
    write_annotations,
    write_fixations,
    write_frames,
    write_maps,
    write_video,
)

MINE = FolderCorpus("Mine")


def scan(root, corpus=MINE):
    return {reading.clip.clip: reading for reading in scanned(corpus, root)}


def splits(root, corpus=MINE):
    return {entry.clip: entry.split for entry in corpus.list(root).entries}


def listed(root):
    return [(f.level, f.kind, f.found) for f in MINE.list(root).findings]


def write_lists(root, **lists):
    for split, names in lists.items():
        (root / f"{split}.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def write_clip(root, clip, layout="videos", part="", *, fixations="fixations", suffix="png", n_frames=3):
    """Write a clip in one of the layouts."""
    root = root / part
    if layout == "clips":
        write_frames(root / clip / "images", four_digits(n_frames))
        write_annotations(root / clip, four_digits(n_frames))
        return
    if layout == "videos":
        write_video(root / "videos" / f"{clip}.mp4", moving_square(n_frames))
    else:
        write_frames(root / layout / clip, four_digits(n_frames))
    write_maps(root / "maps" / clip, four_digits(n_frames))
    write_fixations(root / fixations / clip, four_digits(n_frames), suffix)


@pytest.mark.parametrize("suffix", ["png", "mat"])
@pytest.mark.parametrize("fixations", ["fixations", "fixation"])
@pytest.mark.parametrize(
    ("layout", "name"), [("videos", "videos"), ("frames", "frames"), ("images", "frames")]
)
def test_layouts_with_lists(tmp_path, layout, name, fixations, suffix):
    for clip in ("park", "street 2", "street 10", "ünder"):
        write_clip(tmp_path, clip, layout, fixations=fixations, suffix=suffix)
    write_lists(tmp_path, train=["park", "street 10"], val=["", "street 2 "], test=["ünder"])
    listing = MINE.list(tmp_path)
    assert (listing.layout, listing.findings) == (name, [])
    found = scan(tmp_path)
    assert {clip: r.clip.split for clip, r in found.items()} == {
        "park": "train",
        "street 2": "val",
        "street 10": "train",
        "ünder": "test",
    }
    for clip, reading in found.items():
        assert (reading.clip.status, reading.clip.corpus, reading.clip.n_frames) == ("ok", "Mine", 3)
        assert (reading.clip.source_video, reading.findings) == (clip, ())
        assert reading.clip.fixation_path(2) == f"{fixations}/{clip}/0003.{suffix}"
        assert sorted(map(tuple, reading.rows.tolist())) == expected_rows(3)


@pytest.mark.parametrize(
    ("layout", "name"), [("videos", "split-videos"), ("frames", "split-frames"), ("clips", "clips")]
)
def test_layouts_below_split_folders(tmp_path, layout, name):
    for clip, part in (("a", "train"), ("b", "train"), ("c", "val"), ("d", "test")):
        write_clip(tmp_path, clip, layout, part)
    assert (MINE.list(tmp_path).layout, MINE.list(tmp_path).findings) == (name, [])
    found = scan(tmp_path)
    assert {clip: r.clip.split for clip, r in found.items()} == {
        "a": "train",
        "b": "train",
        "c": "val",
        "d": "test",
    }
    assert {r.clip.status for r in found.values()} == {"ok"}
    assert found["d"].clip.map_path(0).startswith("test/")


def test_without_lists_everything_trains_but_a_tenth(tmp_path):
    for n in range(20):
        write_frames(tmp_path / "frames" / f"v{n}", ["1"])
        write_fixations(tmp_path / "fixations" / f"v{n}", ["1"])
    drawn = [splits(tmp_path, FolderCorpus("Mine", seed=seed)) for seed in (0, 0, 1)]
    assert [sorted(found.values()).count("val") for found in drawn] == [2, 2, 2]
    assert set(drawn[0].values()) == {"train", "val"}
    assert drawn[0] == drawn[1] != drawn[2]


def test_no_clip_that_is_not_there_is_held_out_for_validation(tmp_path):
    names = [f"c{number}" for number in range(6)]
    for name in names:
        write_clip(tmp_path, name)
    (held,) = (name for name, split in splits(tmp_path).items() if split == "val")
    (tmp_path / "videos" / f"{held}.mp4").unlink()
    found = {entry.clip: entry for entry in MINE.list(tmp_path).entries}
    assert (found[held].split, found[held].fault.kind) == ("train", "missing-clip")
    assert [entry.fault for entry in found.values() if entry.split == "val"] == [None]


def test_a_tenth_of_the_training_list_when_none_is_for_validation(tmp_path):
    names = [f"v{n}" for n in range(12)]
    for name in names:
        write_frames(tmp_path / "frames" / name, ["1"])
        write_fixations(tmp_path / "fixations" / name, ["1"])
    write_lists(tmp_path, train=names[:10], test=names[10:])
    found = splits(tmp_path)
    assert [found[name] for name in names[10:]] == ["test", "test"]
    assert sorted(found[name] for name in names[:10]) == ["train"] * 9 + ["val"]


def test_lists_that_do_not_agree_with_what_is_there(tmp_path):
    for clip in "abcde":
        write_clip(tmp_path, clip)
    write_lists(tmp_path, train=["a", "b", "a", "gone", "../c"], val=["b", "c"], test=["d", "/etc/passwd"])
    found = scan(tmp_path)
    assert {clip: (r.clip.split, r.clip.status) for clip, r in found.items()} == {
        "a": ("train", "ok"),
        "b": ("train", "quarantined"),
        "c": ("val", "ok"),
        "d": ("test", "ok"),
        "e": ("unlisted", "ok"),
        "gone": ("train", "quarantined"),
        "../c": ("train", "quarantined"),
        "/etc/passwd": ("test", "quarantined"),
    }
    errors = {clip: (f.level, f.kind, f.found) for clip, r in found.items() for f in r.findings}
    assert errors == {
        "b": ("error", "two-splits", "train.txt and val.txt"),
        "gone": ("error", "missing-clip", "none"),
        "../c": ("error", "outside-root", "'../c'"),
        "/etc/passwd": ("error", "outside-root", "'/etc/passwd'"),
    }
    assert found["../c"].clip.path == found["/etc/passwd"].clip.path == ""
    assert listed(tmp_path) == [
        ("note", "repeated", "a again"),
        ("warning", "unlisted", "1 in none: e"),
    ]


def test_lists_go_before_folders_and_a_contradiction_is_told(tmp_path):
    for clip, part in (("a", "train"), ("b", "train"), ("c", "val")):
        write_clip(tmp_path, clip, "clips", part)
    write_lists(tmp_path, train=["a"], val=["b", "c"])
    assert splits(tmp_path) == {"a": "train", "b": "val", "c": "val"}
    assert listed(tmp_path) == [("warning", "two-splits", "1 that do not: b")]


def test_a_clip_below_two_split_folders_is_a_duplicate(tmp_path):
    for part in ("train", "test"):
        write_clip(tmp_path, "a", "clips", part)
    write_clip(tmp_path, "b", "clips", "val")
    found = scan(tmp_path)
    assert {clip: r.clip.status for clip, r in found.items()} == {"a": "quarantined", "b": "ok"}
    assert found["a"].findings[0].kind == "duplicate-clip"


def test_maps_are_made_where_there_are_fixations_only(tmp_path):
    for clip in "abc":
        write_clip(tmp_path, clip)
    for file in (tmp_path / "maps" / "a").iterdir():
        file.unlink()
    for folder in (tmp_path / "maps" / "a", tmp_path / "maps" / "b"):
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    write_lists(tmp_path, train=["a"], val=["b"], test=["c"])
    found = scan(tmp_path)
    assert {clip: (r.clip.status, bool(r.clip.map_pattern)) for clip, r in found.items()} == {
        "a": ("ok", False),
        "b": ("ok", False),
        "c": ("ok", True),
    }
    assert listed(tmp_path) == [("note", "no-maps", "none for 2: a, b")]
    clip, rows = found["a"].clip, found["a"].rows
    density = read_map(tmp_path, clip, 0, points=rows[rows[:, 0] == 0][:, 1:])
    assert density.max() == 255
    assert density[0, 0] > 200


def test_an_empty_folder_of_maps_is_as_good_as_none(tmp_path):
    write_clip(tmp_path, "a")
    for file in (tmp_path / "maps" / "a").iterdir():
        file.unlink()
    assert scan(tmp_path)["a"].clip.status == "ok"


def test_neither_maps_nor_fixations_is_unannotated(tmp_path):
    for clip in "ab":
        write_clip(tmp_path, clip)
    for clip in "cd":
        write_video(tmp_path / "videos" / f"{clip}.mkv", moving_square(3), "ffv1")
    write_lists(tmp_path, train=["a", "c"], val=["b"])
    found = scan(tmp_path)
    assert {clip: (r.clip.split, r.clip.status) for clip, r in found.items()} == {
        "a": ("train", "ok"),
        "b": ("val", "ok"),
        "c": ("unannotated", "ok"),
        "d": ("unannotated", "ok"),
    }
    assert listed(tmp_path) == [("warning", "no-annotation", "none for 1: c")]
    assert (found["c"].clip.codec, found["c"].clip.n_frames) == ("ffv1", 3)


def test_maps_without_fixations_are_usable(tmp_path):
    write_frames(tmp_path / "frames" / "a", ["1", "2"])
    write_maps(tmp_path / "maps" / "a", ["1", "2"])
    (reading,) = scan(tmp_path).values()
    assert reading.clip.status == "ok"
    assert [(f.level, f.kind) for f in reading.findings] == [("warning", "no-fixations")]


def test_videos_and_frames_of_the_same_clips_are_to_be_chosen_between(tmp_path):
    write_clip(tmp_path, "a")
    write_frames(tmp_path / "frames" / "a", four_digits(3))
    with pytest.raises(ProblemError, match="--layout videos or --layout frames"):
        MINE.list(tmp_path)
    assert MINE.list(tmp_path, "frames").entries[0].media == "frames"


@pytest.mark.parametrize(
    "name", ["", "a b", "a/b", "..", ".a", "-a", "DHF1K", "dhf1k", "ucf_sports", "LeDoV", "ä"]
)
def test_names_that_cannot_be_a_corpus_of_ones_own(name):
    with pytest.raises(ProblemError, match="a plain word that is no corpus of the paper"):
        FolderCorpus(name)


def test_a_folder_that_holds_no_corpus(tmp_path):
    (tmp_path / "clip.mp4").touch()
    with pytest.raises(ProblemError, match=r"Mine at .* expected videos/\{clip\}\.avi with maps/\{clip\}"):
        MINE.list(tmp_path)
    assert (MINE.name, MINE.word, dict(MINE.published)) == ("Mine", "Mine", {})


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [("train", "val", "test"), ("Training", "validation", "TESTING"), ("TRAIN", "valid", "Test")],
)
def test_split_folders_and_lists_by_any_of_their_names(tmp_path, train, val, test):
    for clip, part in (("a", train), ("b", val), ("c", test)):
        write_clip(tmp_path / "folders", clip, "frames", part)
        write_clip(tmp_path / "lists", clip, "frames")
        (tmp_path / "lists" / f"{part}.txt").write_text(clip)
    for root in (tmp_path / "folders", tmp_path / "lists"):
        assert splits(root) == {"a": "train", "b": "val", "c": "test"}
        assert listed(root) == []


def test_what_a_root_holds_besides_is_told(tmp_path):
    for clip in "ab":
        write_clip(tmp_path, clip)
    (tmp_path / "fixatoins").mkdir()
    for junk in ("@eaDir", "$RECYCLE.BIN", "lost+found"):
        (tmp_path / junk).mkdir()
        (tmp_path / "maps" / junk).mkdir()
    (tmp_path / "trian.txt").touch()
    (tmp_path / "README.txt").touch()
    found = {f.path: (f.level, f.kind, f.remedy) for f in MINE.list(tmp_path).findings}
    assert set(found) == {"fixatoins", "trian.txt", "README.txt"}
    assert {kind for _, kind, _ in found.values()} == {"unknown-name"}
    assert found["README.txt"][0] == "note"
    assert found["trian.txt"][0] == "warning"
    assert "Did you mean train?" in found["trian.txt"][2]
    assert "Did you mean fixations?" in found["fixatoins"][2]


def test_no_clip_to_train_on_is_an_error(tmp_path):
    for clip in "ab":
        write_clip(tmp_path, clip)
    write_lists(tmp_path, train=["gone"], val=["a"], test=["b"])
    assert ("error", "no-training", "none") in listed(tmp_path)
    write_lists(tmp_path, train=["a"], val=["gone"])
    assert "no-training" not in [kind for _, kind, _ in listed(tmp_path)]
