"""The adapters there are, by word and by name."""

import re
from pathlib import Path

import pytest

from datasets.corpora import registry
from datasets.corpora.own_folder import FolderCorpus
from datasets.corpora.registry import (
    available,
    default_folder,
    find,
    get,
    indexed,
    manifest_folder,
    register,
    register_plugins,
    title,
)
from datasets.indexing.index import index
from manifests import ProblemError
from tests.datasets.small_corpora import write_ucf
from tests.datasets.text_corpus import TextCorpus


def test_names_and_words_find_the_adapter():
    assert get("DHF1K") is get("dhf1k")
    assert [get(word).name for word in available()] == [
        "DHF1K",
        "Hollywood2",
        "LEDOV",
        "MIT1003",
        "MIT300",
        "SALICON",
        "SALICON2015",
        "UCFSports",
    ]
    with pytest.raises(ProblemError, match=r"found .holywood.\. Did you mean hollywood2\? Available: dhf1k"):
        get("holywood")


@pytest.mark.parametrize("word", available())
def test_a_wrong_root_says_what_was_expected_and_found(tmp_path, word):
    (tmp_path / "holiday").mkdir()
    with pytest.raises(ProblemError, match=rf"{get(word).name} at .*found only holiday\. Give the folder"):
        get(word).list(tmp_path)
    with pytest.raises(ProblemError, match="found no such folder"):
        get(word).list(tmp_path / "nowhere")


@pytest.mark.parametrize("word", available())
def test_an_adapter_says_where_its_corpus_is_had_from_and_a_root_that_is_none_tells_it(tmp_path, word):
    corpus = get(word)
    assert re.match(r"https?://[\w.]+/[\w/-]+[:,] ", corpus.had_from)
    assert re.search("@|whom to ask is not stated", corpus.had_from)
    assert re.search("licen|free to use|terms not stated", corpus.had_from)
    assert re.search("GB|size not stated", corpus.had_from)
    for root in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(ProblemError) as told:
            index(word, root, tmp_path / "manifest")
        assert f"{corpus.name} is had from {corpus.had_from}." in str(told.value)


def test_a_corpus_is_found_by_its_name_alone():
    assert find("UCFSports") is get("ucf_sports")
    assert find("ucf_sports") is None
    assert find("Mine") is None


def test_titles_are_what_tables_write():
    assert [title(get(word).name) for word in available()] == [
        "DHF1K",
        "Hollywood2",
        "LEDOV",
        "MIT1003",
        "MIT300",
        "SALICON",
        "SALICON (2015)",
        "UCF Sports",
    ]
    assert [title(name) for name in ("Mine", "ucf_sports", "")] == ["Mine", "ucf_sports", ""]


def test_a_manifest_lies_where_its_word_says():
    assert default_folder("UCFSports") == default_folder(get("ucf_sports")) == Path("manifests/ucf_sports")
    assert default_folder(FolderCorpus("Mine")) == Path("manifests/Mine")


class Tiny(TextCorpus):
    name, word, title = "Tiny", "tiny", "Tiny Texts"


def tiny(**changes):
    return type("Tiny", (Tiny,), {"__module__": __name__} | changes)()


@pytest.fixture
def registered(monkeypatch):
    """What is registered during a test, and forgotten after it."""
    known = {}
    monkeypatch.setattr(registry, "_registered", known)
    return known


def test_a_registered_adapter_is_one_of_them(registered):
    corpus = tiny()
    register(corpus)
    assert available() == [
        *("dhf1k", "hollywood2", "ledov", "mit1003", "mit300", "salicon", "salicon2015", "ucf_sports"),
        "tiny",
    ]
    assert get("tiny") is get("Tiny") is find("Tiny") is corpus
    assert title("Tiny") == "Tiny Texts"
    assert default_folder("Tiny") == Path("manifests/tiny")
    with pytest.raises(ProblemError, match="name of the corpus: expected a plain word that is no corpus"):
        FolderCorpus("TINY")


def test_the_same_modules_adapter_may_be_registered_again(registered):
    first, again = tiny(), tiny()
    for corpus in (first, first, again):
        register(corpus)
    assert registered == {"tiny": again}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"word": "dhf1k"}, "expected a word of its own, found 'dhf1k', which DHF1K has. Choose another."),
        ({"word": "LEDOV"}, "expected a word of its own, found 'LEDOV', which LEDOV has."),
        ({"name": "ucfsports"}, "expected a name of its own, found 'ucfsports', which UCFSports has."),
        ({"word": "folder"}, "expected a word of its own, found 'folder', which a folder of one's own has."),
        ({"word": "a/b"}, "expected a plain word, found 'a/b'. Use letters, digits, _ and -."),
        ({"word": ""}, "expected a plain word, found ''"),
        ({"name": "Tiny Texts"}, "expected a plain name, found 'Tiny Texts'"),
    ],
)
def test_a_word_or_name_that_is_taken_or_none_is_refused(registered, changes, told):
    with pytest.raises(ProblemError) as error:
        register(tiny(**changes))
    (problem,) = error.value.problems
    assert str(problem).startswith(f"corpus adapter in {__name__}: {told}")
    assert registered == {}


def test_two_plug_ins_of_one_word_are_refused(registered):
    register(tiny())
    with pytest.raises(ProblemError, match="found 'tiny', which Tiny has") as error:
        register(tiny(__module__="elsewhere"))
    assert len(error.value.problems) == 2
    assert type(registered["tiny"]).__module__ == __name__


def test_what_is_no_adapter_is_refused(registered):
    with pytest.raises(ProblemError, match=r"expected a datasets\.corpus\.Corpus, found <class .*Tiny"):
        register(Tiny)


def test_the_corpora_of_plug_in_folders_are_registered_or_all_refused_together(registered, tmp_path):
    folder = tmp_path / "registry_plugins"
    folder.mkdir()
    class_of = "from tests.datasets.text_corpus import TextCorpus\n\nclass Own(TextCorpus):\n    "
    (folder / "one.py").write_text(f"{class_of}name, word = 'One', 'one'\n\nCORPUS = Own()\n")
    (folder / "model.py").write_text("MODEL = 1\n")
    register_plugins([folder])
    assert [corpus.name for corpus in registered.values()] == ["One"]
    (folder / "taken.py").write_text(f"{class_of}name, word = 'LEDOV', 'x'\n\nCORPUS = Own()\n")
    with pytest.raises(ProblemError) as error:
        register_plugins([folder, tmp_path / "gone"])
    assert [problem.found for problem in error.value.problems] == ["'LEDOV', which LEDOV has", "nothing"]


def test_what_is_indexed_is_found_by_word_and_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    corpus = tmp_path / "corpus"
    write_ucf(corpus, "training", "Diving-Side-001", 3)
    assert indexed() == {}
    assert manifest_folder("Mine") == Path("manifests/Mine")
    index("ucf_sports", corpus, Path("manifests/ucf-grouped"))
    assert manifest_folder("ucf_sports") == manifest_folder("UCFSports") == Path("manifests/ucf-grouped")
    index("ucf_sports", corpus, Path("manifests/again"))
    assert indexed() == {}, "which of two is not to be guessed"
    index("ucf_sports", corpus)
    assert indexed() == {"UCFSports": Path("manifests/ucf_sports")}
    (tmp_path / "manifests/ucf_sports/clips.parquet").write_bytes(b"PAR1")
    assert "UCFSports" not in indexed()
