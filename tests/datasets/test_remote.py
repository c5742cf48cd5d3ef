"""Clips behind a url: brought when they are read, kept while they are, and told when they are missing."""

import multiprocessing
from dataclasses import replace

import numpy as np
import pytest

from datasets.frame_store.store import FrameStore
from datasets.remote import at_hand, node_folder
from manifests.problem import ProblemError
from manifests.store import open_manifest
from tests.grid.buckets import upload


def test_clips_come_from_a_url_when_they_are_read(demo_out, url, node, tmp_path):
    manifest = open_manifest(demo_out / "manifests" / "dhf1k")
    clip, another = manifest.clips("train")[:2]
    upload(manifest, [clip, another], url)
    remote = replace(manifest, root=url)
    here, there = (FrameStore(tmp_path / name, m, (32, 32)) for name, m in (("a", manifest), ("b", remote)))
    for read in ("read_frames", "read_maps"):
        assert np.array_equal(getattr(here, read)(clip), getattr(there, read)(clip))
    kept = node_folder(url) / "clips"
    assert len(list(kept.iterdir())) == 2, "frames and maps"
    with at_hand(url, clip, "frames") as root:
        assert (root / clip.path).exists()
    # A part of the next machine's processes may be forked from one that has talked to the server.
    node("second")
    child = multiprocessing.get_context("fork").Process(target=there.read_frames, args=(another,))
    child.start()
    child.join(60)
    assert child.exitcode == 0


def test_a_clip_that_is_missing_at_the_url_is_told_and_found_when_mended(demo_out, url, node, tmp_path):
    manifest = open_manifest(demo_out / "manifests" / "dhf1k")
    clip = manifest.clips("train")[0]
    store = FrameStore(tmp_path / "frames", replace(manifest, root=url), (32, 32))
    with pytest.raises(ProblemError, match="expected a file, as indexed, found none"):
        store.read_frames(clip)
    upload(manifest, [clip], url)
    assert len(store.read_frames(clip)) == clip.n_frames
    assert not list((node_folder(url) / "clips").glob(".*"))


def test_an_entry_is_kept_while_it_is_read_and_goes_when_another_needs_the_room(
    demo_out, url, node, monkeypatch
):
    manifest = open_manifest(demo_out / "manifests" / "dhf1k")
    clips = manifest.clips("train")[:3]
    upload(manifest, clips, url)
    monkeypatch.setattr("datasets.remote._DISK_SHARE", 10**18)
    with at_hand(url, clips[0], "frames") as root:
        for clip in clips[1:]:
            with at_hand(url, clip, "frames"):
                pass
        assert (root / clips[0].path).is_file()
        assert len(list((node_folder(url) / "clips").iterdir())) == 2, "it and the last one"
