"""``python -m datasets check``, as a user calls it."""

import os
import shutil

import pytest

from datasets.__main__ import main
from tests.datasets.small_corpora import write_dhf1k


def cells(text, first):
    """Return the cells of the row of a table that begins with this."""
    return next(line.split() for line in text.splitlines() if line.startswith(first))


@pytest.mark.slow
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


def test_check_finds_an_exchanged_file_unless_it_is_to_be_quick(copied, capsys):
    root, out = copied
    mend(root, out)
    path = root / "annotation/0001/maps/0003.png"
    state, content = path.stat(), path.read_bytes()
    path.write_bytes(content[:-1] + b"x")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert main(["check", "dhf1k", "--manifest", str(out), "--quick"]) == 0
    assert main(["check", "dhf1k", "--manifest", str(out)]) == 1
    assert "changed-files: 0001" in capsys.readouterr().out


def test_check_of_a_damaged_manifest_has_status_2(copied, capsys):
    path = copied[1] / "clips.parquet"
    data = bytearray(path.read_bytes())
    data[200:400] = bytes(200)
    path.write_bytes(data)
    assert main(["check", "dhf1k", "--manifest", str(copied[1])]) == 2
    assert f"{path}: expected an undamaged file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["dhf1k"], "expected a manifest's file, found nothing"),
        (["nothing"], "expected a known corpus or an indexed one, found 'nothing'"),
        (["hollywod2"], "Did you mean hollywood2?"),
    ],
)
def test_wrong_usage_is_said_with_status_2(refused, arguments, text):
    refused("check", *arguments, text=text)
