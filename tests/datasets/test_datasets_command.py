"""``python -m datasets index``, as a user calls it."""

import subprocess
import sys
from pathlib import Path

import pytest
from small_corpora import write_dhf1k, write_ucf

from datasets.__main__ import main
from manifests import open_manifest

REPOSITORY = Path(__file__).parents[2]


def test_index_writes_a_manifest_and_says_what_it_holds(tmp_path):
    for number in (1, 2, 601, 702):
        write_dhf1k(tmp_path / "corpus", number)
    (tmp_path / "corpus/annotation/0002/maps/0001.png").unlink()
    command = [sys.executable, "-m", "datasets", "index", "dhf1k", "--root", str(tmp_path / "corpus")]
    command += ["--out", str(tmp_path / "m")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert open_manifest(tmp_path / "m").counts == {"train": 1, "val": 0, "test": 1}
    assert "train      1 clips        12 frames" in done.stdout
    assert "1 quarantined" in done.stdout
    assert "DHF1K/0002 quarantined: 12 frames, 11 maps, 12 fixation images" in done.stderr
    assert "1 videos after 700 left out" in done.stderr


def test_the_manifest_goes_to_its_usual_place(tmp_path, monkeypatch, capsys):
    write_ucf(tmp_path / "corpus", "testing", "Lifting-001", 3)
    monkeypatch.chdir(tmp_path)
    assert main(["index", "UCFSports", "--root", "corpus"]) == 0
    assert open_manifest(tmp_path / "manifests" / "ucf_sports").root == str(tmp_path / "corpus")
    assert "UCFSports" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "text"), [("holywood2", "Did you mean hollywood2?"), ("ledov", "VideoNameList.mat")]
)
def test_what_cannot_be_indexed_is_said_with_status_2(tmp_path, capsys, word, text):
    assert main(["index", word, "--root", str(tmp_path), "--out", str(tmp_path / "m")]) == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / "m").exists()
