"""Settings: what is the papers' by default."""

from dataclasses import FrozenInstanceError, fields

import pytest

from datasets.corpora.registry import available, get
from grid.specs import settings, settings_reader


@pytest.fixture
def config():
    return settings.Config(settings.ModelSettings("hd2s"))


def test_the_papers_setting_is_the_default(config):
    model, train = config.model.config, config.train
    assert (model.clip_length, model.height, model.width) == (16, 128, 192)
    assert model.bn_momentum == 0.001
    assert (train.iterations, train.micro_batch, train.accumulate) == (2500, 8, 25)
    assert (train.lr, train.weight_decay, train.validate_every) == (1e-3, 2e-7, 100)
    assert train.optimiser == "adam"
    assert config.test.smoothing_sigma is None


def test_every_corpus_has_a_place_for_its_manifest(config):
    assert config.corpora.keys() == {get(word).name for word in available()}
    assert all(place.manifest and place.root is None for place in config.corpora.values())


def test_settings_are_values_that_nobody_changes(config):
    """Ids leave out what is at its default, which they know of no factory."""
    for section in (settings.Train, settings.Test):
        for field in fields(section):
            hash(field.default)
    with pytest.raises(FrozenInstanceError):
        config.train.lr = 1.0


def test_a_demos_tables_have_no_printed_numbers_unless_asked():
    """Numbers of generated corpora compare with none."""
    papers = [
        settings_reader.load(overrides, demo=demo).tables.paper
        for overrides, demo in (([], False), ([], True), (["tables.paper=beside"], True))
    ]
    assert papers == ["beside", "none", "beside"]
