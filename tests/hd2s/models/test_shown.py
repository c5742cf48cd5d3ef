"""A model as a corpus' clips are shown to it."""

from dataclasses import replace

import torch

from hd2s.models.shown import as_shown, with_input
from tests.hd2s.models.unisal.small_unisal import released


def test_weights_are_the_model_s_and_its_own_input_stays():
    model, _ = released()
    own = replace(model.config, domain_inputs=True, inputs=("DHF1K=32x64/3",))
    found = as_shown(with_input(model, own), "DHF1K")
    assert (found.config.height, found.config.width, found.config.step) == (32, 64, 3)
    assert (model.config.height, model.config.width, model.config.step) == (64, 96, 2)
    assert as_shown(model, "DHF1K").config == model.config
    with torch.no_grad():
        next(model.parameters()).zero_()
    assert not next(found.parameters()).any()
