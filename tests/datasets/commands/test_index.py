"""``python -m datasets index``, as a user calls it."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from datasets.__main__ import main
from manifests import open_manifest
from tests.datasets.small_corpora import moving_square, write_png, write_ucf, write_video
from tests.places import REPOSITORY


def cells(text, first):
    """Return the cells of the row of a table that begins with this."""
    return next(line.split() for line in text.splitlines() if line.startswith(first))


@pytest.mark.slow
def test_index_writes_a_manifest_and_says_what_it_holds(indexed):
    folder, done = indexed
    manifest = open_manifest(folder / "m")
    assert (manifest.counts["train"], manifest.counts["test"], manifest.quarantined) == (1, 1, 1)
    assert f"DHF1K, layout {manifest.layout}" in done.stdout
    assert cells(done.stdout, "train") == ["train", "1", "of", "540", "12", "10", "1"]
    assert cells(done.stdout, "test") == ["test", "1", "of", "100", "12", "10", "0"]
    assert cells(done.stdout, "unannotated") == ["unannotated", "1", "of", "300", "12", "0", "0"]
    assert cells(done.stdout, "error") == ["error", "count-mismatch", "1"]
    warnings = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("warning")]
    assert warnings == [["copied-clip", "1"], ["missing-clip", "4"]]
    assert "error count-mismatch: 0002 (video/002.AVI): expected as many maps" in done.stdout
    assert f"All findings: {folder / 'm' / 'problems.parquet'}" in done.stdout
    assert f"Digest: {manifest.digest[:12]}" in done.stdout
    assert "DHF1K/0002 quarantined: expected as many maps" in done.stderr
    assert "DHF1K: 4 of 4 clips, " in done.stderr


def test_the_tables_fit_80_columns(indexed):
    tables = indexed[1].stdout.partition("error count-mismatch:")[0].splitlines()
    assert 60 < max(map(len, tables)) <= 80


def test_a_second_index_says_what_has_not_changed(copied, capfd):
    root, out = copied
    assert main(["index", "dhf1k", "--root", str(root), "--out", str(out), "--workers", "1"]) == 0
    captured = capfd.readouterr()
    # Of the quarantined one no contents are known that a copy's could be compared with.
    assert "3 of them have not changed" in captured.err
    assert "quarantined: expected as many maps" in captured.err


def test_the_manifest_goes_to_its_usual_place(tmp_path, monkeypatch, capsys):
    write_ucf(tmp_path / "corpus", "testing", "Lifting-001", 3)
    monkeypatch.chdir(tmp_path)
    assert main(["index", "UCFSports", "--root", "corpus", "--workers", "1"]) == 0
    assert open_manifest(tmp_path / "manifests" / "ucf_sports").root == str(tmp_path / "corpus")
    assert "UCFSports" in capsys.readouterr().out
    assert main(["check", "UCFSports"]) == 0
    assert main(["check", "ucf_sports"]) == 0


def test_a_corpus_of_ones_own_is_indexed_and_checked_by_its_name(tmp_path, monkeypatch, capsys):
    for n in range(12):
        write_video(tmp_path / f"own/videos/v{n}.mp4", moving_square(6), "mpeg4")
        for i in range(6):
            write_png(tmp_path / f"own/maps/v{n}/{i + 1:04d}.png", np.full((48, 64), 9, np.uint8))
            write_png(tmp_path / f"own/fixations/v{n}/{i + 1:04d}.png", np.eye(48, 64, dtype=np.uint8))
    monkeypatch.chdir(tmp_path)
    held = []
    for seed in ("0", "1"):
        command = ["index", "folder", "--name", "Mine", "--root", "own", "--workers", "1", "--seed", seed]
        assert main(command) == 0
        manifest = open_manifest(tmp_path / "manifests" / "Mine")
        assert (manifest.corpus, manifest.counts["train"] + manifest.counts["val"]) == ("Mine", 12)
        held.append([clip.clip for clip in manifest.clips("val")])
    assert held[0] != held[1]
    assert main(["check", "Mine"]) == 0
    assert "Mine, layout videos" in capsys.readouterr().out


@pytest.mark.slow
def test_an_interrupted_index_says_how_to_go_on(tmp_path):
    root = tmp_path / "corpus"
    for number in range(1, 6):
        write_ucf(root, "training", f"Diving-Side-{number:03d}", 3)
    (root / "training/Diving-Side-005/maps/Diving-Side_005_003.png").unlink()
    # Whoever opens a pipe waits for its other end: one worker is kept by the first clip, one does the others.
    image = root / "training/Diving-Side-001/images/Diving-Side_001_001.png"
    content = image.read_bytes()
    image.unlink()
    os.mkfifo(image)
    command = [sys.executable, "-m", "datasets", "index", "ucf_sports", "--root", str(root)]
    command += ["--out", str(tmp_path / "m"), "--workers", "2"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY, start_new_session=True
    ) as process:
        assert any("Diving-Side-005 quarantined" in line for line in process.stderr)
        # Ctrl-C goes to all processes of the terminal, the workers among them.
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert said == "\nInterrupted. What was read is kept; the same command goes on from there.\n"
    assert process.returncode == 130
    image.unlink()
    image.write_bytes(content)
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert "UCFSports: 4 of them have not changed since they were read" in done.stderr
    assert open_manifest(tmp_path / "m").quarantined == 1


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_read(tmp_path, capsys):
    (tmp_path / "file").touch()
    write_ucf(tmp_path / "corpus", "testing", "Lifting-001", 3)
    out = str(tmp_path / "file" / "m")
    assert main(["index", "ucf_sports", "--root", str(tmp_path / "corpus"), "--out", out]) == 2
    said = capsys.readouterr().err
    assert "expected a folder to write the manifest to" in said
    assert "looking for clips" not in said


def test_a_root_that_is_a_file(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["index", "ucf_sports", "--root", str(tmp_path / "file"), "--out", str(tmp_path / "m")]) == 2
    assert "found a file." in capsys.readouterr().err


def test_workers_that_cannot_start_are_said_with_status_2(tmp_path, capsys, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("worker processes cannot start")

    monkeypatch.setattr("datasets.commands.index.index", fail)
    assert main(["index", "ucf_sports", "--root", str(tmp_path)]) == 2
    assert "worker processes cannot start" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["holywood2"], "Did you mean hollywood2?"),
        (["ledov"], "Data.mat"),
        (["folder"], "Give --name NAME"),
        (["dhf1k", "--name", "Mine"], "only the corpus `folder` is given a name"),
        (["dhf1k", "--workers", "0"], "--workers: expected 1 or more, found 0"),
        (["dhf1k", "--layout", "shiped"], "shipped"),
    ],
)
def test_wrong_usage_is_said_with_status_2(refused, arguments, text):
    refused("index", *arguments, text=text)
