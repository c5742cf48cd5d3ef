"""Plug-in folders: imported under their own name, and refused with all that is wrong at once."""

import hashlib
import sys

import pytest

from manifests import ProblemError
from manifests.plugins import digest, import_folder, python_files


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """Leave no module and no path behind."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def folder_of(parent, name="mine", **files):
    folder = parent / name
    folder.mkdir(parents=True)
    for stem, text in files.items():
        (folder / f"{stem}.py").write_text(text)
    return folder


def test_files_are_imported_by_the_folders_name_and_import_each_other(tmp_path):
    folder = folder_of(
        tmp_path,
        b="from mine.a import NUMBER\nfrom mine._hidden import SECRET\nSUM = NUMBER + SECRET\n",
        a="NUMBER = 40\n",
        _hidden="SECRET = 2\n",
    )
    modules = import_folder(folder)
    assert [module.__name__ for module in modules] == ["mine.a", "mine.b"]
    assert modules[1].SUM == 42
    assert sys.path[-1] == str(tmp_path)


def test_a_folder_is_imported_once(tmp_path):
    folder = folder_of(tmp_path, a="NUMBER = 1\n")
    first = import_folder(folder)
    (folder / "a.py").write_text("NUMBER = 2\n")
    (folder / "later.py").write_text("NUMBER = 3\n")
    again = import_folder(tmp_path / "mine" / ".." / "mine")
    assert again[0] is first[0]
    assert [module.NUMBER for module in again] == [1, 3]
    assert sys.path.count(str(tmp_path)) == 1


def test_folders_beside_each_other_are_both_imported(tmp_path):
    modules = [import_folder(folder_of(tmp_path, name, a=f"NAME = '{name}'")) for name in ("one", "two")]
    assert [module.NAME for (module,) in modules] == ["one", "two"]


def test_a_folder_that_lies_in_the_current_one_is_itself_and_no_other(tmp_path, monkeypatch):
    folder = folder_of(tmp_path, a="")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    assert [module.__name__ for module in import_folder(folder)] == ["mine.a"]


def test_a_path_that_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for name, found in (("gone", "nothing"), ("file", "a file")):
        with pytest.raises(
            ProblemError, match=rf"folder {tmp_path / name}: expected a folder .*, found {found}\. Check"
        ):
            import_folder(tmp_path / name)


@pytest.mark.parametrize("name", ["my-models", "2nd", "class", "a b"])
def test_a_folder_whose_name_python_cannot_import_is_refused(tmp_path, name):
    folder_of(tmp_path, name, a="")
    with pytest.raises(ProblemError, match=f"expected a name that Python can import, found '{name}'"):
        import_folder(tmp_path / name)


@pytest.mark.parametrize("name", ["grid", "datasets", "json", "sys", "numpy", "pytest", "__main__"])
def test_a_name_that_another_module_has_is_refused(tmp_path, name):
    folder_of(tmp_path, name, a="raise SystemExit('imported')")
    before = list(sys.path)
    with pytest.raises(ProblemError, match=f"a name that no other module has, found {name} at .*Rename the"):
        import_folder(tmp_path / name)
    assert sys.path == before


def test_a_name_that_another_plug_in_folder_has_is_refused(tmp_path):
    first, second = (folder_of(tmp_path / place, a=f"PLACE = '{place}'") for place in ("here", "there"))
    import_folder(first)
    with pytest.raises(ProblemError, match=rf"found mine at {first}\. Rename"):
        import_folder(second)
    assert import_folder(first)[0].PLACE == "here"


def test_a_folder_without_files_is_refused(tmp_path):
    folder_of(tmp_path, _hidden="")
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(ProblemError, match=r"mine: expected Python files, found none\. Put each plug-in"):
        import_folder(tmp_path / "mine")


def test_all_files_that_fail_are_told_with_their_lines(tmp_path):
    folder = folder_of(
        tmp_path,
        bad_name="x = 1\n\nprint(y)\n",
        deep="import fractions\nfractions.Fraction('x')\n",
        leaves="import sys\n\n\nsys.exit('enough')\n",
        no_python="x = 1\nif x\n",
        sound="x = 1\n",
        uses="\nimport mine.bad_name\n",
    )
    (folder / "a-b.py").touch()
    with pytest.raises(ProblemError) as error:
        import_folder(folder)
    told = {problem.where: problem.found for problem in error.value.problems}
    assert told == {
        f"{folder}/a-b.py": "'a-b'",
        f"{folder}/bad_name.py, line 3": "NameError: name 'y' is not defined",
        f"{folder}/deep.py, line 2": "ValueError: Invalid literal for Fraction: 'x'",
        f"{folder}/leaves.py, line 4": "SystemExit: enough",
        f"{folder}/no_python.py, line 2": "SyntaxError: expected ':'",
        f"{folder}/uses.py, line 2": "NameError: name 'y' is not defined",
    }
    (folder / "a-b.py").unlink()
    for stem in ("bad_name", "deep", "leaves", "no_python"):
        (folder / f"{stem}.py").write_text("mended = True\n")
    assert [module.__name__ for module in import_folder(folder)][-1] == "mine.uses"


def test_the_digest_is_of_all_python_files_and_their_names(tmp_path):
    folder = folder_of(tmp_path, a="A", _b="B")
    folder_of(folder, "below", c="C")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.py").write_text("never read")
    (folder / "notes.txt").write_text("no code")
    names = {"_b.py": b"B", "a.py": b"A", "below/c.py": b"C"}
    expected = hashlib.sha256(b"".join(b"%b\0%d\0%b" % (n.encode(), len(t), t) for n, t in names.items()))
    assert digest(python_files(folder)) == expected.hexdigest()
    seen = {digest(python_files(folder))}
    for change in (
        lambda: (folder / "a.py").write_text("A2"),
        lambda: (folder / "a.py").rename(folder / "z.py"),
        (folder / "below" / "c.py").unlink,
        (folder / "empty.py").touch,
    ):
        change()
        seen.add(digest(python_files(folder)))
    assert len(seen) == 5
    folder.rename(tmp_path / "moved")
    assert digest(python_files(tmp_path / "moved")) in seen


def test_the_digest_of_a_file_is_of_what_it_may_import_too(tmp_path):
    folder = folder_of(
        tmp_path,
        model="from mine._layers import Layer\n",
        other="def late():\n    from mine.below import part\n",
        _layers="from . import _deeper\n",
        _deeper="",
        alone="",
        any="import importlib\nfound = importlib.import_module('mine.' + 'al' + 'one')\n",
    )
    folder_of(folder, "below", __init__="", part="", unused="")
    files = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.py"))]
    before = {file: digest(python_files(folder), file) for file in files}
    changed_by = {}
    for file in files:
        path = folder / file
        text = path.read_text()
        path.write_text(text + "# Another word.\n")
        changed_by[file] = {each for each in files if digest(python_files(folder), each) != before[each]}
        path.write_text(text)
    uses = {name: {each for each in files if name in changed_by[each]} for name in files}
    assert uses["model.py"] == {"model.py", "_layers.py", "_deeper.py"}
    assert uses["other.py"] == {"other.py", "below/__init__.py", "below/part.py"}
    assert uses["alone.py"] == {"alone.py"}
    assert uses["any.py"] == set(files), "what it imports is not in its text"


def test_the_digest_of_a_folders_only_file_is_the_folders(tmp_path):
    """As ids had it when all files were in them."""
    folder = folder_of(tmp_path, a="A")
    assert digest(python_files(folder), "a.py") == digest(python_files(folder))
    (folder / "__init__.py").write_text("from mine._hidden import B\n")
    (folder / "_hidden.py").touch()
    assert digest(python_files(folder), "a.py") == digest(python_files(folder)), (
        "the package's own file is run with each of its files"
    )
