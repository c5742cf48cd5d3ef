from hd2s.approaches.monotone_map import APPROACH


def test_it_is_fitted_on_the_target_to_the_sources_model():
    assert APPROACH.labelled(("DHF1K",), "LEDOV") == ("LEDOV",)
    assert (APPROACH.parent, APPROACH.keeps) == ("generalization", "last")
