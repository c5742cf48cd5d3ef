"""The first edition: another corpus in manifests and tables, found in the same layouts."""

from datasets.corpora.salicon2015 import CORPUS
from tests.datasets.small_corpora import scanned
from tests.datasets.small_photographs import FIXATED, write_salicon


def test_a_photograph_is_read_as_the_other_editions_are_under_a_name_of_its_own(tmp_path):
    write_salicon(tmp_path, "val", 1)
    (reading,) = scanned(CORPUS, tmp_path)
    assert (reading.clip.corpus, reading.clip.split, reading.clip.media) == ("SALICON2015", "test", "image")
    assert {tuple(row) for row in reading.rows.tolist()} == set(FIXATED)
