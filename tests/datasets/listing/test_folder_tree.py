"""What patterns match among the names under a root, and what is met on the way."""

import pytest

from datasets.listing.folder_tree import FolderTree, Hit


def tree_of(root, *files, identify=str):
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch() if "." in path.name else path.mkdir(exist_ok=True)
    return FolderTree(root, identify)


def found(tree, pattern, parts=()):
    return sorted((hit.path, hit.clip, hit.part) for hit in tree.find(pattern, parts))


def digits(name):
    return name if name.isdigit() else None


def test_a_file_and_a_folder_are_told_apart_by_the_dot(tmp_path):
    tree = tree_of(tmp_path, "video/a.avi", "video/b", "video/c.AVI", "video/d.txt", "video/e.mp4/x.png")
    assert found(tree, "video/{clip}.{video}") == [("video/a.avi", "a", ""), ("video/c.AVI", "c", "")]
    assert found(tree, "video/{clip}") == [("video/b", "b", ""), ("video/e.mp4", "e.mp4", "")]


def test_parts_match_in_either_case_and_no_other_folder_does(tmp_path):
    tree = tree_of(
        tmp_path, "train/a/images/1.png", "TEST/b/images/1.png", "other/c/images/1.png", "train/d/x.y"
    )
    assert found(tree, "{part}/{clip}/images", ("train", "test")) == [
        ("TEST/b/images", "b", "TEST"),
        ("train/a/images", "a", "train"),
    ]


def test_a_clip_named_twice_in_a_pattern_is_one_clip(tmp_path):
    tree = tree_of(tmp_path, "a/a.mp4", "b/c.mp4", "d/d.mkv")
    assert found(tree, "{clip}/{clip}.{video}") == [("a/a.mp4", "a", ""), ("d/d.mkv", "d", "")]


def test_names_that_are_no_clip_are_passed_over(tmp_path):
    tree = tree_of(tmp_path, "v/1.avi", "v/x.avi", "v/notes.txt", identify=digits)
    assert found(tree, "v/{clip}.{video}") == [("v/1.avi", "1", "")]


def test_characters_of_patterns_in_names_stand_for_themselves(tmp_path):
    tree = tree_of(tmp_path, "a+b/x (1).mp4")
    assert found(tree, "a+b/{clip}.{video}") == [("a+b/x (1).mp4", "x (1)", "")]
    assert found(tree, "aab/{clip}.{video}") == []


def test_a_folder_is_listed_once(tmp_path):
    tree = tree_of(tmp_path, "v/a.avi", "v/.hidden.avi", "v/sub/x.png")
    assert tree.names("v") == {"a.avi": False, "sub": True}
    (tmp_path / "v" / "b.avi").touch()
    assert tree.names("v") == {"a.avi": False, "sub": True}
    assert found(tree, "v/{clip}.{video}") == [("v/a.avi", "a", "")]


def test_whether_a_folder_has_images(tmp_path):
    tree = tree_of(tmp_path, "with/1.PNG", "without/1.txt", "empty")
    assert [tree.has_images(name) for name in ("with", "without", "empty")] == [True, False, False]


def test_a_folder_that_cannot_be_listed_is_kept_with_the_reason(tmp_path):
    tree = tree_of(tmp_path, "v/a.avi")
    assert tree.names("gone") == {}
    assert tree.closed == {"gone": "No such file or directory"}


def test_links_that_lead_out_are_kept_and_followed(tmp_path):
    (tmp_path / "elsewhere" / "b").mkdir(parents=True)
    tree = tree_of(tmp_path / "root", "v/a/1.png")
    (tmp_path / "root" / "v" / "b").symlink_to(tmp_path / "elsewhere" / "b")
    (tmp_path / "root" / "v" / "c").symlink_to(tmp_path / "root" / "v" / "a")
    assert {hit.clip for hit in tree.find("v/{clip}", ())} == {"a", "b", "c"}
    assert tree.outside == {"v/b"}


def test_a_link_that_leads_round_in_a_circle_hides_none_of_the_names_beside_it(tmp_path):
    tree = tree_of(tmp_path, *(f"v/{number}.avi" for number in range(9)))
    for name in ("round.avi", "0.png"):
        (tmp_path / "v" / name).symlink_to(name)
    assert len(found(tree, "v/{clip}.{video}")) == 10
    assert tree.has_images("v")
    assert tree.closed == {}


def test_names_that_are_no_text_are_counted(tmp_path):
    tree = tree_of(tmp_path, "v/a.avi")
    try:
        (tmp_path / "v" / "\udcff.avi").touch()
    except OSError:
        pytest.skip("this file system takes text only")
    assert tree.names("v") == {"a.avi": False}
    assert tree.unwritable == {"v": 1}


def test_the_root_itself_is_the_empty_path(tmp_path):
    tree = tree_of(tmp_path, "a.avi")
    assert tree.find("{clip}.{video}", ()) == [Hit("a.avi", "a", "", "a")]
