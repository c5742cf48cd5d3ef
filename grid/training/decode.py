"""The frames that one training reads, decoded on the machine that trains."""

from __future__ import annotations

import fcntl
from pathlib import Path

from datasets.frame_store.store import FrameStore
from grid.training.job import Job
from manifests.problem import locking


def fill(job: Job) -> None:
    """Decode what a training reads into this machine's own store, with as many processes as read clips later.

    Trainings that start together on one machine wait for each other instead of decoding the same clips.

    Raises:
        ProblemError: clips are no longer what was indexed, or the disk locks no files.
    """
    folder = Path(job.frames)
    folder.mkdir(parents=True, exist_ok=True)
    # The job's places know the fold.
    for read, labelled in job.reads:
        manifest = job.manifests[read.corpus].open()
        size = read.height, read.width
        store = FrameStore(folder, manifest, size, job.frames_limit, read.resizing, read.map_size)
        clips = read.among(manifest.clips(read.split))
        with (folder / f".filling-{store.address}").open("wb") as lock:
            with locking(folder, "frames.folder=DIR"):
                fcntl.flock(lock, fcntl.LOCK_EX)
            estimate = store.estimate(clips, labelled=labelled)
            if estimate.clips:
                workers = estimate.workers(max(1, job.loader_workers))
                store.build(clips, workers=workers, labelled=labelled)
