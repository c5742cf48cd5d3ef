import copy

import torch

from hd2s.models.declaration import WeightLayout, had_from
from hd2s.models.registry import models, on_meta


def test_a_model_says_whether_it_has_blocks():
    said = {word: model.has_blocks for word, model in models().items()}
    assert said == {word: any(True for _ in on_meta(model, {}).blocks()) for word, model in models().items()}


def test_a_model_is_copied_with_what_it_declares():
    """Teachers, averages and references are copies of models."""
    for word, model in models().items():
        assert copy.deepcopy(model).word == word


def test_where_files_are_had_from_is_said_as_far_as_it_is_known():
    one, other = (WeightLayout(w, w.title(), "", dict, had_from=f) for w, f in (("a", "x.org"), ("b", "")))
    assert had_from([one, other]) == "A is had from x.org."


def test_what_a_protocol_stands_for_of_the_configuration():
    assert models()["tased"].options_of("released") == {"loss": "batch", "batch_norm_parts": 2}
    assert models()["tased"].options_of("paper") == {}


def test_a_released_reader_is_given_the_mask_that_it_asks_for():
    (layout,) = (each for each in models()["unisal"].layouts if each.writes)
    mask = layout.adds(models()["unisal"].build(models()["unisal"].config()))
    assert [*mask] == ["rnn.cell_list.0.drop_mask_1"]
    assert mask["rnn.cell_list.0.drop_mask_1"].dtype == torch.float32
