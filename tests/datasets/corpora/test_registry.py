"""The adapters there are, by word and by name."""

from pathlib import Path

import pytest

from datasets.corpora.own_folder import FolderCorpus
from datasets.corpora.registry import available, default_folder, find, get, title
from manifests import ProblemError


def test_names_and_words_find_the_adapter():
    assert get("DHF1K") is get("dhf1k")
    assert [get(word).name for word in available()] == ["DHF1K", "Hollywood2", "LEDOV", "UCFSports"]
    with pytest.raises(ProblemError, match=r"found .holywood.\. Did you mean hollywood2\? Available: dhf1k"):
        get("holywood")


def test_a_corpus_is_found_by_its_name_alone():
    assert find("UCFSports") is get("ucf_sports")
    assert find("ucf_sports") is None
    assert find("Mine") is None


def test_titles_are_what_tables_write():
    assert [title(get(word).name) for word in available()] == ["DHF1K", "Hollywood2", "LEDOV", "UCF Sports"]
    assert [title(name) for name in ("Mine", "ucf_sports", "")] == ["Mine", "ucf_sports", ""]


def test_a_manifest_lies_where_its_word_says():
    assert default_folder("UCFSports") == default_folder(get("ucf_sports")) == Path("manifests/ucf_sports")
    assert default_folder(FolderCorpus("Mine")) == Path("manifests/Mine")
