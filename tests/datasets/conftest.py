"""What several rooms' tests of datasets share: the demo corpora, which take seconds to make."""

import pytest

from datasets.demo import generate
from datasets.indexing.index import index


@pytest.fixture(scope="session")
def demo_corpora(tmp_path_factory):
    """The demo's corpora, generated from seed 0: word -> root. Nobody changes them."""
    return generate(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def demo_manifests(demo_corpora, tmp_path_factory):
    """Their manifests: word -> manifest."""
    out = tmp_path_factory.mktemp("manifests")
    return {word: index(word, root, out / word) for word, root in demo_corpora.items()}
