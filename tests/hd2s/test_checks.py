from __future__ import annotations

import importlib.util
from dataclasses import dataclass

import numpy as np
import pytest

from hd2s.approaches.contract import Learner
from hd2s.approaches.registry import approaches
from hd2s.checks import require_known, settle_types, unknown
from hd2s.models.config import ModelConfig
from hd2s.models.contract import SaliencyModel
from hd2s.models.registry import models


@dataclass(frozen=True)
class Settings:
    length: int = 16
    momentum: float = 0.1
    shared: bool = True
    name: str = "hd2s"
    levels: tuple[int, ...] = (1, 2)
    domains: tuple[str, ...] = ("DHF1K",)


def test_an_unknown_word_is_told_with_its_neighbour_and_with_all_there_are():
    assert unknown("method", "fats", iter(["fast", "plain"])) == (
        "Unknown method fats. Did you mean fast? Available: fast, plain"
    )
    assert unknown("step", "xyz", ["supervised"]) == "Unknown step xyz. Available: supervised"


def test_values_become_plain_ones():
    given = Settings(np.int64(8), np.float32(0.5), False, "x", [np.int32(4)], iter(["a", "b"]))
    assert settle_types(given) == []
    assert given == Settings(8, 0.5, False, "x", (4,), ("a", "b"))
    assert [type(v) for v in (given.length, given.momentum, given.levels[0])] == [int, float, int]


def test_a_whole_number_is_a_float_and_a_float_is_no_whole_number():
    given = Settings(momentum=1)
    assert settle_types(given) == []
    assert type(given.momentum) is float
    assert settle_types(Settings(length=16.0)) == ["length must be int, found 16.0"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"length": "8"}, "length must be int, found '8'"),
        ({"length": True}, "length must be int, found True"),
        ({"shared": 1}, "shared must be bool, found 1"),
        ({"name": 3}, "name must be str, found 3"),
        ({"levels": 3}, "levels must be a list of int, found 3"),
        ({"levels": (1, "2")}, "levels must be int, found '2'"),
        ({"domains": "DHF1K"}, "domains must be a list of str, found 'DHF1K'"),
    ],
)
def test_a_value_of_a_wrong_type_is_named(wrong, said):
    assert settle_types(Settings(**wrong)) == [said]


def test_everything_wrong_is_told_and_the_rest_is_settled():
    given = Settings(length="8", shared=0, levels=[np.int64(3)])
    assert settle_types(given) == ["length must be int, found '8'", "shared must be bool, found 0"]
    assert given.levels == (3,)
    assert type(given.levels[0]) is int


class Offered:
    """What plug-ins fill in."""

    def losses(self):
        """Return nothing."""

    @property
    def features(self):
        """Return nothing."""


def own(folder, body):
    """Return what a file of a plug-in's has made of `Offered`."""
    file = folder / "own.py"
    file.write_text(f"class Own(Offered):\n    {body}\n")
    spec = importlib.util.spec_from_file_location("own", file)
    module = importlib.util.module_from_spec(spec)
    module.Offered = Offered
    spec.loader.exec_module(module)
    return module.Own


_HELPED = "def losses_(self): ...\n    def losses(self): return self.losses_()"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("def losess(self): ...", "`losess` of Own is called by nobody: write losses"),
        ("@property\n    def feature(self): ...", "`feature` of Own is called by nobody: write features"),
        ("def losses(self): ...\n    def losess(self): ...", None),
        (_HELPED, None),
        ("def loss(self): ...", None),
        ("def _losess(self): ...", None),
        ("losess = 3", None),
        ("def losess(self): ...\nOwn().losess()", None),
        ("def delosses(self): ...", None),
        ("def losses_(self): ...\nfound = [getattr(Own, f'{name}_') for name in ('losses',)]", None),
    ],
)
def test_a_method_that_is_nearly_one_that_is_called_is_told(tmp_path, body, said):
    kind = own(tmp_path, body)
    if said is None:
        require_known(kind, Offered)
    else:
        with pytest.raises(ValueError, match=said):
            require_known(kind, Offered)


@pytest.mark.parametrize(
    ("beside", "named"),
    [
        ("import torch\ngetattr(torch, 'compile', None)", False),
        ("import torch\nfor kind in KINDS: getattr(torch.nn.functional, kind)", False),
        ("import torch.nn as layers\nfor kind in KINDS: getattr(layers, kind)", False),
        ("getattr(Own, 'step', None)", False),
        ("for kind in KINDS: getattr(Own, f'{kind}_loss')", False),
        ("for kind in KINDS: getattr(Own, f'los{kind}')", True),
        ("for kind in KINDS: getattr(Own, kind)", True),
        ("for kind in KINDS: getattr(Own, kind + 'ss')", True),
        ("found = list(map(getattr, [], []))", True),
        ("def ask(*of): getattr(*of)", True),
        ("for side in ('height', 'width'): getattr(Own, side)", False),
        ("[getattr(Own, side) for side in ['height']] and {getattr(Own, side) for side in {'width'}}", False),
        ("for kind in ('losess',): getattr(Own, kind)", True),
        ("for side in ('height', ''.join('losess')): getattr(Own, side)", True),
        ("for side in ('height',): side += 's'; getattr(Own, side)", True),
        ("def ask(side):\n    for side in ('height',): ...\n    getattr(Own, side)", True),
        ("from torch import nn\nfor kind in KINDS: getattr(nn, kind)", False),
        ("from torch.nn import functional as F\nfor kind in KINDS: getattr(F, kind)", False),
        ("from . import models\nfor kind in KINDS: getattr(models, kind)", True),
        ("from {package}.own import MODEL as nn\nfor kind in KINDS: getattr(nn, kind)", True),
        ("getattr(Own, 'los' 'ess')", True),
        ("import {package}.own as ours\nfor kind in KINDS: getattr(ours.MODEL, kind)", True),
        ("import {package}.own\nfor kind in KINDS: getattr({package}.own.MODEL, kind)", True),
        ("def f(:  # getattr", True),
    ],
)
def test_only_what_may_ask_for_a_method_by_a_text_keeps_it_from_being_told(tmp_path, beside, named):
    """Any `getattr` of the folder did, also of a name that is written out or of a library."""
    (tmp_path / "beside.py").write_text(beside.replace("{package}", tmp_path.name))
    kind = own(tmp_path, "def losess(self): ...")
    if named:
        require_known(kind, Offered)
    else:
        with pytest.raises(ValueError, match="losess"):
            require_known(kind, Offered)


def test_a_method_that_another_file_of_the_folder_calls_is_taken(tmp_path):
    """A configuration's properties were refused, since its model alone asks for them."""
    (tmp_path / "model.py").write_text("def width(config): return config.feature")
    body = "@property\n    def feature(self): ..."
    require_known(own(tmp_path, body), Offered)


def test_no_method_of_the_projects_own_is_nearly_another():
    for approach in approaches().values():
        require_known(approach.learner.loaded, Learner)
    for model in models().values():
        require_known(model.build.loaded, SaliencyModel)
        require_known(model.config, ModelConfig)
