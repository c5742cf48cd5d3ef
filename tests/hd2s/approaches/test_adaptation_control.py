from hd2s.approaches.adaptation_control import APPROACH
from hd2s.approaches.registry import approaches


def test_it_is_adaptation_in_all_but_its_strength():
    adaptation = approaches()["adaptation"]
    assert APPROACH.unlabelled(("DHF1K",), "LEDOV") == adaptation.unlabelled(("DHF1K",), "LEDOV")
    assert APPROACH.settings is adaptation.settings
    assert APPROACH.needs == adaptation.needs
    assert adaptation.follows_lambda
    assert not APPROACH.follows_lambda
