from functools import partial

import torch

from hd2s.approaches.calibration import APPROACH
from hd2s.approaches.learners.calibration import CalibratedModel, Calibration
from hd2s.layers.initialisation import initialise
from hd2s.losses import kld
from hd2s.models.registry import models
from hd2s.training.optimiser import OptimiserOptions

HAS = ("lr", "weight_decay", "momentum", "lr_decay")
PLAIN = {f"train.{name}": getattr(OptimiserOptions(), name) for name in HAS}


def after(optimiser, steps=60):
    """Return the KLD before and after a calibration of maps that are too flat, a few at a time."""
    calibration, losses = Calibration(), []
    initialise(calibration, 0, "calibration")
    of = optimiser(calibration.parameters())
    y, x = torch.linspace(0, 1, 28)[:, None], torch.linspace(0, 1, 48)
    for step in range(steps):
        rows, columns = torch.rand(2, 4, 1, 1, generator=torch.Generator().manual_seed(step)) * 0.5 + 0.25
        away = (y - rows) ** 2 + (x - columns) ** 2
        loss = kld(calibration(0.5 * (-away / 0.02).exp() + 0.1), (-away / 0.008).exp()).mean()
        of.zero_grad()
        loss.backward()
        of.step()
        losses.append(loss.item())
    return losses[0], losses[-1]


def test_it_is_trained_by_what_its_parameters_are_scaled_for_whatever_a_models_network_is_trained_by():
    own, of_tased = APPROACH.training, models()["tased"].settings
    assert all(models()["hd2s"].settings.get(key, plain) == own[key] for key, plain in PLAIN.items())
    before, calibrated = after(partial(torch.optim.Adam, lr=own["train.lr"]))
    assert calibrated < 0.8 * before
    sgd = partial(torch.optim.SGD, lr=of_tased["train.lr"], momentum=of_tased["train.momentum"])
    assert not after(sgd)[1] < 1.5 * before, "the reason for it; it may as well be no number"


def test_it_learns_from_the_targets_maps_and_starts_from_the_sources_model():
    assert APPROACH.labelled(("DHF1K",), "LEDOV") == ("LEDOV",)
    assert (APPROACH.parent, APPROACH.around.loaded) == ("generalization", CalibratedModel)
    assert APPROACH.needs_target
    assert APPROACH.learns_smoothing
