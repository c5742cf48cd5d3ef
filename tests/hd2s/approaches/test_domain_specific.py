from hd2s import build_model
from hd2s.approaches.domain_specific import APPROACH
from hd2s.models.registry import models
from tests.hd2s.models.small_models import SMALL


def test_each_source_has_parts_of_its_own_in_the_model():
    sources = ("LEDOV", "DHF1K")
    config = build_model("hd2s", **SMALL, **APPROACH.options(sources)).config
    assert APPROACH.pools
    assert [config.domain_of(name) for name in (*sources, "UCFSports")] == ["LEDOV", "DHF1K", None]


def test_a_model_without_layers_of_a_domains_own_cannot_take_it():
    plain, specific = models()["centre_prior"], models()["hd2s"]
    assert APPROACH.lacking(plain, plain.config()) == ["domains"]
    assert APPROACH.lacking(specific, specific.config()) == []
