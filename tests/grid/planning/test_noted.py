"""What a folder's grids have read is known from their notes, where it is not there any more."""

import json
from pathlib import Path

import pytest

from grid.planning.inputs import InitialWeights
from grid.planning.noted import Noted, described, note, read_noted, taken
from grid.results import output_folder
from manifests.store import open_manifest


@pytest.fixture
def dhf1k(demo_out):
    return open_manifest(demo_out / output_folder.demo_manifest("dhf1k"))


def write(out, grid, content):
    path = out / output_folder.call(grid)
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_what_was_noted_is_read_again_and_names_no_place(tmp_path, dhf1k):
    told = note({"DHF1K": dhf1k}, {"hd2s": InitialWeights(tmp_path / "S3D.pt", "12")})
    path = write(tmp_path, "small", told)
    found = read_noted(tmp_path, "small")
    assert found.weights == {"hd2s": "12"}
    assert described(found.corpora["DHF1K"]) == described(dhf1k)
    assert (found.corpora["DHF1K"].folder, found.closed) == (path, False)
    assert str(tmp_path) not in path.read_text()
    assert str(dhf1k.root) not in path.read_text()


def test_of_several_grids_the_one_that_is_asked_counts_and_else_what_all_agree_in(tmp_path, dhf1k):
    other = described(dhf1k) | {"digest": "another"}
    write(tmp_path, "a", {"weights": {"hd2s": "12", "tased": "34"}, "corpora": {"DHF1K": described(dhf1k)}})
    write(tmp_path, "b", {"weights": {"hd2s": "12", "tased": "56"}, "corpora": {"DHF1K": other}})
    write(tmp_path, "older", {"name": "older"})
    write(tmp_path, "damaged", "{")
    write(tmp_path, "lacking", {"corpora": {"DHF1K": {"digest": "1"}}})
    assert {grid: read_noted(tmp_path, grid).corpora["DHF1K"].digest for grid in ("a", "b")} == {
        "a": dhf1k.digest,
        "b": "another",
    }
    assert read_noted(tmp_path, "c").corpora == {}
    assert read_noted(tmp_path, "c").weights == {"hd2s": "12"}
    assert read_noted(tmp_path / "nowhere", "a") == Noted()


def test_a_manifest_that_is_there_counts_unless_the_folder_is_closed(dhf1k):
    noted = {"DHF1K": dhf1k}
    gone = Path("nowhere")
    assert Noted(corpora=noted).manifest("DHF1K", dhf1k.folder) is None
    assert Noted(corpora=noted).manifest("DHF1K", gone) is dhf1k
    assert Noted(corpora=noted).manifest("DHF1K", None) is dhf1k
    assert Noted(corpora=noted).manifest("LEDOV", gone) is None
    assert Noted(corpora=noted, closed=True).manifest("DHF1K", dhf1k.folder) is dhf1k


def own_grid(folder, title, name="mine"):
    folder.mkdir(exist_ok=True)
    path = folder / "mine.yaml"
    path.write_text(f"name: {name}\ntitle: {title}\n")
    return path


def test_another_files_grid_of_the_same_name_keeps_its_place(tmp_path):
    first, other = own_grid(tmp_path / "a", "One"), own_grid(tmp_path / "b", "Another")
    noted = write(tmp_path, "mine", {"name": str(first)})
    (problem,) = taken(tmp_path, "mine", str(other))
    assert f"expected a name that no other grid in {tmp_path} has, found mine, which is {first}'s" in str(
        problem
    )
    assert f"or remove {noted}" in problem.remedy
    assert taken(tmp_path / "elsewhere", "mine", str(other)) == []
    first.unlink()
    assert taken(tmp_path, "mine", str(other)) == [], "it was moved"


def test_a_file_that_was_edited_or_copied_or_called_otherwise_since_is_no_other_grid(tmp_path, monkeypatch):
    first, copy = own_grid(tmp_path / "a", "One"), own_grid(tmp_path / "b", "One")
    write(tmp_path, "mine", {"name": str(first)})
    assert taken(tmp_path, "mine", str(copy)) == []
    own_grid(tmp_path / "a", "Edited")
    monkeypatch.chdir(tmp_path / "a")
    assert taken(tmp_path, "mine", "mine.yaml") == []
    assert len(taken(tmp_path, "mine", str(copy))) == 1
    own_grid(tmp_path / "a", "Edited", name="theirs")
    assert taken(tmp_path, "mine", str(copy)) == []


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"name": "table5"}', '{"name": 5}'])
def test_a_note_that_names_no_file_keeps_no_name(tmp_path, content):
    write(tmp_path, "mine", content)
    assert taken(tmp_path, "mine", str(own_grid(tmp_path / "b", "One"))) == []


def test_an_export_has_noted_a_file_in_it(tmp_path):
    inside = own_grid(tmp_path / "specs", "One")
    write(tmp_path, "mine", {"name": "specs/mine.yaml"})
    assert taken(tmp_path, "mine", str(inside)) == []
    assert len(taken(tmp_path, "mine", str(own_grid(tmp_path / "b", "Another")))) == 1
