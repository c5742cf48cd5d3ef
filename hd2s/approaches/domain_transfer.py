"""The domain-specific model of all sources fine-tuned with the target's maps (UNISAL, Sect. 4.1, on MIT1003).

The target takes the layers of the source that the model says is nearest (`ModelConfig.domain_of`).
"""

from hd2s.approaches.declaration import Approach, target_alone

APPROACH = Approach(
    word="domain-transfer",
    title="Domain-specific, fine-tuned",
    labelled=target_alone,
    parent="domain-specific",
    pools=True,
    needs_target=True,
    needs=frozenset({"domains"}),
    options=lambda sources: {"domains": list(sources)},
    colour="#994F00",
    improves_on="domain-specific",
)
