"""What was noticed in a corpus, beside its manifest."""

import shutil

import pytest

from manifests import LEVELS, Finding, ManifestError, open_manifest, write
from manifests.findings import read_findings, write_findings
from tests.manifests.small_manifest import CLIPS, POINTS


def test_what_was_noticed_is_kept_with_the_manifest(tmp_path):
    note = Finding("note", "all-zero-map", "2", "annotation/2/maps", "a map with mass", "3 without", "")
    error = Finding("error", "count-mismatch", "3", "", "20 maps", "19", "Restore it.")
    manifest = write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS, findings=[note, error], layout="shipped")
    assert (open_manifest(tmp_path).problems(), manifest.layout) == ([error, note], "shipped")
    assert str(error) == "3: expected 20 maps, found 19. Restore it."
    assert str(note).startswith("2 (annotation/2/maps): expected a map with mass")
    assert write(tmp_path / "other", "DHF1K", tmp_path, CLIPS, POINTS).digest == manifest.digest
    assert write(tmp_path / "none", "DHF1K", tmp_path, CLIPS, {}).problems() == []
    shutil.copy(tmp_path / "none" / "problems.parquet", tmp_path)
    with pytest.raises(ManifestError, match=r"expected the digest \w{12} of clips.parquet"):
        manifest.problems()


def test_the_most_serious_come_first_and_equals_in_order(tmp_path):
    found = [Finding(level, "k", clip, "", "", "", "") for clip in "ab" for level in reversed(LEVELS)]
    write_findings(tmp_path / "f", found, "digest")
    read = read_findings(tmp_path / "f")
    assert [(f.level, f.clip) for f in read] == [(level, clip) for level in LEVELS for clip in "ab"]


def test_a_finding_of_the_whole_corpus_names_the_corpus():
    assert str(Finding("note", "k", "", "", "this", "that", "")) == "corpus: expected this, found that."
    text = str(Finding("note", "k", "", "maps", "this", "that", "Mend it."))
    assert text == "(maps): expected this, found that. Mend it."


def test_findings_that_are_not_there_are_told(tmp_path):
    manifest = write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS)
    (tmp_path / "problems.parquet").unlink()
    with pytest.raises(ManifestError, match=r"problems\.parquet: expected the digest .*, found no such file"):
        manifest.problems()
