"""The option by which commands take models from outside the project."""

import argparse

import pytest

from hd2s.commands.plugins import add_plugins, register_plugins
from hd2s.models.registry import build_model, models
from manifests.plugins import digest, python_files
from manifests.problem import ProblemError

SOURCE = """
from hd2s.models.centre_prior import OneFrameConfig
from hd2s.models.fixed_maps import CentrePrior
from hd2s.models.declaration import Model

MODEL = Model("of_a_folder", "Of a folder", OneFrameConfig, CentrePrior)
"""


def test_folders_are_named_as_often_as_wanted(tmp_path):
    parser = argparse.ArgumentParser()
    add_plugins(parser)
    assert parser.parse_args([]).plugins == []
    folders = [tmp_path / "first_folder", tmp_path / "second_folder"]
    for folder in folders:
        folder.mkdir()
        (folder / "file.py").write_text(SOURCE if folder is folders[0] else "")
    given = parser.parse_args([part for folder in folders for part in ("--plugins", str(folder))])
    assert register_plugins(given.plugins) == {digest(python_files(folder), "file.py") for folder in folders}
    assert "of_a_folder" in models()
    assert build_model("of_a_folder", height=4, width=6).prior.shape == (4, 6)


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ProblemError, match="expected a folder of Python files, found nothing"):
        register_plugins([tmp_path / "nowhere"])
