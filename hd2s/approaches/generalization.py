"""Domain generalisation: supervised on the source; the target is unknown until the test (Sect. 6)."""

from hd2s.approaches.registry import Approach

APPROACH = Approach(
    word="generalization",
    title="Domain Generalization",
    model="hd2s",
    labelled=lambda sources, target: sources,
    unlabelled=lambda sources, target: (),
    step="supervised",
)
