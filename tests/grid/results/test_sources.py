"""Which files a unit's code is: those that its imports lead to, and no others."""

import pytest

from grid.results import sources
from grid.results.sources import code_of, differing, eldest, evaluation_modules, training_modules
from tests.grid.plans import of_approach, plan_of

PLAN = plan_of("domain_shift")


@pytest.fixture
def unremembered():
    remembered = (sources._closure, sources._imports, sources._file, sources._folder, sources._digest)
    for function in remembered:
        function.cache_clear()
    yield
    for function in remembered:
        function.cache_clear()


def files(modules):
    return code_of(modules)["files"].keys()


def test_a_training_is_made_by_what_it_imports():
    found = files(training_modules(of_approach(PLAN, "adaptation")[0]))
    assert found >= {
        "grid/training/loop.py",
        "hd2s/models/hd2s/model.py",
        "hd2s/approaches/adaptation.py",
        "hd2s/layers/domain_classifiers.py",
        "hd2s/weights/checkpoints.py",
        "datasets/reading/video.py",
        "datasets/corpora/dhf1k.py",
        "manifests/store.py",
    }
    others = "hd2s/metrics/", "hd2s/commands/", "datasets/demo/", "grid/specs/", "grid/evaluation/"
    assert [name for name in found if name.startswith(others)] == []
    assert "hd2s/approaches/calibration.py" not in found


def test_a_test_is_made_by_metrics_and_prediction_and_not_by_the_optimiser():
    evaluation = next(iter(PLAN.evaluations.values()))
    found = files(evaluation_modules(evaluation, PLAN.trainings[evaluation.training]))
    assert found >= {"hd2s/metrics/on_processor.py", "hd2s/prediction/predictor.py"}
    assert not found & {"hd2s/training/optimiser.py", "grid/training/loop.py"}


def test_every_file_outside_the_project_is_named_by_its_module(tmp_path, monkeypatch, unremembered):
    lab = tmp_path / "lab_of_sources"
    lab.mkdir()
    (lab / "plug.py").write_text("from lab_of_sources import helper\nimport hd2s.losses\n")
    (lab / "helper.py").write_text("A = 1\n")
    (lab / "unused.py").write_text("B = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = code_of(("lab_of_sources.plug",))["files"]
    assert found.keys() >= {"lab_of_sources/plug.py", "lab_of_sources/helper.py", "hd2s/losses.py"}
    assert "lab_of_sources/unused.py" not in found
    (lab / "helper.py").write_text("A = 2\n")
    sources._digest.cache_clear()
    assert differing({"files": found}, code_of(("lab_of_sources.plug",))) == ["lab_of_sources/helper.py"]


def test_files_of_one_side_alone_differ():
    assert differing({"files": {"a": "1", "b": "1"}}, {"files": {"b": "1", "c": "1"}}) == ["a", "c"]


def test_what_was_begun_by_other_code_counts_as_its():
    now, before = {"files": {"a": "2"}}, {"files": {"a": "1"}}
    assert eldest([None, {}, dict(now), before], now) == before
    assert eldest([None, dict(now)], now) == now
