from dataclasses import replace

from hd2s.approaches.contract import Learner
from hd2s.approaches.declaration import PLAIN_SUPERVISION, Approach, target_alone


def test_plain_supervision_is_the_learner_of_who_names_none():
    assert Approach("x", "X").learner is PLAIN_SUPERVISION
    assert PLAIN_SUPERVISION.loaded is Learner
    assert replace(Approach("x", "X")) == Approach("x", "X")


def test_the_target_alone():
    assert target_alone(("a", "b"), "t") == ("t",)
    assert target_alone(("a", "b"), None) == ()
