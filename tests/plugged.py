"""Plug-ins for a while: what tests register, in this process, is forgotten afterwards."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from datasets.corpora import registry as corpora
from grid.specs import plugins
from hd2s.approaches import registry as approaches
from hd2s.metrics import definitions as metrics
from hd2s.models import registry as models
from tests.places import REPOSITORY

OURS = REPOSITORY / "tests" / "plugins" / "ours"
"""The plug-ins that README shows."""
_REGISTRIES = (
    (models.MODELS, "plugged_in"),
    (approaches.APPROACHES, "plugged_in"),
    (corpora, "_registered"),
    (corpora, "_code"),
    (metrics, "_REGISTERED"),
    (plugins, "_ORIGINS"),
)


@contextmanager
def for_a_while() -> Iterator[None]:
    """Forget what the block registers."""
    with pytest.MonkeyPatch.context() as patch:
        for registry, name in _REGISTRIES:
            patch.setattr(registry, name, dict(getattr(registry, name)))
        patch.setattr(sys, "path", [*sys.path])
        yield
