from hd2s.approaches.calibration import APPROACH
from hd2s.approaches.learners.calibration import CalibratedModel


def test_it_learns_from_the_targets_maps_and_starts_from_the_sources_model():
    assert APPROACH.labelled(("DHF1K",), "LEDOV") == ("LEDOV",)
    assert (APPROACH.parent, APPROACH.around.loaded) == ("generalization", CalibratedModel)
    assert APPROACH.needs_target
    assert APPROACH.learns_smoothing
