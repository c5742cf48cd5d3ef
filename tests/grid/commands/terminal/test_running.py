"""A run as its user sees it: here all is done, and Ray is not started."""

import json
from argparse import Namespace

import pytest

from grid.commands.arguments import DONE
from grid.commands.terminal.running import run_grid


@pytest.mark.slow
def test_programs_read_the_output_and_people_the_other_one(done_grid, new_store, small_demo, capfd):
    new_store(small_demo)
    asked = {"json": True, "retry_failed": False, "redo": None, "tracking_uri": None, "own_process": False}
    assert run_grid(done_grid, Namespace(**asked)) == DONE
    said = capfd.readouterr()
    assert [cell["status"] for cell in json.loads(said.out)["cells"]] == ["done"]
    assert "python -m grid ui" in said.err
    assert said.err.rstrip().endswith("reports/small.html")
    assert list((done_grid.out / "logs").iterdir())
