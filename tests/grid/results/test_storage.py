"""Machines that share no disk: what one writes, another finds, in a folder or on an S3-compatible server."""

import os
from pathlib import Path

import pytest

from datasets.remote import LOCAL
from grid.evaluation.evaluate import evaluate_part
from grid.evaluation.parts import do_part, gather
from grid.planning import frames
from grid.results.storage import Storage, answering
from grid.running import places
from grid.training.loop import fit
from manifests.problem import ProblemError
from tests.grid.grids import TINY, Context, evaluation_job_of, few_clips_of, job_of, prepare_small


def test_a_file_goes_by_the_url_from_one_machine_to_another(url, node):
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


def test_where_things_lie_changes_no_id(small_demo, url):
    here, there = prepare_small(small_demo), prepare_small(small_demo, f"storage.url={url}")
    assert here.plan == there.plan


def test_a_folder_and_a_url_each_get_what_the_other_has_and_the_urls_version_counts(url, tmp_path):
    here, there = (Storage(url, str(tmp_path / name)) for name in ("here", "there"))
    for storage, names in ((here, ("both", "mine")), (there, ("both", "yours"))):
        for name in (*names, ".half"):
            path = storage.path(f"results/{name}.parquet")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{name} in {storage.local.name}")
        storage.agree("results", ".parquet")
    here.agree("results", ".parquet")
    found = {path.name: path.read_text() for path in sorted((here.local / "results").glob("[!.]*"))}
    assert found == {
        "both.parquet": "both in here",
        "mine.parquet": "mine in here",
        "yours.parquet": "yours in there",
    }
    assert set(Storage(url).files("results")) == {f"results/{name}" for name in found}


def test_without_a_url_a_folder_is_the_storage(tmp_path):
    storage = Storage(folder=str(tmp_path))
    path = storage.path("parts/u/0.parquet")
    path.parent.mkdir(parents=True)
    path.write_text("rows")
    storage.publish("parts/u/0.parquet", keep=False)
    assert storage.place("parts/u/0.parquet") == str(path)
    assert storage.name(path) == "parts/u/0.parquet"
    assert storage.fetch("parts/u/0.parquet", anew=True).read_text() == "rows"
    assert set(storage.files("parts")) == {"parts/u/0.parquet"}
    storage.delete("parts/u")
    assert not path.parent.exists()


def test_a_storage_that_no_longer_answers_is_told_with_what_to_do():
    told = pytest.raises(ProblemError, match="storage that answers at s3://bucket/x, found it is gone")
    with told, answering("s3://bucket/x"):
        raise OSError("it is \n gone")


def tiny_grid(out, *overrides):
    return prepare_small(
        out, *TINY, "test.eight_bit=false", *overrides, approaches="generalization, transfer"
    )


@pytest.fixture
def apart(small_demo, url, node, monkeypatch):
    """A small grid whose workers, on a cluster, share no folder with the driver; its corpora behind a url."""
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    corpora = (small_demo / "corpora").resolve()
    roots = [f"corpora.{name}.root=file://{corpora}/{name}" for name in ("DHF1K", "UCFSports")]
    return tiny_grid(small_demo, f"storage.url={url}", *roots)


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
    shared = tiny_grid(small_demo)
    expected = [fit(job_of(shared, name), Context())["curve"] for name in ("generalization", "transfer")]
    assert curves == expected
    scoring = few_clips_of(evaluation_job_of(shared, "transfer"))
    rows, _, _ = scoring.gather([evaluate_part(scoring, part) for part in range(len(scoring.parts))])
    assert found.equals(rows.sort_by([("clip", "ascending"), ("frame", "ascending")])), "to the bit"


def test_parts_that_are_there_are_not_done_again(small_demo, monkeypatch):
    # After four iterations a processor may find maps of one grey level in 8 bits, which have no scores.
    grid = prepare_small(small_demo, "test.eight_bit=false", approaches="generalization")
    fit(job_of(grid, "generalization"), Context())
    job, storage = evaluation_job_of(grid, "generalization"), grid.storage
    (evaluation,) = grid.plan.evaluations.values()
    job = few_clips_of(job)
    whole = replace(job, parts=(job.parts[0] + job.parts[1],))
    expected, _, _ = whole.gather([evaluate_part(whole, 0)])

    first = do_part(job, 0, storage)
    scored = []

    def score(job, part):
        scored.append(part)
        return evaluate_part(job, part)

    monkeypatch.setattr("grid.evaluation.parts.evaluate_part", score)
    assert do_part(job, 0, storage) == first
    assert scored == [], "it was there"
    do_part(replace(job, parts=(job.parts[1], job.parts[0])), 0, storage)
    assert scored == [0], "other clips are another part"
    do_part(job, 0, storage)
    do_part(job, 1, storage)
    assert scored == [0, 0, 1]
    gather(job, evaluation, storage)
    result = grid.ledger.read_evaluation(evaluation.id)
    places_ = [("clip", "ascending"), ("frame", "ascending")]
    assert result.frames.equals(expected.sort_by(places_)), "to the bit"
    leftovers.clear(grid.ledger)
    assert not grid.storage.path(folder(evaluation.id)).exists()


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
