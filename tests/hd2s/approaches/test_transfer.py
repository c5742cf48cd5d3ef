from hd2s.approaches.registry import approaches
from hd2s.approaches.transfer import APPROACH


def test_the_sources_model_is_fine_tuned_with_the_targets_maps_alone():
    assert APPROACH.labelled(("DHF1K",), "LEDOV") == ("LEDOV",)
    assert APPROACH.unlabelled(("DHF1K",), "LEDOV") == ()
    assert APPROACH.needs_target
    parent = approaches()[APPROACH.parent]
    assert parent.labelled(("DHF1K",), "LEDOV") == ("DHF1K",)
