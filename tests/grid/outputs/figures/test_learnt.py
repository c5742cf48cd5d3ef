"""What is read off checkpoints: once for each training and test, of those that are there."""

from grid.outputs.figures.learnt import read_learnt
from tests.grid.outputs.figures.scored import small, subject_of


def test_a_model_with_domains_is_read_as_each_of_them(pooled):
    found = [(read.cell.approach, read.cell.test, read.domain) for read in read_learnt(pooled)]
    assert found == [
        ("multi-source", "UCFSports", None),
        ("domain-specific", "UCFSports", "UCFSports"),
        ("multi-source", "DHF1K", None),
        ("domain-specific", "DHF1K", "DHF1K"),
    ]


def test_what_has_no_weights_is_left_out(tmp_path):
    assert list(read_learnt(subject_of(small(), tmp_path))) == []
