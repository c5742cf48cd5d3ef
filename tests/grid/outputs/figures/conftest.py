"""Tables whose cells have models and corpora, small ones, to draw pictures of; not to be written to."""

import pyarrow as pa
import pytest

from grid.outputs.figures.contract import Material, Subject
from grid.outputs.tables.scores import Results
from grid.results.ledger import Ledger
from hd2s import build_model, save_weights
from manifests import open_manifest
from tests.datasets.scored_corpus import LENGTHS, write_scored
from tests.grid.outputs.figures.scored import curve_of, small

SIZE = {"clip_length": 8, "height": 32, "width": 32, "conspicuity": (1, 2), "fusion_gain": 4.0}
CORPORA = ("UCFSports", "DHF1K")
# Of the five frames of one clip and the three of the other, of which the last has no fixation.
SCORES = {
    "generalization": [0.5, 0.2, 0.4, 0.1, None, 0.3, 0.3, None],
    "adaptation": [0.6, 0.9, 0.3, 0.15, None, 0.35, 0.5, None],
}


def rows(values):
    places = [(clip, frame) for clip, n in LENGTHS.items() for frame in range(n)]
    columns = {
        "clip": pa.array([clip for clip, _ in places]),
        "frame": pa.array([frame for _, frame in places], pa.int32()),
        "n_fixations": pa.array([4 if value is not None else 0 for value in values], pa.int32()),
    }
    numbers = pa.array([float("nan") if value is None else value for value in values], pa.float64())
    return pa.table({**columns, "CC": numbers, "KLD": numbers})


@pytest.fixture(scope="session")
def manifests(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora")
    return {name: open_manifest(write_scored(folder / name, split="test", corpus=name)) for name in CORPORA}


def finished(plan, out, manifests, options) -> Subject:
    """Give every cell scores, and a model of random weights; those of one approach share a file."""
    ledger, files = Ledger(out), {}
    for unit, training in plan.trainings.items():
        weights = out / "checkpoints" / f"{unit}.pt"
        weights.parent.mkdir(parents=True, exist_ok=True)
        if training.approach in files:
            weights.hardlink_to(files[training.approach])
        else:
            model = build_model("hd2s", seed=len(files), **SIZE, **options.get(training.approach, {}))
            save_weights(model, weights, approach=training.approach)
            files[training.approach] = weights
        summary = {"best_kld": 1.0, "best_step": 4, "checkpoint": weights.relative_to(out).as_posix()}
        ledger.write_training(training, curve_of(training.approach), summary)
        values = rows(SCORES.get(training.approach, SCORES["generalization"]))
        ledger.write_evaluation(plan.evaluations[f"on-{unit}"], values, {"seconds": 1.0}, expected=LENGTHS)
    return Subject(plan.tables[0], Results(plan, ledger), Material(manifests))


@pytest.fixture(scope="session")
def shift(tmp_path_factory, manifests):
    """One source, one target, before and after an alignment."""
    plan = small(sources=("UCFSports",), targets=("DHF1K",), approaches=("generalization", "adaptation"))
    return finished(plan, tmp_path_factory.mktemp("shift"), manifests, {})


@pytest.fixture(scope="session")
def pooled(tmp_path_factory, manifests):
    """Two sources together, without and with layers of their own."""
    plan = small(
        sources=CORPORA, targets=(), tests=("source",), approaches=("multi-source", "domain-specific")
    )
    options = {"domain-specific": {"domains": CORPORA}}
    return finished(plan, tmp_path_factory.mktemp("pooled"), manifests, options)
