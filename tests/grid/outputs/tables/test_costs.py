"""The table of costs: measured ones by device, the others beside them as printed."""

import pytest

from grid.outputs.tables import Style, compile_tables
from grid.outputs.tables.costs import build, read
from grid.outputs.tables.formats import FORMATS
from grid.outputs.tables.others import MARK
from grid.results.ledger import Ledger
from grid.specs.grid_reader import load
from grid.specs.tables.shown import Tables
from hd2s.prediction.cost import Cost
from tests.grid.small_tables import COMMAND, STYLE, real_plan, rows_of

SPEC = load("table8").costs[0]
DEVICE = "NVIDIA H200, float32"


def measured(out, model="hd2s", title="HD2S", device="NVIDIA H200", **changes):
    fields = {
        **{"model": model, "title": title, "options": {}, "weights": "", "device": device},
        **{"frames": 16, "height": 128, "width": 192, "precision": "float32", "memory": 2**30},
        **{"versions": {"torch": "2.9"}, "measured": "2026-05-01T10:00:00+00:00", "parameters": 29_795_597},
        **{"size": 119_381_836, "window_operations": 22_001_074_176, "frame_operations": 13_969_981_440},
        **{"single": 40.0, "best": 250.0, "batch": 32},
    }
    path = out / "results" / "costs" / f"{model}-{device}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(Cost(**fields | changes).as_json())


def test_what_was_measured_stands_below_its_device_with_the_printed_numbers_beside_it(tmp_path):
    measured(tmp_path)
    measured(tmp_path, "tased", "TASED-Net", size=85_150_000, memory=None)
    measured(tmp_path, "unisal", "UNISAL", size=15_000_000, memory=None)
    table = build(SPEC, tmp_path, STYLE)
    assert [(column.over, column.heading) for column in table.columns] == [
        ("MB", "ours"),
        ("MB", "paper"),
        ("seconds a frame", "ours"),
        ("seconds a frame", "paper"),
        ("seconds a frame", "at best"),
        ("GFLOP a frame", "ours"),
        ("peak MB", "ours"),
    ]
    rows = rows_of(table)
    best = "0.0040 (32 at a time)"
    assert rows["", DEVICE, "HD2S"] == ["113.9", "116", "0.025", "0.027", best, "14.0", "1,024"]
    assert rows["", DEVICE, "TASED-Net"] == ["81.2", "82", "0.025", "0.060", best, "14.0", ""]
    assert rows["", DEVICE, "UNISAL"][1] == "16"
    assert rows["", "as printed", f"SalGAN {MARK}"] == ["", "130", "", "0.020", "", "", ""]
    assert len(rows) == 3 + 7
    notes = " ".join(table.notes)
    assert (
        f"Measured 2026-05-01 with torch 2.9: HD2S on {DEVICE}, TASED-Net on {DEVICE}, UNISAL on {DEVICE}."
        in notes
    )
    assert "UNISAL: 16 MB here; its own paper prints 15.5." in notes
    assert table.missing.count == "3 of 3 models have all their values."
    entries = [entry for group in table.blocks[0].groups for row in group.rows for entry in row.entries]
    assert {entry.mark for entry in entries} == {""}


def test_a_gpus_time_of_a_frame_is_not_nothing(tmp_path):
    """3,248 frames/s were 0.000 s a frame."""
    measured(tmp_path, single=120.0, best=3248.0, batch=64)
    row = rows_of(build(SPEC, tmp_path, STYLE))["", DEVICE, "HD2S"]
    assert (row[2], row[4]) == ("0.0083", "0.00031 (64 at a time)")


def test_what_was_not_measured_says_how(tmp_path):
    measured(tmp_path, device="CPU")
    measured(tmp_path)
    table = build(SPEC, tmp_path, STYLE)
    groups = [group.label for group in table.blocks[0].groups]
    assert groups == ["CPU, float32", DEVICE, "not measured yet", "as printed"]
    ((reason, models),) = table.missing.reasons
    assert "python -m hd2s cost tased unisal --out OUT/results/costs" in reason
    assert models == ("TASED-Net", "UNISAL")
    assert rows_of(table)["", "not measured yet", "TASED-Net"][1] == "82"


@pytest.mark.parametrize("paper", ["difference", "none"])
def test_the_papers_numbers_can_be_left_out(tmp_path, paper):
    measured(tmp_path)
    table = build(SPEC, tmp_path, Style(Tables(paper=paper), COMMAND))
    assert not any(MARK in row for _, _, row in rows_of(table))
    assert "paper" not in [column.heading for column in table.columns]


def test_a_file_that_is_no_measurement_is_told_and_left_out(tmp_path):
    measured(tmp_path)
    (tmp_path / "results/costs/torn.json").write_text("{")
    assert [cost.model for cost in read(tmp_path).costs] == ["hd2s"]
    notes = build(SPEC, tmp_path, STYLE).notes
    assert any("results/costs/torn.json is no measurement" in note for note in notes)


def test_it_is_compiled_with_the_others_in_every_format(tmp_path):
    measured(tmp_path)
    written = compile_tables(real_plan("table8"), Ledger(tmp_path), tmp_path / "tables", STYLE)
    assert [path.name for path in written] == [f"table8{suffix}" for suffix in FORMATS]
    assert all("NVIDIA H200" in path.read_text() for path in written)
    lines = (tmp_path / "tables/table8.csv").read_text().splitlines()
    assert len(lines) == 1 + 1 + 2 + 7
    assert sum(MARK in line for line in lines) == 7
