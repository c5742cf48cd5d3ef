"""Compiled tables read for MLflow."""

from grid.tracking.compiled import records_of


def test_numbers_are_numbers_and_what_is_empty_is_nothing(tmp_path):
    file = tmp_path / "table.csv"
    file.write_text("row,mean,std\nA,0.5,\n", encoding="utf-8")
    assert records_of(file) == [{"row": "A", "mean": 0.5, "std": None}]
