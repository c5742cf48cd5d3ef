from hd2s.approaches.registry import approaches
from hd2s.models.unisal.config import UnisalConfig


def test_the_target_is_learnt_by_the_layers_of_the_sources():
    approach, sources = approaches()["domain-transfer"], ("DHF1K", "SALICON")
    assert approach.labelled(sources, "MIT1003") == ("MIT1003",)
    assert approach.unlabelled(sources, "MIT1003") == ()
    assert approaches()[approach.parent].labelled(sources, "MIT1003") == sources
    config = UnisalConfig(**approach.options(sources))
    assert (config.domains, config.domain_of("MIT1003")) == (sources, "SALICON")
