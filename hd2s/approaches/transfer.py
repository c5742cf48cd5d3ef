"""Transfer learning: the source's model fine-tuned with the target's maps; the upper bound (Sect. 6)."""

from hd2s.approaches.registry import Approach

APPROACH = Approach(
    word="transfer",
    title="Transfer Learning",
    model="hd2s",
    labelled=lambda sources, target: (target,),
    unlabelled=lambda sources, target: (),
    step="supervised",
    parent="generalization",
    needs_target=True,
)
