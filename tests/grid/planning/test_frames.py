"""What trainings read is decoded before the first of them starts, and held while they run."""

import shutil
from dataclasses import replace

import pytest

from datasets.frame_store.store import FrameStore
from grid.planning import frames
from tests.grid.grids import prepare_small


@pytest.fixture
def grid(small_demo):
    return prepare_small(small_demo, approaches="generalization, adaptation")


def decoded(grid, *, here=True):
    """What cannot be trained, and what was said."""
    said = []
    with frames.decoded(grid, grid.plan.trainings.values(), said.append, here=here) as broken:
        return dict(broken), said


@pytest.mark.slow
def test_all_that_is_read_is_decoded_once(grid):
    trainings = grid.plan.trainings.values()
    wanted = frames.missing(grid, trainings)
    assert wanted > 0
    broken, said = decoded(grid)
    assert broken == {}
    assert [line.partition(":")[0] for line in said] == [
        "decoding frames of DHF1K",
        "decoding frames of DHF1K",
        "decoding frames of UCFSports",
    ], "train and val of the source, train of the target"
    on_disk = sum(path.stat().st_size for path in frames.folder(grid).rglob("*") if path.is_file())
    assert on_disk == pytest.approx(wanted, rel=0.02)
    assert frames.missing(grid, trainings) == 0
    assert decoded(grid) == ({}, [])


@pytest.mark.slow
def test_a_target_without_labels_needs_no_maps(small_demo):
    grid = prepare_small(small_demo, approaches="adaptation")
    (training,) = grid.plan.trainings.values()
    wanted = {(read.corpus, read.split): maps for read, maps in frames._needed([training]).items()}
    assert wanted == {("DHF1K", "train"): True, ("DHF1K", "val"): True, ("UCFSports", "train"): False}
    adapted = frames.missing(grid, [training])
    supervised = prepare_small(small_demo, approaches="adaptation, transfer")
    assert frames.missing(supervised, supervised.plan.trainings.values()) > adapted


def test_models_of_one_size_share_what_is_decoded(small_demo):
    grid = prepare_small(small_demo, "model=[hd2s,centre_prior]", approaches="generalization")
    hd2s, prior = grid.plan.trainings.values()
    both = frames.missing(grid, [hd2s, prior])
    decoded(replace(grid, plan=replace(grid.plan, trainings={hd2s.id: hd2s})))
    assert frames.missing(grid, [hd2s, prior]) < both / 4, "the clips too short for windows are left"


@pytest.mark.slow
def test_clips_that_changed_stop_those_who_read_them(demo_out, tmp_path):
    shutil.copytree(demo_out, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("frames"))
    grid = prepare_small(tmp_path, approaches="generalization, transfer")
    clip = grid.manifests["UCFSports"].clips("train")[0]
    folder = tmp_path / "corpora" / "UCFSports" / clip.path
    next(path for path in sorted(folder.iterdir()) if path.is_file()).write_bytes(b"")
    broken, _ = decoded(grid)
    (unit,) = broken
    assert grid.plan.trainings[unit].approach == "transfer"
    assert "as indexed" in broken[unit]


@pytest.mark.slow
def test_what_trains_elsewhere_decodes_for_itself(grid, tmp_path):
    apart = replace(grid, config=replace(grid.config, storage=replace(grid.config.storage, url="s3://b/f")))
    assert decoded(apart, here=False) == ({}, [])
    assert not frames.folder(grid).exists()
    there = prepare_small(grid.out, f"storage.url=file://{tmp_path}/b", approaches="generalization")
    assert decoded(there)[1], "a machine that trains itself, with a storage elsewhere, decodes"


def test_the_folder_and_its_bound_are_settings(grid, small_demo, tmp_path):
    assert frames.folder(grid) == small_demo / "frames"
    assert frames.limit(grid) is None
    other = prepare_small(small_demo, f"frames.folder={tmp_path}/fast", "frames.limit_gib=0.0001")
    assert frames.folder(other) == tmp_path / "fast"
    assert frames.limit(other) == int(0.0001 * 2**30) == frames.missing(other, other.plan.trainings.values())


@pytest.mark.slow
def test_what_is_decoded_is_held_while_it_is_needed(grid, monkeypatch):
    held = []
    original = FrameStore.hold

    def hold(store, clips, *, labelled=True):
        held.append((store.manifest.corpus, labelled))
        return original(store, clips, labelled=labelled)

    decoded(grid)
    monkeypatch.setattr(FrameStore, "hold", hold)
    decoded(grid)
    assert held == [("DHF1K", True), ("DHF1K", True), ("UCFSports", False)]
