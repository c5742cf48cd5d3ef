"""What several rooms' tests of datasets share: the demo corpora, which take seconds to make."""

import pytest

from datasets.demo import generate
from manifests import open_manifest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark as slow what needs the corpora, whichever test it is for which they are made."""
    for item in items:
        if "demo_corpora" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def demo_corpora(demo_out):
    """The demo's corpora, generated from seed 0: word -> root. Nobody changes them."""
    return generate(demo_out / "corpora")


@pytest.fixture(scope="session")
def demo_manifests(demo_corpora, demo_out):
    """Their manifests: word -> manifest."""
    return {word: open_manifest(demo_out / "manifests" / word) for word in demo_corpora}
