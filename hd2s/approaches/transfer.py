"""Transfer learning: the source's model fine-tuned with the target's maps; the upper bound (HD2S Sect. 6)."""

from hd2s.approaches.declaration import Approach, target_alone

APPROACH = Approach(
    word="transfer",
    title="Transfer Learning",
    labelled=target_alone,
    parent="generalization",
    needs_target=True,
    colour="#009E73",
)
