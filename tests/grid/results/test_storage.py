"""Machines that share no disk: what one writes, another finds, in a folder or on an S3-compatible server."""

import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.frame_store.store import FrameStore
from datasets.remote import LOCAL, at_hand, node_folder
from grid.evaluation.evaluate import evaluate_part
from grid.evaluation.parts import do_part, gather
from grid.planning import frames
from grid.results.ledger import Ledger
from grid.results.storage import Storage, check
from grid.running import places
from grid.training import states
from grid.training.loop import fit
from manifests.problem import ProblemError
from manifests.store import open_manifest
from tests.grid.buckets import bucket, upload
from tests.grid.grids import Context, evaluation_job_of, few_clips_of, job_of, prepare_small
from tests.grid.small_ledger import finish, small_plan, table_spec


@pytest.fixture(scope="module")
def server():
    with bucket() as where:
        yield where


@pytest.fixture(params=["file", "s3"])
def url(request, tmp_path, server):
    """A storage that is empty."""
    return f"file://{tmp_path}/store" if request.param == "file" else f"s3://bucket/{tmp_path.name}{server}"


@pytest.fixture
def node(monkeypatch, tmp_path):
    """Be one machine or another of a cluster."""

    def be(name):
        monkeypatch.setenv(LOCAL, str(tmp_path / name))

    be("first")
    return be


def test_a_file_goes_by_the_url_from_one_machine_to_another(url, node):
    check(url)
    storage = Storage(url)
    written = storage.path("checkpoints/a.pt")
    written.parent.mkdir(parents=True)
    written.write_bytes(bytes(range(256)) * 1000)
    storage.publish("checkpoints/a.pt")
    node("second")
    storage = Storage(url)
    assert storage.exists("checkpoints/a.pt")
    assert not storage.exists("checkpoints/b.pt")
    with pytest.raises(FileNotFoundError, match=r"b\.pt"):
        storage.fetch("checkpoints/b.pt")
    found = storage.fetch("checkpoints/a.pt")
    assert found != written
    assert found.read_bytes() == written.read_bytes()
    assert set(storage.files("checkpoints")) == {"checkpoints/a.pt"}
    storage.delete("checkpoints")
    assert not found.exists()
    assert not Storage(url).exists("checkpoints/a.pt")
    assert Storage(url).files("checkpoints") == {}
    storage.delete("checkpoints")


def test_what_is_there_is_not_brought_again_unless_asked_for(url, node):
    storage = Storage(url)
    mine = storage.path("results/a.parquet")
    mine.parent.mkdir(parents=True)
    mine.write_text("first")
    storage.publish("results/a.parquet")
    mine.write_text("another")
    assert storage.fetch("results/a.parquet").read_text() == "another"
    assert storage.fetch("results/a.parquet", anew=True).read_text() == "first"


def test_a_file_is_whole_at_the_url_or_not_there(url, node):
    storage = Storage(url)
    with pytest.raises(FileNotFoundError):
        storage.publish("checkpoints/absent.pt")
    assert storage.files("checkpoints") == {}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("s3:/bucket/x", "s3"),
        ("nonsense://x/y", "nonsense"),
        ("file:///proc/nowhere", "/proc/nowhere"),
        ("s3://", "no folder in it"),
        ("s3://absent/x{server}", "NO_SUCH_BUCKET|does not exist"),
        ("s3://bucket/x?endpoint_override=127.0.0.1:9&scheme=http", "connect"),
    ],
)
def test_a_url_that_cannot_be_written_to_is_told_with_what_to_do(wrong, told, server):
    with pytest.raises(ProblemError, match=told) as caught:
        check(wrong.format(server=server))
    (problem,) = caught.value.problems
    assert problem.where == "storage.url"
    assert "credentials" in problem.remedy


def test_a_wrong_url_is_told_with_everything_else(small_demo):
    with pytest.raises(ProblemError) as caught:
        prepare_small(small_demo, "storage.url=nonsense://x/y", "train.lrr=1")
    assert {problem.where for problem in caught.value.problems} == {"storage.url", "settings"}


def test_where_things_lie_changes_no_id(small_demo, url):
    here, there = prepare_small(small_demo), prepare_small(small_demo, f"storage.url={url}")
    assert here.plan == there.plan


def test_a_new_output_folder_finds_what_is_done_and_what_failed(url, tmp_path):
    plan = small_plan(table_spec())
    first, second, *_ = plan.trainings
    one = Ledger(tmp_path / "one", Storage(url, str(tmp_path / "one")))
    finish(one, plan, first, NSS=2.5, CC=0.5)
    Path(one.out / "checkpoints" / first / "best.pt").rename(one.out / "checkpoints" / f"{first}.pt")
    one.write_failure(second, "it would not")
    one.agree()
    checkpoint = f"checkpoints/{first}/best.pt"
    source = one.out / "checkpoints" / f"{first}.pt"
    one.storage.publish(checkpoint, source)

    other = Ledger(tmp_path / "other", Storage(url, str(tmp_path / "other")))
    other.agree()
    assert other.training_done(first)
    assert other.read_evaluation(f"on-{first}").scores == one.read_evaluation(f"on-{first}").scores
    assert other.status(second, "training") == "failed"
    assert not list((other.out / "checkpoints").glob("*")), "weights stay where they are"

    other.clear_failure(second)
    other.remove_evaluation(f"on-{first}")
    third = Ledger(tmp_path / "third", Storage(url, str(tmp_path / "third")))
    third.agree()
    assert third.status(second, "training") == "todo"
    assert not third.evaluation_done(f"on-{first}")


def test_a_result_that_was_made_again_elsewhere_counts(url, tmp_path):
    plan = small_plan(table_spec())
    unit = next(iter(plan.trainings))
    one, other = (Ledger(tmp_path / name, Storage(url, str(tmp_path / name))) for name in ("one", "other"))
    finish(one, plan, unit, NSS=1.0)
    other.agree()
    finish(other, plan, unit, NSS=2.0, CC=0.5)
    one.agree()
    assert one.read_evaluation(f"on-{unit}").metrics == ["NSS", "CC"]
    before = one.path("evaluation", f"on-{unit}").stat().st_mtime_ns
    one.agree()
    assert one.path("evaluation", f"on-{unit}").stat().st_mtime_ns == before, "it is not brought twice"


def test_results_of_before_there_was_a_storage_are_taken_along(url, tmp_path):
    plan = small_plan(table_spec())
    unit = next(iter(plan.trainings))
    finish(Ledger(tmp_path / "one"), plan, unit, NSS=1.0)
    Ledger(tmp_path / "one", Storage(url, str(tmp_path / "one"))).agree()
    other = Ledger(tmp_path / "other", Storage(url, str(tmp_path / "other")))
    other.agree()
    assert other.evaluation_done(f"on-{unit}")


def state_at(step):
    return {"step": step, "weights": torch.full((50_000,), float(step))}


def test_states_are_gone_on_from_on_another_machine(url, node):
    storage, run = Storage(url), "resume/t"
    for step in (1, 2, 3):
        states.save(storage.path(run), step, state_at(step), storage)
    assert not list(storage.local.rglob("state.pt")), "nothing of it stays on a machine"
    node("second")
    kept = sorted(storage.files(run))
    assert [name[: len("resume/t/checkpoint_00000002")] for name in kept] == [
        "resume/t/checkpoint_00000002",
        "resume/t/checkpoint_00000003",
    ]
    assert torch.equal(states.newest(storage.path(run), storage)["weights"], state_at(3)["weights"])
    damaged = storage.path("cut")
    damaged.parent.mkdir(parents=True, exist_ok=True)
    damaged.write_bytes(b"PK\x03\x04 cut short")
    storage.publish(kept[-1], damaged)
    assert states.newest(storage.path(run), storage)["step"] == 2
    assert not list(storage.local.rglob("state.pt"))
    states.make_ready(storage.path(run), storage)
    assert len(storage.files(run)) == states.KEPT
    assert states.newest(storage.path("resume/other"), storage) is None


@pytest.fixture
def apart(small_demo, url, node, monkeypatch):
    """A small grid whose workers, on a cluster, share no folder with the driver; its corpora behind a url."""
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    corpora = (small_demo / "corpora").resolve()
    roots = [f"corpora.{name}.root=file://{corpora}/{name}" for name in ("DHF1K", "UCFSports")]
    return prepare_small(small_demo, f"storage.url={url}", *roots)


@pytest.mark.parametrize("url", ["s3"], indirect=True)
def test_machines_of_their_own_give_the_same_numbers(apart, small_demo, node, monkeypatch):
    """As workers do it: what a job needs is brought, frames are decoded, and weights and rows go on."""
    places.publish_inputs(apart)
    storage = places.storage_of(apart)
    curves = []
    for name, approach in (("first", "generalization"), ("second", "transfer")):
        node(name)
        job = job_of(apart, approach)
        assert not Path(job.weights).is_absolute()
        job = places.brought(job, storage)
        frames.fill(job)
        assert Path(job.weights).is_relative_to(os.environ[LOCAL])
        curves.append(fit(job, Context())["curve"])
        storage.publish(job.weights)
    node("third")
    (evaluation,) = (e for e in apart.plan.evaluations.values() if "transfer" in e.training)
    scoring = few_clips_of(evaluation_job_of(apart, "transfer"))
    done = [do_part(scoring, part, storage) for part in range(len(scoring.parts))]
    assert sum(part.clips for part in done) == len(scoring.expected)
    node("fourth")
    gather(scoring, evaluation, storage)
    apart.ledger.bring("evaluation", evaluation.id)
    found = apart.ledger.read_evaluation(evaluation.id).frames

    monkeypatch.delenv("RAY_ADDRESS")
    shared = prepare_small(small_demo)
    expected = [fit(job_of(shared, name), Context())["curve"] for name in ("generalization", "transfer")]
    assert curves == expected
    scoring = few_clips_of(evaluation_job_of(shared, "transfer"))
    rows, _, _ = scoring.gather([evaluate_part(scoring, part) for part in range(len(scoring.parts))])
    assert found.equals(rows.sort_by([("clip", "ascending"), ("frame", "ascending")])), "to the bit"


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
    monkeypatch.setattr("datasets.remote._SHARE", 10**18)
    with at_hand(url, clips[0], "frames") as root:
        for clip in clips[1:]:
            with at_hand(url, clip, "frames"):
                pass
        assert (root / clips[0].path).is_file()
        assert len(list((node_folder(url) / "clips").iterdir())) == 2, "it and the last one"
