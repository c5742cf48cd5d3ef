"""``python -m datasets index`` and ``check``, as a user calls them."""

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from datasets.__main__ import main
from manifests import open_manifest
from tests.datasets.small_corpora import moving_square, write_dhf1k, write_png, write_ucf, write_video
from tests.places import REPOSITORY


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    """A corpus with one damaged clip, its manifest, and what index said."""
    folder = tmp_path_factory.mktemp("indexed")
    for number in (1, 2, 601, 702):
        write_dhf1k(folder / "corpus", number)
    (folder / "corpus/annotation/0002/maps/0012.png").unlink()
    command = [sys.executable, "-m", "datasets", "index", "dhf1k", "--root", str(folder / "corpus")]
    command += ["--out", str(folder / "m"), "--workers", "2"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=True)
    return folder, done


@pytest.fixture
def copied(indexed, tmp_path):
    """The same, to be changed: the files keep their times."""
    shutil.copytree(indexed[0], tmp_path / "copy")
    return tmp_path / "copy" / "corpus", tmp_path / "copy" / "m"


def cells(text, first):
    """Return the cells of the row of a table that begins with this."""
    return next(line.split() for line in text.splitlines() if line.startswith(first))


def test_index_writes_a_manifest_and_says_what_it_holds(indexed):
    folder, done = indexed
    manifest = open_manifest(folder / "m")
    assert (manifest.counts["train"], manifest.counts["test"], manifest.quarantined) == (1, 1, 1)
    assert f"DHF1K, layout {manifest.layout}" in done.stdout
    assert cells(done.stdout, "train") == ["train", "1", "of", "540", "12", "10", "1"]
    assert cells(done.stdout, "test") == ["test", "1", "of", "100", "12", "10", "0"]
    assert cells(done.stdout, "unannotated") == ["unannotated", "1", "of", "300", "12", "0", "0"]
    assert cells(done.stdout, "error") == ["error", "count-mismatch", "1"]
    assert cells(done.stdout, "warning") == ["warning", "missing-clip", "4"]
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
    assert "4 of them have not changed" in captured.err
    assert "of 4 clips, " not in captured.err


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


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["index", "holywood2"], "Did you mean hollywood2?"),
        (["index", "ledov"], "Data.mat"),
        (["index", "folder"], "Give --name NAME"),
        (["index", "dhf1k", "--name", "Mine"], "only the corpus `folder` is given a name"),
        (["index", "dhf1k", "--workers", "0"], "--workers: expected 1 or more, found 0"),
        (["index", "dhf1k", "--layout", "shiped"], "shipped"),
        (["check", "dhf1k"], "expected a manifest's file, found nothing"),
        (["check", "nothing"], "expected a known corpus or an indexed one, found 'nothing'"),
    ],
)
def test_wrong_usage_is_said_with_status_2(tmp_path, capsys, monkeypatch, arguments, text):
    monkeypatch.chdir(tmp_path)
    more = ["--root", str(tmp_path)]
    assert main([*arguments, *more]) == 2
    assert text in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_check_of_the_manifest_of_another_corpus_has_status_2(indexed, capsys):
    assert main(["check", "ledov", "--manifest", str(indexed[0] / "m")]) == 2
    assert "expected the manifest of LEDOV, found DHF1K" in capsys.readouterr().err


def test_check_lists_all_findings_and_has_status_1_for_an_error(indexed, capsys):
    assert main(["check", "dhf1k", "--manifest", str(indexed[0] / "m")]) == 1
    said = capsys.readouterr().out
    assert said.count("\nwarning missing-clip: corpus: expected the ") == 4
    assert said.count("\nerror ") == 2
    assert "error count-mismatch: 0002" in said
    assert cells(said, "train")[-1] == "1"


def mend(root, out):
    """Make the whole corpus sound, and its manifest that of it."""
    write_dhf1k(root, 2)
    assert main(["index", "dhf1k", "--root", str(root), "--out", str(out), "--workers", "1"]) == 0


def vanish(root):
    (root / "video/001.AVI").unlink()
    shutil.rmtree(root / "annotation/0001")
    return "error vanished-clip: 0001 (video/001.AVI): expected the clip, found nothing"


def lose_the_video(root):
    (root / "video/601.AVI").unlink()
    return "error changed-files: 0601 (video/601.AVI): expected the files as they were indexed, found"


def grow(root):
    with (root / "annotation/0601/maps/0003.png").open("ab") as file:
        file.write(b"x")
    return "bytes instead of"


def touch(root):
    os.utime(root / "annotation/0002/fixation/0003.png")
    return "error changed-files: 0002 (video/002.AVI): expected the files as they were indexed, found one mod"


def go_away(root):
    shutil.rmtree(root)
    return "error root-changed: corpus: expected"


@pytest.mark.parametrize("change", [vanish, lose_the_video, grow, touch, go_away])
def test_check_compares_the_files_with_the_manifest(copied, capsys, change):
    root, out = copied
    mend(root, out)
    assert main(["check", "dhf1k", "--manifest", str(out)]) == 0
    text = change(root)
    assert main(["check", "dhf1k", "--manifest", str(out)]) == 1
    said = capsys.readouterr().out
    assert text in said
    assert said.count("\nerror ") == 2  # the finding and its count


def test_check_warns_of_a_clip_that_is_not_indexed_and_notes_a_mended_one(copied, capsys):
    root, out = copied
    write_dhf1k(root, 3)
    write_dhf1k(root, 2)
    assert main(["check", "dhf1k", "--manifest", str(out), "--root", str(root)]) == 1
    said = capsys.readouterr().out
    assert "warning new-clip: 0003 (video/003.AVI)" in said
    assert "note changed-files: 0002" in said


def test_check_of_a_copy_does_not_mind_other_times(copied, tmp_path):
    root, out = copied
    mend(root, out)
    shutil.copytree(root, tmp_path / "moved", copy_function=shutil.copyfile)
    assert main(["check", "dhf1k", "--manifest", str(out), "--root", str(tmp_path / "moved")]) == 0
    (tmp_path / "moved/annotation/0001/maps/0003.png").write_bytes(b"")
    assert main(["check", "dhf1k", "--manifest", str(out), "--root", str(tmp_path / "moved")]) == 1


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


def test_check_of_a_damaged_manifest_has_status_2(copied, capsys):
    path = copied[1] / "clips.parquet"
    data = bytearray(path.read_bytes())
    data[200:400] = bytes(200)
    path.write_bytes(data)
    assert main(["check", "dhf1k", "--manifest", str(copied[1])]) == 2
    assert f"{path}: expected an undamaged file" in capsys.readouterr().err


def test_workers_that_cannot_start_are_said_with_status_2(tmp_path, capsys, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("worker processes cannot start")

    monkeypatch.setattr("datasets.commands.index.index", fail)
    assert main(["index", "ucf_sports", "--root", str(tmp_path)]) == 2
    assert "worker processes cannot start" in capsys.readouterr().err
