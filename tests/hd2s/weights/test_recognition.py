"""Files of weights say which model they are of."""

from dataclasses import asdict, replace

import pytest
import torch

from hd2s import build_model, export_weights, save_weights
from hd2s.models import registry
from hd2s.models.declaration import WeightLayout
from hd2s.models.registry import models, register
from hd2s.weights.checkpoints import WeightsError
from hd2s.weights.recognition import Candidate, candidates, read_to_predict
from tests.hd2s.models.hd2s.published import random_state
from tests.hd2s.models.small_models import DOMAINS, SMALL
from tests.hd2s.models.toy_models import TOY


def found_in(path):
    return candidates(read_to_predict(path), path)


def test_our_own_checkpoint_says_it_itself(tmp_path):
    model = build_model("hd2s", seed=0, domains=["LEDOV", "DHF1K"], priors=False, **SMALL)
    save_weights(model, tmp_path / "model.pt", "domain-specific")
    (found,) = found_in(tmp_path / "model.pt")
    assert found == Candidate("hd2s", asdict(model.config), "domain-specific")
    assert found.config["domains"] == ("LEDOV", "DHF1K")


def test_without_a_description_it_may_be_of_any_model(tmp_path):
    save_weights(build_model("hd2s", seed=0, **SMALL), tmp_path / "model.pt")
    content = torch.load(tmp_path / "model.pt", weights_only=True)
    del content["model"]
    torch.save(content, tmp_path / "model.pt")
    found = found_in(tmp_path / "model.pt")
    assert {each.model for each in found} == models().keys()
    assert [each.config for each in found if each.model == "hd2s"] == [{}, {"domains": DOMAINS}]


@pytest.mark.parametrize("kind", ["hd2s", "hd2s_da"])
def test_released_weights_are_of_the_one_model_that_reads_them(tmp_path, kind):
    torch.save(random_state(kind), tmp_path / "released.pth")
    assert found_in(tmp_path / "released.pth") == [Candidate("hd2s", {})]


@pytest.mark.slow
def test_the_domains_of_published_weights_are_read_from_them(tmp_path):
    options = {"domains": ("DHF1K", "Hollywood2"), "smoothing": False}
    export_weights(build_model("hd2s", seed=0, **SMALL, **options), tmp_path / "two.pth")
    (found,) = found_in(tmp_path / "two.pth")
    assert found.config == {**options, "batch_norm": True, "priors": True, "fusion": True}


@pytest.mark.parametrize("kind", ["kinetics", "torchvision"])
def test_weights_that_only_start_a_training_are_told_as_what_they_are(tmp_path, kind):
    torch.save(random_state(kind), tmp_path / "s3d.pth")
    with pytest.raises(
        WeightsError, match=r"s3d\.pth: holds S3D on Kinetics-400 in .*which starts a training and predicts"
    ):
        found_in(tmp_path / "s3d.pth")


def test_several_models_may_read_a_layout(tmp_path, monkeypatch):
    """One that fills a model goes before one that only starts another."""
    monkeypatch.setattr(registry.MODELS, "plugged_in", {})
    layout = WeightLayout(
        "theirs", "theirs", "net.", names=lambda model: {}, options=lambda content: {"frames": 3}
    )
    for word, fills in (("one", True), ("other", True), ("third", False)):
        register(replace(TOY, word=word, layouts=(replace(layout, fills=fills),)))
    torch.save({"net.weight": torch.ones(1)}, tmp_path / "theirs.pt")
    assert found_in(tmp_path / "theirs.pt") == [Candidate(w, {"frames": 3}) for w in ("one", "other")]


def test_what_is_made_of_one_of_ours_comes_after_it(tmp_path, monkeypatch):
    monkeypatch.setattr(registry.MODELS, "plugged_in", {})
    register(replace(models()["hd2s"], word="a-hd2s"))
    torch.save(random_state("hd2s"), tmp_path / "released.pt")
    assert [each.model for each in found_in(tmp_path / "released.pt")] == ["hd2s", "a-hd2s"]


@pytest.mark.slow
def test_a_damaged_description_is_a_plain_error(tmp_path):
    save_weights(build_model("hd2s", seed=1, **SMALL), tmp_path / "model.pt")
    content = torch.load(tmp_path / "model.pt", weights_only=True)
    for damage in ({"model": "hd2s"}, {"model": {"name": "hd2s"}}, {"approach": 3}):
        torch.save(content | damage, tmp_path / "model.pt")
        with pytest.raises(WeightsError, match="no name and configuration"):
            found_in(tmp_path / "model.pt")


def test_what_no_model_reads_is_named(tmp_path):
    torch.save({"encoder.weight": torch.zeros(1)}, tmp_path / "foreign.pt")
    with pytest.raises(
        WeightsError, match=r"our own checkpoint or the released HD2S.*entries such as encoder\.weight"
    ):
        found_in(tmp_path / "foreign.pt")


def test_a_file_that_is_not_there_says_where_released_ones_are_had_from(tmp_path):
    with pytest.raises(WeightsError, match=r"HD2S\.pt: no such file\. .*perceivelab/hd2s: .*119 MB") as told:
        found_in(tmp_path / "HD2S.pt")
    assert "kylemin" not in str(told.value), "those only start a training"
