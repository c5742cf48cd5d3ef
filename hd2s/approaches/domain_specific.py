"""Domain-specific learning (Sect. 3.6, Table 7): sources take turns, each with layers of its own."""

from hd2s.approaches.registry import Approach

APPROACH = Approach(
    word="domain-specific",
    title="Domain-specific",
    model="hd2s_dsl",
    labelled=lambda sources, target: sources,
    unlabelled=lambda sources, target: (),
    step="domain_specific",
    pools=True,
    learns_smoothing=True,
    options=lambda sources: {"domains": list(sources)},
)
