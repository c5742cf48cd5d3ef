"""Multi-source training (Sect. 6, Table 7): one model for all sources, which take turns."""

from hd2s.approaches.registry import Approach

APPROACH = Approach(
    word="multi-source",
    title="Multi-source",
    model="hd2s",
    labelled=lambda sources, target: sources,
    unlabelled=lambda sources, target: (),
    step="multi_source",
    pools=True,
)
