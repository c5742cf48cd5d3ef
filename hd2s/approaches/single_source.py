"""Single-source training (Sect. 6, Table 7): the model that generalization trains, on its own ground."""

from hd2s.approaches.registry import Approach

APPROACH = Approach(
    word="single-source",
    title="Single-source",
    model="hd2s",
    labelled=lambda sources, target: sources,
    unlabelled=lambda sources, target: (),
    step="supervised",
    trained_as="generalization",
)
