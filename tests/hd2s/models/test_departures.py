"""What a departure holds of: what was made with the values that it says."""

from hd2s.models.departures import PRECISION, Departure


def test_it_holds_of_what_was_made_with_all_its_values():
    departure = Departure("…", when={"approach": "adaptation", "train.protocol": "paper"})
    made = {"approach": "adaptation", "train.protocol": "paper", "train.lr": 0.1}
    assert departure.holds(made)
    assert not departure.holds(made | {"train.protocol": "released"})
    assert not departure.holds({"approach": "adaptation"}), "what is not known is not told"


def test_of_several_values_it_holds_of_each():
    departure = Departure("…", when={"model.aggregation": frozenset({"late", "early"})})
    held = [departure.holds({"model.aggregation": word}) for word in ("late", "early", "released")]
    assert held == [True, True, False]


def test_without_values_it_holds_of_everything():
    assert Departure("…").holds({})


def test_precision_is_told_where_it_is_mixed():
    assert [PRECISION.holds({"train.mixed_precision": mixed}) for mixed in (True, False)] == [True, False]
