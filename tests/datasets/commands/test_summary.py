"""Tables for people: what a manifest holds, and what was noticed."""

import io

import pytest
from rich.console import Console

from datasets.commands.summary import show, show_counts, show_examples, show_list
from manifests import Finding, write
from tests.manifests.small_manifest import CLIPS, POINTS


@pytest.fixture
def screen():
    """A console of 80 columns, and what it shows, as cells."""
    text = io.StringIO()
    console = Console(file=text, width=80)
    return console, lambda: [line.split() for line in text.getvalue().splitlines()], text


def finding(level, kind, clip="", **changes):
    return Finding(level, kind, clip, changes.get("path", ""), "this", "that", "Mend it.")


def test_a_manifest_is_shown_split_by_split_beside_what_was_published(tmp_path, screen):
    console, rows, _ = screen
    manifest = write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS, layout="shipped")
    show(console, manifest, {"train": 540, "test": 100, "unannotated": 300})
    shown = {row[0]: row[1:] for row in rows() if row}
    assert shown["DHF1K,"] == ["layout", "shipped"]
    assert shown["train"] == ["2", "of", "540", "40", "4", "1"]
    assert shown["val"] == ["1", "20", "2", "0"]
    assert shown["test"] == ["1", "of", "100", "20", "2", "0"]
    assert shown["unannotated"] == ["0", "of", "300", "0", "0", "0"]
    assert "unlisted" not in shown


def test_a_split_drawn_anew_is_compared_with_nothing(tmp_path, screen):
    console, rows, _ = screen
    redrawn = [finding("note", "split-redrawn")]
    manifest = write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS, findings=redrawn)
    show(console, manifest, {"train": 540, "test": 100})
    shown = {row[0]: row[1:] for row in rows() if row}
    assert shown["DHF1K,"] == ["layout", "unknown"]
    assert shown["train"] == ["2", "40", "4", "1"]
    assert shown["test"] == ["1", "of", "100", "20", "2", "0"]


def test_findings_are_counted_by_level_and_kind(screen):
    console, rows, _ = screen
    findings = [finding("note", "b"), finding("error", "z"), finding("note", "a"), finding("note", "b")]
    show_counts(console, findings)
    assert [row for row in rows() if row and row[0] in ("error", "warning", "note")] == [
        ["error", "z", "1"],
        ["note", "a", "1"],
        ["note", "b", "2"],
    ]


def test_nothing_amiss_is_said(screen):
    console, _, text = screen
    show_counts(console, [])
    assert text.getvalue() == "Nothing was found amiss.\n"


def test_three_errors_of_each_kind_are_shown_and_where_the_others_are(tmp_path, screen):
    console, _, text = screen
    manifest = write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS)
    findings = [finding("error", "k", str(n)) for n in range(5)]
    findings += [finding("warning", "w"), finding("error", "a")]
    show_examples(console, findings, manifest)
    assert text.getvalue().splitlines() == [
        "error a: corpus: expected this, found that. Mend it.",
        *(f"error k: {n}: expected this, found that. Mend it." for n in range(3)),
        "  … and 2 more of k",
        f"All findings: {tmp_path}/problems.parquet",
        f"Digest: {manifest.digest[:12]}",
    ]


def test_without_findings_the_manifest_itself_is_named(tmp_path, screen):
    console, _, text = screen
    manifest = write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS)
    show_examples(console, [], manifest)
    assert text.getvalue().splitlines()[0] == f"Manifest: {tmp_path}"


def test_what_looks_like_markup_is_shown_as_it_is(screen):
    console, _, text = screen
    show_list(console, [finding("note", "k", "[red]clip[/]", path="a" * 120)])
    assert text.getvalue() == f"note k: [red]clip[/] ({'a' * 120}): expected this, found that. Mend it.\n"
