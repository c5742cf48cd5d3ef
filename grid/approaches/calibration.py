"""Calibration: the source's model frozen, its map fitted to the target's by under 20 parameters.

A baseline of ours, in none of the papers. The step supervises the conspicuity maps too where the settings
say so; those are frozen, so that only the KLD of the final map has a gradient.
"""

from grid.approaches import Approach

APPROACH = Approach(
    word="calibration",
    title="Calibration",
    model="hd2s_calibrated",
    labelled=lambda sources, target: (target,),
    unlabelled=lambda sources, target: (),
    step="supervised",
    parent="generalization",
    needs_target=True,
    learns_smoothing=True,
)
