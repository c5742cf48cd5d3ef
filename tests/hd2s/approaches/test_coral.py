from hd2s.approaches.coral import APPROACH


def test_it_sees_the_target_without_its_maps():
    assert APPROACH.settings().weight == 1
    assert APPROACH.unlabelled(("DHF1K",), "LEDOV") == ("LEDOV",)
