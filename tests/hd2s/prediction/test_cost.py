import json
from dataclasses import replace

import pytest

from hd2s.prediction.cost import Cost, from_json

COST = Cost(
    model="tiny",
    title="Tiny",
    options={"channels": 8},
    weights="",
    frames=4,
    height=32,
    width=48,
    precision="float32",
    device="a processor, 1 thread",
    versions={"torch": "2"},
    measured="2026-01-01T00:00:00+00:00",
    parameters=3,
    size=12,
    window_operations=100,
    frame_operations=30,
    single=10.5,
    best=20.25,
    batch=8,
    memory=1000,
)


def test_measurements_are_read_as_they_are_written():
    assert from_json(COST.as_json()) == COST
    assert from_json(replace(COST, memory=None).as_json()).memory is None
    content = json.loads(COST.as_json()) | {"single": "fast"}
    with pytest.raises(ValueError, match="single: expected float, found 'fast'"):
        from_json(json.dumps(content))


@pytest.mark.parametrize("text", ["[]", "{}", "nonsense"])
def test_what_is_no_measurement_is_refused(text):
    with pytest.raises(ValueError, match=r"expected|Expecting"):
        from_json(text)
