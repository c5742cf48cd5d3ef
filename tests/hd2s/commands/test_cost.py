"""``python -m hd2s cost``: all that it prints and writes, of a model that takes no time."""

import json

import pytest

from grid.specs.plugins import load
from hd2s import build_model, save_weights
from hd2s.__main__ import main
from hd2s.commands.cost import file_name
from hd2s.prediction.cost import from_json
from tests.plugged import OURS

ASKED = ["--plugins", str(OURS), "--seconds", "0.03", "--threads", "1", "--device", "cpu"]


@pytest.mark.slow
def test_costs_are_printed_and_written(tmp_path, capsys):
    assert main(["cost", "tiny", *ASKED, "--out", str(tmp_path)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    (path,) = tmp_path.iterdir()
    cost = from_json(path.read_text())
    assert path.name == file_name(cost)
    assert path.name.startswith("tiny-float32-")
    for text in (f"parameters {cost.parameters:,}", "window 4 × 32 × 48", f"measured on {cost.device}"):
        assert text in told
    assert cost.device.endswith("1 thread")


@pytest.mark.slow
def test_a_files_model_is_measured_as_it_is_there(tmp_path, capsys):
    load([OURS])
    file = tmp_path / "mine.pt"
    save_weights(build_model("tiny", seed=0, channels=4), file)
    assert main(["cost", "--weights", str(file), *ASKED, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["weights"], found["options"]["channels"]) == ("mine.pt", 4)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["hds2", "tasd"], "Did you mean hd2s"),
        (["hd2s", "tased", "--weights", "x.pt"], "--weights are of one model"),
        (["hd2s", "--device", "cuda:99"], "--device cuda:99: not to be had here"),
    ],
)
def test_mistakes_are_told_before_anything_is_measured(asked, told, capsys):
    assert main(["cost", *asked]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("given", ["0", "-1", "nan", "inf", "long"])
def test_no_time_to_measure_is_refused(given, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["cost", "tiny", f"--seconds={given}"])
    assert ended.value.code == 2
    assert f"expected seconds above 0, found {given}" in capsys.readouterr().err
