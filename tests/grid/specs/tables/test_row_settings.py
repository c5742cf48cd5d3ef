"""Settings of rows: what may stand in which place, however it is written."""

import pytest

from grid.specs.tables.row_settings import FINETUNING, meet, read_settings, single


def test_sound_settings_are_a_dot_list():
    value = {"train": {"lr": 0.1}, "model": {"hd2s": {"height": 64}, "width": 96}, "test.min_frames": 16}
    told = ("train.lr=0.1", "model.hd2s.height=64", "model.width=96", "test.min_frames=16")
    assert read_settings("overrides", value) == (told, [])
    sound = {"train.finetune_iterations": 7, "train.lr": 0.1, "model.unisal.cc_weight": 0.0}
    assert read_settings(FINETUNING, sound)[1] == []


@pytest.mark.parametrize(
    ("where", "value", "expected"),
    [
        ("overrides", {"frames.limit_gib": 1}, "overrides: settings of model, train, test, approach"),
        (
            "overrides",
            {"train": {"lr": 1, "world_size": 2}},
            "overrides: what may differ between rows",
        ),
        (
            "overrides",
            {"model.hd2s.backbone_weights": "a"},
            "overrides: what may differ between rows",
        ),
        ("sweep", {"train": [{"lr": 1}, {"checkpoint_every": 2}]}, "sweep: what may differ between rows"),
        ("sweep", {"model": [{"height": 64}, {"height": 96}]}, "sweep: single settings of models, such as"),
        (FINETUNING, {"train.iterations": 7}, "finetuning: train.finetune_iterations, which fine-tuning has"),
        (FINETUNING, {"train": {"iterations": 7}}, "finetuning: train.finetune_iterations, which"),
        (FINETUNING, {"test.min_frames": 7}, "finetuning: settings of trainings; a test's"),
    ],
)
def test_what_would_be_passed_over_is_told(where, value, expected):
    found, wrong = read_settings(where, value)
    assert found == ()
    assert [told for told, _ in wrong if told.startswith(expected)]


def test_settings_of_sections_and_models_are_single_ones():
    assert [*single("model", {"hd2s": {"height": 64}, "width": 64})] == ["model.height", "model.width"]
    assert [*single("model.conspicuity", [3, 4])] == ["model.conspicuity"]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("model.height", "model.hd2s.height", True),
        ("train.lr", "train.lr", True),
        ("model.tased.height", "model.hd2s.height", False),
        ("model.height", "model.hd2s.width", False),
    ],
)
def test_keys_meet_where_one_model_has_both(one, other, expected):
    assert meet(one, other) == meet(other, one) == expected
