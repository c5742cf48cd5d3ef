"""A corpus of a plug-in folder: one file, which the commands index, check and list like any other."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from datasets.__main__ import main
from datasets.corpora.saliency_maps import MapReader
from manifests import open_manifest
from tests.places import REPOSITORY

# Squares of one colour as plain text; their maps are made by the corpus' own rule, by whoever reads them.
ADAPTER = """
import numpy as np

from datasets.corpus import Corpus, Entry, Listing, MapRule, Reading
from datasets.damaged import describe
from datasets.listing.layouts import require
from my_corpora.numbers import split_of


class Squares(Corpus):
    name, word, title = "Squares", "squares", "The Squares"
    published = {"train": 2, "test": 1}
    map_rule = MapRule(sigma=2.0, reach=6, even=False, replicate=False)

    def list(self, root, layout=None):
        names = sorted(path.stem for path in root.glob("*.ppm"))
        require(self.name, root, names, "images such as 1.ppm")
        entries = [Entry(name, split_of(name), name, "frames", f"{name}.ppm") for name in names]
        return Listing(entries, "shipped", [])

    def read(self, root, entry):
        (root / entry.path).read_bytes()
        rows = np.array([[0, 3, 4]], np.int32)
        clip = describe(
            self.name, entry, frame_pattern=entry.path, n_frames=1, width=8, height=6, n_fixated_frames=1
        )
        return Reading(clip, rows)


CORPUS = Squares()
"""
NUMBERS = "def split_of(name):\n    return 'test' if int(name) % 3 == 0 else 'train'\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a plug-in folder and a root of its corpus."""
    place = tmp_path_factory.mktemp("plugged")
    (place / "my_corpora").mkdir()
    (place / "my_corpora" / "squares.py").write_text(ADAPTER)
    (place / "my_corpora" / "numbers.py").write_text(NUMBERS)
    (place / "root").mkdir()
    for n in (1, 2, 3):
        (place / "root" / f"{n}.ppm").write_bytes(b"P6 8 6 255\n" + bytes([n]) * 144)
    return place


def run(place, *arguments):
    command = [sys.executable, "-m", "datasets", *arguments]
    environment = {"PYTHONPATH": str(REPOSITORY), "PATH": ""}
    return subprocess.run(command, capture_output=True, text=True, cwd=place, env=environment, check=False)


@pytest.mark.slow
def test_a_corpus_of_a_plug_in_folder_is_indexed_checked_and_listed(place):
    given = ["--plugins", "my_corpora"]
    indexed = run(place, "index", "squares", "--root", "root", "--workers", "2", *given)
    assert indexed.returncode == 0, indexed.stderr
    assert "Squares, layout shipped" in indexed.stdout
    manifest = open_manifest(place / "manifests" / "squares")
    assert (manifest.corpus, manifest.counts["train"], manifest.counts["test"]) == ("Squares", 2, 1)
    assert manifest.map_rule == {"sigma": 2.0, "reach": 6, "even": False, "replicate": False}
    assert np.unravel_index(MapReader(manifest).read(manifest.clips("test")[0], 0).argmax(), (6, 8)) == (3, 4)
    checked = run(place, "check", "Squares", *given)
    assert (checked.returncode, checked.stdout.count("of 2")) == (0, 1), checked.stderr
    unknown = run(place, "index", "square", "--root", "root", *given)
    assert unknown.returncode == 2
    assert (
        "Did you mean squares? Available: dhf1k, hollywood2, ledov, mit1003, mit300, salicon,"
        in unknown.stderr
    )


@pytest.mark.slow
@pytest.mark.parametrize(("file", "n_read"), [("squares", 3), ("numbers", 3), ("beside", 0)])
def test_clips_are_read_again_by_an_adapter_that_was_edited_and_not_for_the_file_beside_it(
    place, tmp_path, file, n_read
):
    for folder in ("my_corpora", "root"):
        shutil.copytree(place / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    given = ["--root", "root", "--workers", "1", "--plugins", "my_corpora"]
    assert run(tmp_path, "index", "squares", *given).returncode == 0
    code = open_manifest(tmp_path / "manifests" / "squares").code
    adapter = tmp_path / "my_corpora" / f"{file}.py"
    text = adapter.read_text() if adapter.exists() else ""
    adapter.write_text(text.replace("[0, 3, 4]", "[0, 4, 3]") + "# Rows and columns in their order.\n")
    again = run(tmp_path, "index", "squares", *given)
    assert again.returncode == 0, again.stderr
    assert ("3 of them have not changed" in again.stderr) == (n_read == 0)
    manifest = open_manifest(tmp_path / "manifests" / "squares")
    assert (len(code), manifest.code == code) == (64, n_read == 0)
    fixations = manifest.fixations("test")
    assert fixations.of("3")[1].tolist() == ([[4, 3]] if file == "squares" else [[3, 4]])


def test_without_the_option_the_corpus_is_unknown(place, capsys):
    assert main(["index", "squares", "--root", str(place / "root")]) == 2
    assert "expected a known corpus, found 'squares'" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["index", "dhf1k", "--root", "root"], ["check", "dhf1k"]])
def test_all_that_is_wrong_with_plug_in_folders_is_told_with_status_2(tmp_path, capsys, monkeypatch, command):
    monkeypatch.setattr(sys, "path", list(sys.path))
    folder = tmp_path / f"broken_for_{command[0]}"
    folder.mkdir()
    (folder / "a.py").write_text("import nothing_of_the_kind\n")
    assert main([*command, "--plugins", str(folder), "--plugins", str(tmp_path / "gone")]) == 2
    said = capsys.readouterr().err
    assert f"{folder}/a.py, line 1: expected a file that can be imported" in said
    assert "found ModuleNotFoundError: No module named 'nothing_of_the_kind'" in said
    assert f"plug-in folder {tmp_path}/gone: expected a folder of Python files, found nothing" in said
