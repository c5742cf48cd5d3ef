"""TASED-Net's departures are what the code does."""

from hd2s.approaches.protocol import TrainingProtocol
from hd2s.models.tased import MODEL
from hd2s.models.tased.departures import DEPARTURES


def test_the_loss_is_each_maps_and_the_released_one_the_batchs():
    assert MODEL.config().loss == "map"
    assert MODEL.of_protocol["released"][""]["model.loss"] == "batch"
    assert TrainingProtocol().gradients == "mean"
    (found,) = [each for each in DEPARTURES if "each map's" in each.told]
    assert found.when == {"train.gradients": "mean"}


def test_the_network_is_the_released_one_and_its_maps_are_smoothed():
    (network,) = [each for each in DEPARTURES if "last stage" in each.told]
    assert network.when == {"model.aggregation": MODEL.config().aggregation}
    assert not network.holds({"model.aggregation": "late two-step"})
    (smoothing,) = [each for each in DEPARTURES if "Gaussian" in each.told]
    assert smoothing.when["test.smoothing_sigma"] == MODEL.prediction["paper"].smoothing_sigma


def test_fine_tuning_has_the_numbers_that_are_told():
    (found,) = [each for each in DEPARTURES if "fine-tunes" in each.told]
    assert found.when == {
        "approach": "transfer",
        "train.iterations": MODEL.settings["train.finetune_iterations"],
        "train.lr": MODEL.settings["train.lr"],
    }
    assert f"{found.when['train.iterations']:,}" in found.told
