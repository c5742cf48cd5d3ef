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
