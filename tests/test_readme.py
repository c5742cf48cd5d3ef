"""What README shows is what is there."""

import re

import pytest

from datasets.corpora.registry import available, get
from hd2s.models.registry import find_model
from tests.places import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["tiny_model", "tiny_approach", "tiny_corpus", "tiny_metric"])
def test_the_examples_are_the_files_that_tests_run(name):
    shown = re.search(rf"<code>{name}\.py</code></summary>\n\n```python\n(.*?)```", README, re.DOTALL)
    assert shown[1] == (REPOSITORY / f"tests/plugins/ours/{name}.py").read_text(encoding="utf-8")


def test_every_test_that_shows_a_fault_is_there():
    table = README[README.index("| Fault |") :].split("\n\n")[0]
    named = {word for row in table.splitlines() for word in re.findall(r"`((?:\w+/)*test_\w+)`", row)}
    assert len(named) > 10
    assert [name for name in sorted(named) if not (REPOSITORY / "tests" / f"{name}.py").is_file()] == []


def test_it_says_where_corpora_and_weights_are_had_from():
    texts = [get(word).had_from for word in available()]
    texts += [layout.had_from for layout in find_model("hd2s").model.layouts]
    assert len(texts) == 11
    for address in (re.match(r"https?://[^ ,]+?(?=[:,] )", text)[0] for text in texts):
        assert address in README
    for amount in (amount for text in texts for amount in re.findall(r"[\d.]+ [GM]B", text)):
        assert amount in README, amount


def test_what_departs_from_the_papers_is_said_as_in_code():
    text = " ".join(README.replace("`", "").split())
    lists = [found.model.departures for found in map(find_model, ("hd2s", "tased", "unisal"))]
    assert [len(each) for each in lists] == [9, 10, 8]
    assert [each.told for found in lists for each in found if each.told not in text] == []


def test_every_file_that_it_names_is_there():
    named = set(
        re.findall(
            r"`((?:grid|hd2s|datasets|manifests|tests)/[\w/]+\.(?:py|yaml|sh)|(?:grid|hd2s|datasets|tests)/[\w/]+/)`",
            README,
        )
    )
    assert len(named) > 5
    assert [name for name in sorted(named) if not (REPOSITORY / name).exists()] == []
