"""Names lose their middle, and never more than they must."""

import pytest

from grid.commands.terminal.names import shortened


@pytest.mark.parametrize(
    ("width", "told"),
    [(20, "transfer A → B"), (14, "transfer A → B"), (13, "transf… A → B"), (4, "tr…B"), (1, "…")],
)
def test_a_name_keeps_both_ends(width, told):
    assert shortened("transfer A → B", width) == told


def test_wide_characters_count_twice():
    assert shortened("視線視線視線", 7) == "視 … 線"
