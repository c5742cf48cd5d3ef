"""Domain adaptation: supervised on the source, gradient reversal on source and target (Sect. 3.5)."""

from hd2s.approaches.registry import Approach

APPROACH = Approach(
    word="adaptation",
    title="Domain Adaptation",
    model="hd2s_da",
    labelled=lambda sources, target: sources,
    unlabelled=lambda sources, target: (target,),
    step="adversarial",
    needs_target=True,
)
