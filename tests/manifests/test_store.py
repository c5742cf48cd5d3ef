"""Manifests opened by their metadata, and read split by split."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests import ManifestError, open_manifest, store, write
from manifests.problem import ExchangedError
from manifests.store import absolute, is_url
from tests.manifests.small_manifest import CLIPS, POINTS, clip


def test_fixations_are_sorted_unique_and_filtered_by_split(tmp_path):
    manifest = write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS)
    everything = manifest.fixations()
    frame, yx = everything.of("2")
    assert (frame.dtype, yx.dtype) == (np.int32, np.int16)
    assert frame.tolist() == [0, 5, 5]
    assert yx.tolist() == [[1, 2], [0, 0], [29, 39]]
    assert everything.frame("7", 1).tolist() == [[3, 4], [3, 5]]
    assert everything.frame("7", 0).shape == (0, 2)
    assert everything.of("0100")[1].shape == everything.of("3")[1].shape == (0, 2)
    test = manifest.fixations("test")
    assert len(test) == 1
    assert test.of("10")[1].tolist() == [[3, 4]]
    with pytest.raises(KeyError, match="'2'"):
        test.of("2")


def test_root_can_be_overridden(tmp_path):
    written = write(tmp_path, "DHF1K", tmp_path / "here", CLIPS, POINTS)
    moved = open_manifest(tmp_path, root=tmp_path / "there")
    assert moved.root == str((tmp_path / "there").resolve())
    assert moved.digest == written.digest


def test_unknown_split_is_an_error(tmp_path):
    with pytest.raises(ManifestError, match=r"one of train, val, .*, unlisted, found 'training'"):
        write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS).clips("training")


def test_files_of_two_manifests_do_not_pass_for_one(tmp_path):
    write(tmp_path / "a", "DHF1K", tmp_path, CLIPS, POINTS)
    write(tmp_path / "b", "DHF1K", tmp_path, CLIPS, {})
    (tmp_path / "b" / "fixations.parquet").replace(tmp_path / "a" / "fixations.parquet")
    with pytest.raises(
        ManifestError, match=r"the digest \w{12} of clips\.parquet, found fixations\.parquet with"
    ):
        open_manifest(tmp_path / "a")


@pytest.fixture
def indexed_again(tmp_path, monkeypatch):
    """A manifest, and what has the next one put in its place right before a function of `store` is called."""
    first = write(tmp_path / "m", "DHF1K", tmp_path, CLIPS, POINTS)

    def before(name):
        called = getattr(store, name)

        def next_one_first(*given):
            monkeypatch.setattr(store, name, called)
            write(tmp_path / "m", "DHF1K", tmp_path, CLIPS, {**POINTS, "7": POINTS["7"] + 1})
            return called(*given)

        monkeypatch.setattr(store, name, next_one_first)

    return first, before


def test_a_manifest_that_is_opened_while_the_next_takes_its_place_is_the_next(indexed_again, tmp_path):
    """It was called damaged, and to be indexed again: a training that read it then had failed."""
    first, before = indexed_again
    before("belonging")
    opened = open_manifest(tmp_path / "m")
    assert opened.digest != first.digest
    opened.verify()


@pytest.mark.parametrize("moment", ["belonging", "read_rows"])
def test_fixations_of_the_next_manifest_are_not_taken_for_an_opened_ones(indexed_again, moment):
    first, before = indexed_again
    before(moment)
    with pytest.raises(ExchangedError, match="It was indexed again meanwhile: run the same command again"):
        first.fixations("val")


@pytest.mark.parametrize("moment", ["belonging", "read_findings"])
def test_findings_are_those_of_the_opened_manifest_or_it_was_exchanged(indexed_again, moment):
    first, before = indexed_again
    before(moment)
    if moment == "read_findings":
        assert first.problems() == []
    else:
        with pytest.raises(ExchangedError, match="It was indexed again meanwhile"):
            first.problems()


def test_the_digest_is_worked_out_anew_from_what_is_there(tmp_path):
    manifest = write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS)
    manifest.verify()
    path = tmp_path / "fixations.parquet"
    table = pq.read_table(path)
    moved = table.set_column(3, "x", pa.array([n + 1 for n in table["x"].to_pylist()], pa.int16()))
    stored = pq.read_metadata(path).metadata
    pq.write_table(moved.cast(table.schema).replace_schema_metadata(stored), path)
    with pytest.raises(ManifestError, match="of what it holds"):
        open_manifest(tmp_path).verify()


def test_which_clips_of_a_split_are_long_enough(tmp_path):
    long, still = (
        clip("8", n_frames=30),
        clip("9", media="image", n_frames=1, keyframes=(), keyframe_frames=()),
    )
    manifest = write(tmp_path, "DHF1K", tmp_path, [*CLIPS, long, still], POINTS)
    assert manifest.lengths("train").tolist() == [20, 30, 1, 20]
    for n_frames, expected in ((1, [1, 1, 1, 1]), (20, [1, 1, 1, 1]), (21, [0, 1, 1, 0]), (31, [0, 0, 1, 0])):
        assert manifest.filling("train", n_frames).tolist() == list(map(bool, expected))
        kept = [each.fills(n_frames) for each in manifest.clips("train")]
        assert kept == list(map(bool, expected))


def test_frames_left_out_are_kept_and_a_manifest_of_before_says_none(tmp_path):
    clips = [replace(CLIPS[0], left_out=2), *CLIPS[1:]]
    plain = write(tmp_path / "plain", "DHF1K", tmp_path, CLIPS, POINTS)
    manifest = write(tmp_path, "DHF1K", tmp_path, clips, POINTS)
    manifest.verify()
    assert [clip.left_out for clip in manifest.clips(status=None)].count(2) == 1
    assert manifest.digest != plain.digest
    path = plain.folder / "clips.parquet"
    older = pq.read_table(path).drop_columns(["left_out", "states"])
    pq.write_table(older, path, write_page_checksum=True)
    before = open_manifest(plain.folder)
    before.verify()
    assert {clip.left_out for clip in before.clips(status=None)} == {0}
    both = before.clips(status=None) + manifest.clips(status=None)
    assert [clip.left_out for clip in both].count(0) == len(both) - 1


@pytest.mark.parametrize("root", ["s3://bucket/x", "file:///data", "gs://a"])
def test_a_url_is_no_folder_and_stays_as_it_is(root):
    assert is_url(root)
    assert absolute(root) == root


def test_a_folder_is_found_from_any_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    for root in ("data", "./a/../data", tmp_path / "link" / "data"):
        assert not is_url(root)
        assert absolute(root) == str(tmp_path / "data")
