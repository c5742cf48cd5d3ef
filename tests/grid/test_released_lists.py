"""Hollywood2 and UCF Sports by the lists of UNISAL's release: what workers read, and what is told."""

import pytest

from datasets.loading.windows import eligible
from grid.planning.prepare import prepare
from grid.running.jobs import training_job
from grid.specs import settings_reader
from hd2s.models.registry import find_model
from manifests.folds import Fold, HeldOut
from manifests.problem import ProblemError
from tests.grid.plans import FROM_SCRATCH, plan_of
from tests.manifests.real_corpora import real

RELEASED = """
name: released
title: As released
metrics: [NSS]
models: [unisal]
sources: [Hollywood2, UCFSports]
approaches: [domain-specific]
overrides: {{model.domain_inputs: true}}
{more}
"""


@pytest.fixture
def planned(tmp_path):
    """The plan of a grid on the real corpora's names and lengths, and what is told of it."""

    def plan(*overrides, without=(), purpose="run", more=""):
        (tmp_path / "released.yaml").write_text(RELEASED.format(more=more))
        own = [FROM_SCRATCH]
        for corpus in ("Hollywood2", "UCFSports") if purpose == "run" else ():
            manifest = real(tmp_path / f"{corpus}{len(without)}", corpus, without)
            own.append(f"corpora.{corpus}.manifest={manifest.folder}")
        said = []
        given = [*own, *overrides]
        place = str(tmp_path / "released.yaml")
        grid = prepare(place, given, tmp_path / "out", demo=False, tell=said.append, purpose=purpose)
        return grid, said

    return plan


def clips_read(job):
    """What a worker finds where it is sent: corpus and split → the clips that fill a sequence."""
    found = {}
    for read, _ in job.reads:
        manifest = job.manifests[read.corpus].open()
        assert manifest.digests[read.split] == job.manifests[read.corpus].digests[read.split]
        found[read.corpus, read.split] = eligible(manifest.clips(read.split), read.clip_length)[0]
    return found


def test_a_training_as_unisal_released_it_reads_the_clips_of_its_lists(planned):
    """236 and 20 batches of four an epoch, as counted by running the release."""
    grid, said = planned("train.protocol=released")
    (training,) = grid.plan.trainings.values()
    read = clips_read(training_job(grid, training))
    assert {place: len(clips) for place, clips in read.items()} == {
        ("Hollywood2", "train"): 946,
        ("Hollywood2", "val"): 111,
        ("UCFSports", "train"): 82,
    }
    sources = {int(c.source_video[-5:]) for c in read["Hollywood2", "train"]}
    assert max(sources) <= 700
    assert {2, 698} <= {int(c.source_video[-5:]) for c in read["Hollywood2", "val"]}
    assert sources.isdisjoint(int(c.source_video[-5:]) for c in read["Hollywood2", "val"])
    assert (training.spec.shares, training.spec.train.iterations) == ((236, 20), 16 * 256)
    assert training.spec.train.splits == "released"
    assert {each.map_size for each in training.reads} == {None}, "framed maps are of the input's size"
    assert {(each.corpus, each.height, each.width, each.resizing) for each in training.reads} == {
        ("Hollywood2", 224, 416, "pil-lanczos/height"),
        ("UCFSports", 256, 384, "pil-lanczos/cover"),
    }
    assert {(unit.spec.protocol.resizing) for unit in grid.plan.evaluations.values()} == {"pil-bilinear"}
    assert [each for each in said if "train.splits" in each] == [
        "Hollywood2: train.splits=released leaves 239 clips aside, whose source videos come after"
        " actioncliptrain00700: actioncliptrain00701_1, actioncliptrain00701_2, actioncliptrain00701_3,"
        " actioncliptrain00702_1, actioncliptrain00702_2 …"
    ]


def test_a_training_as_released_is_selected_and_supervised_as_released():
    """On DHF1K alone, by the whole loss on two sequences a clip after three epochs; at the maps' size."""
    plan = plan_of("unisal_table2", "train.protocol=released")
    ours = [unit for unit in plan.trainings.values() if unit.model == "unisal"]
    (joint,) = (unit for unit in ours if len(unit.sources) == 4)
    train = joint.spec.train
    selects = train.validation_windows, train.validation_starts, train.validation_loss, train.validation_from
    assert selects == (2, "released", "training", 3)
    assert joint.spec.validation.corpus == "DHF1K"
    assert {(each.corpus, each.split): each.map_size for each in joint.reads} == {
        ("DHF1K", "train"): (360, 640),
        ("Hollywood2", "train"): None,
        ("UCFSports", "train"): None,
        ("SALICON", "train"): (480, 640),
        ("DHF1K", "val"): (360, 640),
    }
    alone = next(unit for unit in ours if unit.sources == ("Hollywood2",))
    assert alone.spec.validation.corpus == "Hollywood2"


def test_other_lists_make_other_ids_and_no_other_test(planned):
    (own,), (lists,) = (
        planned(f"train.splits={word}")[0].plan.trainings.values() for word in ("corpus", "released")
    )
    assert own.id != lists.id
    assert own.id == next(iter(planned()[0].plan.trainings))
    assert own.spec.validation.digest != lists.spec.validation.digest
    tests = [
        {unit.spec.test for unit in planned(f"train.splits={word}")[0].plan.evaluations.values()}
        for word in ("corpus", "released")
    ]
    assert tests[0] == tests[1]


def test_what_a_corpus_lacks_of_lists_is_told_and_nothing_is_validated_on_in_its_place(planned):
    whole = find_model("unisal").model.held_out["Hollywood2"][0]
    _, said = planned("train.splits=released", without=whole[:2])
    assert (
        "Hollywood2: it lacks 2 of 75 source videos that train.splits=released validates on:"
        " actioncliptrain00002, actioncliptrain00014"
    ) in said
    with pytest.raises(ProblemError, match=r"Hollywood2, split val: .* found none .*train\.splits=corpus"):
        planned("train.splits=released", without=whole)
    assert planned("train.splits=corpus", without=whole)[0].plan.trainings


def test_lists_of_a_corpus_that_is_not_indexed_wait_for_it(planned, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    grid, said = planned("train.splits=released", purpose="plan")
    assert grid.plan.trainings
    assert not [each for each in said if "train.splits" in each]


def test_folds_of_a_table_go_before_lists(planned):
    grid, _ = planned("train.splits=released", more="folds: {UCFSports: 3}")
    reads = [read for training in grid.plan.trainings.values() for read in training.reads]
    kinds = {(read.corpus, type(read.fold)) for read in reads}
    assert kinds == {("Hollywood2", HeldOut), ("UCFSports", Fold)}
    assert {cell.fold for cell in grid.plan.cells} == {1, 2, 3}
    assert {unit.spec.test.fold for unit in grid.plan.evaluations.values()} == {
        *(Fold(number, 3) for number in (1, 2, 3)),
        None,
    }


def test_what_lists_say_nothing_of_is_what_it_was():
    """Of Table 2's settings those of one corpus without lists; centre priors know of none."""
    own, lists = (plan_of("unisal_table2", f"train.splits={word}") for word in ("corpus", "released"))
    same = {(unit.model, unit.sources) for unit in lists.trainings.values() if unit.id in own.trainings}
    others = {(unit.model, unit.sources) for unit in lists.trainings.values() if unit.id not in own.trainings}
    assert {model for model, _ in others} == {"unisal"}
    assert {("unisal", ("DHF1K",)), ("unisal", ("SALICON",))} <= same
    assert all({"Hollywood2", "UCFSports"} & {*sources} for _, sources in others)
    assert {sources for model, sources in same if model == "unisal"} == {("DHF1K",), ("SALICON",)}


def test_weights_are_chosen_by_the_clips_of_lists_too():
    plans = [
        plan_of("unisal_table2", f"train.splits={word}", "select=target") for word in ("corpus", "released")
    ]
    chosen = [
        {(c.corpus, c.fold) for unit in plan.trainings.values() for kept in unit.kept for c in kept.corpora}
        for plan in plans
    ]
    assert {corpus for corpus, fold in chosen[0] if fold} == set()
    assert {corpus for corpus, fold in chosen[1] if fold} == {"Hollywood2", "UCFSports"}


def test_the_demo_has_none_of_the_videos():
    words = [
        settings_reader.load(["train.protocol=released"], demo=demo, model="unisal").train.splits
        for demo in (False, True)
    ]
    assert words == ["released", "corpus"]
