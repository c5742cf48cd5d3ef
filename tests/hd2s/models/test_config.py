from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pytest

from hd2s.models.config import ConfigError, Fault, Input, ModelConfig, check_domain


@dataclass(frozen=True)
class Sides(ModelConfig):
    height: int = 4
    width: int = 4
    name: str = "x"

    def faults(self) -> Iterable[Fault]:
        return [(side, "1 or more") for side in ("height", "width") if getattr(self, side) < 1]


def test_a_window_spans_its_steps():
    assert Input(16, 128, 192).span == 16
    assert Input(12, 256, 384, step=5, answers="every").span == 56
    assert Input(1, 8, 9, step=5).span == 1
    assert Input(1, 8, 9).size == (8, 9)


def test_frames_of_a_window_are_answered_and_others_around_them_seen():
    """Of an even T the later of the two in the middle."""
    shown = {answers: Input(6, 8, 9, 2, answers) for answers in ("last", "middle", "every")}
    assert {answers: each.answered(6) for answers, each in shown.items()} == {
        "last": range(5, 6),
        "middle": range(3, 4),
        "every": range(6),
    }
    around = {answers: each.around for answers, each in shown.items()}
    assert around == {"last": (10, 0), "middle": (6, 4), "every": (0, 0)}
    assert Input(5, 8, 9, 1, "middle").around == (2, 2)
    assert {each.answered(1) for each in shown.values()} == {range(1)}


def test_everything_that_cannot_work_is_told_at_once_and_by_field():
    with pytest.raises(
        ConfigError, match="Sides: height must be 1 or more, found 0; width must be 1 or more, found -2"
    ) as error:
        Sides(height=0, width=-2)
    assert error.value.faults == [("height", "1 or more"), ("width", "1 or more")]


def test_wrong_types_are_told_before_faults_are_looked_for():
    with pytest.raises(ConfigError, match="Sides: height must be int, found '0'; name must be str, found 3"):
        Sides(height="0", name=3)


def test_values_are_plain_afterwards():
    assert type(Sides(height=np.int64(3)).height) is int


def test_a_model_offers_nothing_that_it_does_not_say():
    config = Sides()
    assert (dict(config.features), config.learns_smoothing, config.domain_of("DHF1K")) == ({}, False, None)
    with pytest.raises(NotImplementedError, match="Sides must say what its model looks at"):
        _ = config.input


def test_a_domain_is_one_of_those_of_a_model_that_has_some():
    domains = ("DHF1K", "Hollywood2", "UCFSports")
    with pytest.raises(
        ValueError, match="needs domain=…, the corpus of the clips: DHF1K, Hollywood2, UCFSports"
    ):
        check_domain(None, domains)
    with pytest.raises(
        ValueError, match=r"Unknown domain Hollywood\. Did you mean Hollywood2\? Available: DHF1K"
    ):
        check_domain("Hollywood", domains)
    check_domain("Hollywood2", domains)
    for domain in (None, "whatever"):
        check_domain(domain, ())
