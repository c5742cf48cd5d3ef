"""An evaluation's job: its places on each machine, its clips shared out, and what is made of its parts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from grid.evaluation.job import EvaluationJob, Part, share_out
from grid.results.manifest_place import ManifestPlace
from grid.results.storage import Storage
from grid.specs import settings
from hd2s.models.config import Input
from manifests.problem import ProblemError
from manifests.store import CLIPS, FIXATIONS
from tests.datasets.small_corpora import a_clip


def job_of(**changes):
    job = EvaluationJob(
        id="unit",
        test="DHF1K",
        input=Input(8, 32, 32),
        domain=None,
        training="t",
        weights="checkpoints/t.pt",
        manifest=ManifestPlace("manifests/m", "s3://bucket/corpus"),
        expected={"a": 2, "b": 1},
        quarantined=3,
        shorter=2,
        parts=(("a",), ("b",)),
        protocol=settings.Test(),
        metrics=("NSS",),
        batch=1,
        gpu=False,
        scorers=1,
        plugins=("plugins/own",),
    )
    return replace(job, **changes)


BY = {"device": "CPU", "threads": 1}


def part_of(clip, count, **known):
    frames = pa.table({"clip": [clip] * count, "frame": list(range(count))})
    return Part(frames, seconds=1.5, **known)


def test_a_small_split_stays_whole_longest_clips_first():
    clips = [a_clip(clip=str(n), n_frames=n) for n in (30, 500, 1, 200)]
    assert share_out(clips) == (("500", "200", "30", "1"),)


def test_a_large_split_is_shared_out_evenly():
    lengths = np.random.default_rng(0).integers(50, 1200, 80)
    parts = share_out([a_clip(clip=f"{i}", n_frames=int(n)) for i, n in enumerate(lengths)])
    assert len(parts) == round(lengths.sum() / 6000)
    assert sorted(clip for part in parts for clip in part) == sorted(map(str, range(80)))
    loads = [sum(lengths[int(clip)] for clip in part) for part in parts]
    assert max(loads) - min(loads) < lengths.max() / 2
    assert len(share_out([a_clip(clip=f"{i}", n_frames=30_000) for i in range(2)])) == 2, "no part is empty"


def test_the_rows_of_all_parts_are_one_table_and_their_seconds_add_up():
    job = job_of(likeness="hd2s at 8")
    frames, summary, expected = job.gather([part_of("a", 2, computed=BY), part_of("b", 1, computed=BY)])
    assert frames.to_pydict() == {"clip": ["a", "a", "b"], "frame": [0, 1, 0]}
    measured = {"seconds": 3.0, "device": "CPU", "computed": [BY], "frames": 3, "likeness": "hd2s at 8"}
    code = summary.pop("code")
    assert summary == measured | {"unread": {}, "quarantined": 3, "shorter": 2}
    assert code["files"] == {}, "a job without modules has no code"
    assert expected == {"a": 2, "b": 1}


def test_frames_that_are_predicted_constant_are_counted_over_all_parts():
    parts = [part_of("a", 2, constant={"a": 2}), part_of("b", 1, constant={"b": 1})]
    assert job_of().gather(parts)[1]["constant"] == 3


def test_clips_that_could_not_be_read_are_told_and_not_expected():
    frames, summary, expected = job_of().gather([part_of("a", 2), Part(None, 0.5, {"b": "cut short"})])
    assert set(frames["clip"].to_pylist()) == {"a"} == set(expected)
    assert summary["unread"] == {"b": "cut short"}


def test_without_a_single_clip_there_is_no_result():
    parts = [Part(None, 0.5, {clip: f"{clip} is cut short"}) for clip in "ab"]
    with pytest.raises(ProblemError, match=r"unit: expected test clips .*, found none.*a is cut short"):
        job_of().gather(parts)


def test_weights_manifest_and_plugins_are_brought_to_the_machine_that_scores(url, node, tmp_path):
    names = ["checkpoints/t.pt", f"manifests/m/{CLIPS}", f"manifests/m/{FIXATIONS}", "plugins/own/metric.py"]
    storage, source = Storage(url), tmp_path / "source"
    for name in names:
        source.write_text(name)
        storage.publish(name, source)
    node("second")
    job = job_of().brought(storage)
    assert (job.weights, job.plugins) == (
        str(storage.local / "checkpoints/t.pt"),
        (str(storage.local / "plugins/own"),),
    )
    assert job.manifest == ManifestPlace(str(storage.local / "manifests/m"), "s3://bucket/corpus")
    assert all((storage.local / name).read_text() == name for name in names)
    with pytest.raises(FileNotFoundError, match=r"other\.pt"):
        job_of(weights="checkpoints/other.pt").brought(storage)


def test_on_one_machine_nothing_moves(tmp_path):
    storage = Storage(folder=str(tmp_path))
    here = {name: str(Path(tmp_path, name)) for name in ("w.pt", "m", "p")}
    job = job_of(weights=here["w.pt"], manifest=ManifestPlace(here["m"], None), plugins=(here["p"],))
    assert job.brought(storage) == job
