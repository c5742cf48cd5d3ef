import pytest

from hd2s.approaches.protocol import PROTOCOLS, TrainingProtocol, find_protocol


def test_the_paper_is_the_default_protocol():
    assert find_protocol("paper") == TrainingProtocol()
    assert TrainingProtocol() == TrainingProtocol("mean", "iteration", True, "all")


def test_the_released_code_does_all_of_it_otherwise():
    assert find_protocol("released") == TrainingProtocol(
        "sum", "micro-batch", False, "random half", "nearest"
    )
    assert list(PROTOCOLS) == ["paper", "released"]


def test_another_protocol_is_told_with_those_there_are():
    with pytest.raises(ValueError, match=r"Unknown protocol relesed\. Did you mean released\?"):
        find_protocol("relesed")
