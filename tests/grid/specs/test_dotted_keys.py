"""Settings by the keys that a command line gives them."""

from grid.specs.dotted_keys import flatten


def test_sections_become_single_settings_in_their_order():
    content = {"seeds": [0, 1], "train": {"lr": 0.1, "protocol": {"flip": None}}, "model": {"height": 64}}
    assert list(flatten(content).items()) == [
        ("seeds", [0, 1]),
        ("train.lr", 0.1),
        ("train.protocol.flip", None),
        ("model.height", 64),
    ]


def test_an_empty_section_has_no_settings():
    assert flatten({"train": {}, "model": {"domains": {}}}) == {}
