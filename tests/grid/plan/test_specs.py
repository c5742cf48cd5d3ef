"""What is hashed: all of it in plain values, and readable before plug-ins are known."""

import pickle

import pytest

from grid.specs.plugins import load
from hd2s.models.hd2s.config import HD2SConfig
from tests.grid.plans import of_approach, plan_of
from tests.plugged import OURS


@pytest.fixture(scope="module")
def plan():
    return plan_of("paper")


def test_all_settings_are_said_in_plain_values_what_is_at_its_default_too(plan):
    settings = of_approach(plan, "domain-specific")[0].spec.as_settings()
    assert settings["model"]["name"] == "hd2s"
    assert settings["model"]["domains"] == ("DHF1K", "UCFSports", "Hollywood2")
    assert settings["model"]["backbone_weights"] is None
    assert settings["model"].keys() >= vars(HD2SConfig()).keys()
    assert settings["approach"] == {"name": "domain-specific"}
    assert settings["train"]["lr"] == 1e-3
    assert settings["labelled"][0] == {
        "corpus": "DHF1K",
        "digest": "DHF1K's train",
        "fold": None,
    }
    evaluation = next(iter(plan.evaluations.values()))
    assert evaluation.spec.as_settings()["protocol"]["smoothing_sigma"] == 5.0


def test_an_approachs_own_settings_are_said_under_its_word(tmp_path):
    (tmp_path / "own.yaml").write_text(
        "{name: own, title: Own, metrics: [NSS], sources: [DHF1K], targets: [LEDOV], approaches: [mirror]}"
    )
    load([OURS])
    grid = plan_of(tmp_path / "own.yaml", "approach.mirror.weight=0.5")
    (training,) = grid.trainings.values()
    assert training.spec.as_settings()["approach"] == {"name": "mirror", "mirror": {"weight": 0.5}}
    assert training.spec.approach.options == {"weight": 0.5}


def test_what_is_pickled_for_a_worker_needs_no_declaration_to_be_read():
    """A worker reads its job before it knows of the plug-ins that the job is of."""
    spec = of_approach(plan_of("domain_shift"), "adaptation")[0].spec
    assert (spec.model.declaration.title, spec.model.config.height) == ("HD2S", 128)
    assert spec.approach.declaration.title == "Domain Adaptation"
    kept = pickle.dumps(spec)
    assert b"hd2s.models" not in kept
    assert b"hd2s.approaches" not in kept
    assert pickle.loads(kept) == spec
