"""Domain-specific learning (HD2S Sect. 3.6, Table 7): sources take turns, each with layers of its own."""

from hd2s.approaches.declaration import Approach

APPROACH = Approach(
    word="domain-specific",
    title="Domain-specific",
    pools=True,
    needs=frozenset({"domains"}),
    options=lambda sources: {"domains": list(sources)},
    colour="#CC79A7",
    improves_on="multi-source",
)
