"""``python -m datasets show``, as a user calls it."""

from PIL import Image

from datasets.__main__ import main


def test_show_prints_histograms_and_writes_pictures(indexed, tmp_path, capsys):
    assert main(["show", "dhf1k", "--manifest", str(indexed[0] / "m"), "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "frames of a clip, train" in said
    assert "mean 12.0, median 12" in said
    assert "fixations of a frame, train" in said
    assert Image.open(tmp_path / "contact-sheet.png").width == 240
    assert Image.open(tmp_path / "centre.png").width == 384


def test_places_of_pictures_are_never_broken_into_lines(indexed, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    out = tmp_path / "a folder of a long name" / "and another in it"
    assert main(["show", "dhf1k", "--manifest", str(indexed[0] / "m"), "--out", str(out)]) == 0
    assert {str(out / "centre.png"), str(out / "contact-sheet.png")} <= {
        *capsys.readouterr().out.splitlines()
    }


def test_a_split_without_clips_is_told(indexed, tmp_path, capsys):
    arguments = ["show", "dhf1k", "--manifest", str(indexed[0] / "m"), "--out", str(tmp_path)]
    assert main([*arguments, "--split", "unlisted"]) == 1
    assert "No usable clip is in unlisted." in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_corpus_that_is_not_indexed_is_told(tmp_path, capsys):
    assert main(["show", "dhf1k", "--manifest", str(tmp_path / "m")]) == 2
    assert str(tmp_path / "m") in capsys.readouterr().err
