"""Transfer learning: the source's model fine-tuned with the target's maps; the upper bound (HD2S Sect. 6)."""

from hd2s.approaches.contract import Approach

APPROACH = Approach(
    word="transfer",
    title="Transfer Learning",
    labelled=lambda sources, target: (target,),
    parent="generalization",
    needs_target=True,
    colour="#009E73",
)
