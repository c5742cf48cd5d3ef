"""Frames decoded where a training runs: what it reads and nothing else, once on each machine."""

import errno
import fcntl
import os
import threading
from dataclasses import replace

import pytest

from datasets.frame_store.store import FrameStore
from datasets.loading.windows import eligible
from grid.training.decode import fill
from manifests.problem import ProblemError
from tests.grid.grids import job_of, prepare_small

WAITING_LONG_ENOUGH_S = 0.5


@pytest.fixture
def job(small_demo, few):
    return job_of(prepare_small(small_demo, *few), "adaptation")


def stores_of(job):
    """The store of each corpus, with the clips that the training reads and whether their maps too."""
    for read, labelled in job.reads:
        manifest = job.manifests[read.corpus].open()
        store = FrameStore(job.frames, manifest, (read.height, read.width))
        yield store, eligible(manifest.clips(read.split), read.clip_length)[0], labelled


def entries_of(job):
    """The files of decoded frames and maps, with when they were written."""
    files = (path for path in job.frames.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(job.frames): path.stat().st_mtime_ns for path in files}


@pytest.fixture
def own(job, tmp_path):
    """The job with frames of its own."""
    return replace(job, frames=tmp_path / "node" / "frames")


@pytest.mark.slow
def test_all_that_a_training_reads_is_decoded_and_a_target_without_its_maps(own):
    fill(own)
    assert {read.corpus for read, _ in own.reads} == {"DHF1K", "UCFSports"}
    for store, clips, labelled in stores_of(own):
        assert clips
        assert store.estimate(clips, labelled=labelled).clips == 0
        if not labelled:
            assert store.estimate(clips, labelled=True).clips == len(clips)
        others = [clip for clip in store.manifest.clips("test") if clip not in clips]
        assert store.estimate(others, labelled=False).clips == len(others), "nothing else is"


@pytest.mark.slow
def test_what_is_there_is_not_decoded_again(own):
    fill(own)
    before = entries_of(own)
    assert before
    fill(own)
    assert entries_of(own) == before


@pytest.mark.slow
def test_trainings_that_start_together_wait_for_each_other(own):
    (first, *_) = stores_of(own)
    own.frames.mkdir(parents=True)
    second = threading.Thread(target=fill, args=[own])
    with (own.frames / f".filling-{first[0].address}").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second.start()
        second.join(WAITING_LONG_ENOUGH_S)
        assert second.is_alive()
        assert entries_of(own) == {}
    second.join(60)
    assert entries_of(own)


def test_a_disk_without_locks_is_told_with_what_to_do(own, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(ProblemError, match=r"can lock files, found .*frames\.folder=DIR"):
        fill(own)


def test_clips_that_are_no_longer_where_they_were_are_told(own, tmp_path):
    manifests = {name: replace(place, root=str(tmp_path / "moved")) for name, place in own.manifests.items()}
    with pytest.raises(ProblemError, match="moved"):
        fill(replace(own, manifests=manifests))
