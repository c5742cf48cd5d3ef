"""A plug-in with a model of its own, which other processes know nothing of until they are brought it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grid.specs import plugins
from tests.plugged import for_a_while

WORD = "corner_prior"
_CODE = f'''
"""A model without weights, of a class that nobody else has."""

from dataclasses import replace

from hd2s.models.centre_prior import MODEL as CENTRE_PRIOR
from hd2s.models.fixed_maps import CentrePrior

from own_models import _beside


class CornerPrior(CentrePrior):
    """Answers with the map, moved into a corner."""

    def forward(self, clips, domain=None, *, unlabelled=False):
        found = super().forward(clips, domain, unlabelled=unlabelled)
        return replace(found, saliency=found.saliency.roll(_beside.SHIFT, (2, 3)))


MODEL = replace(CENTRE_PRIOR, word="{WORD}", title="Corner prior", build=CornerPrior)
'''


def write_plugin(parent: Path) -> Path:
    """Write the plug-in's folder, of two files."""
    folder = parent / "own_models"
    folder.mkdir()
    (folder / "corner.py").write_text(_CODE)
    (folder / "_beside.py").write_text("SHIFT = (8, 8)\n")
    return folder


@contextmanager
def own_model_known(folder: Path) -> Iterator[None]:
    """Know the plug-in in this process for a while."""
    with for_a_while():
        try:
            plugins.load([folder])
            yield
        finally:
            for name in [name for name in sys.modules if name.partition(".")[0] == folder.name]:
                del sys.modules[name]
