"""Trained on the target's maps alone: what is had without any source, beside transfer's upper bound."""

from hd2s.approaches.declaration import Approach, target_alone

APPROACH = Approach(
    word="target-only",
    title="Target Only",
    labelled=target_alone,
    needs_target=True,
    trained_as="generalization",
    colour="#117733",
    improves_on="generalization",
)
