"""Grids and settings bent out of shape: whatever they hold, they are read or answered with problems."""

import json
import re

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from grid.specs import grid_reader as spec
from grid.specs import settings_reader, settings_schema
from grid.specs.settings import Config
from grid.specs.table import GridSpec
from manifests.problem import ProblemError

SOUND = {
    "name": "small",
    "title": "A small grid",
    "metrics": ["NSS", "CC"],
    "sources": ["DHF1K", "UCFSports"],
    "targets": ["Hollywood2"],
    "tests": ["target"],
    "approaches": ["generalization", "adaptation"],
    "variants": {"": {}, "single": {"train.multi_level": False}},
    "sweep": {"train.lr": [0.001, 0.0001]},
    "overrides": {"train.iterations": 10},
    "seeds": [0, 1],
}
WORDS = st.sampled_from(
    [
        *SOUND,
        "source",
        "adaptation",
        "../../etc/passwd",
        "/absolute",
        "",
        " ",
        "${oc.env:HOME}",
        "${a}",
        "???",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.integers(), inner, max_size=3),
    max_leaves=6,
)
MANY = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def read(path):
    """A spec or problems; whatever else is raised fails the test. A spec's names are those of plain files."""
    try:
        found = spec.load(str(path))
    except ProblemError as error:
        assert error.problems
        return None
    assert isinstance(found, GridSpec)
    for name in (found.name, *(table.name for table in found.tables)):
        assert re.fullmatch(r"[\w-]+", name), name
    return found


@given(
    changes=st.dictionaries(WORDS, VALUES, max_size=3),
    without=st.sets(st.sampled_from(list(SOUND)), max_size=2),
)
@MANY
def test_a_table_with_other_keys_and_values(tmp_path, changes, without):
    content = {key: value for key, value in (SOUND | changes).items() if key not in without or key in changes}
    path = tmp_path / "grid.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    read(path)


@given(name=VALUES, tables=VALUES | st.lists(st.just(SOUND) | WORDS, max_size=3))
@example(name="../outside", tables=[SOUND])
@example(name="family", tables=[SOUND, SOUND])
@example(name="family", tables=["grid.yaml"])
@MANY
def test_a_family_of_anything(tmp_path, name, tables):
    path = tmp_path / "grid.yaml"
    path.write_text(yaml.safe_dump({"name": name, "tables": tables}, allow_unicode=True), encoding="utf-8")
    read(path)


@given(data=st.data())
@MANY
def test_a_file_with_bytes_cut_out_and_put_in(tmp_path, data):
    content = bytearray(yaml.safe_dump(SOUND).encode())
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(start + 40, len(content))))
    content[start:end] = data.draw(
        st.binary(max_size=8) | st.sampled_from([b"&a", b"*a", b"!!python/x", b"{", b"[["])
    )
    path = tmp_path / "grid.yaml"
    path.write_bytes(content)
    read(path)


SETTINGS = settings_reader._laid_under(settings_reader._under("hd2s", {}, demo=False))
KEYS = [key for key in settings_schema._keys(SETTINGS) if not key.startswith("corpora")]


@given(
    st.lists(
        st.builds(
            "{}={}".format, st.sampled_from(KEYS) | WORDS, VALUES.map(lambda v: json.dumps(v, default=str))
        )
        | st.text(max_size=20),
        max_size=3,
    )
)
@MANY
@pytest.mark.slow
def test_settings_of_anything(overrides):
    try:
        found = settings_reader.load(overrides, demo=True)
    except ProblemError as error:
        assert error.problems
    else:
        assert isinstance(found, Config)


@pytest.mark.parametrize("name", ["../outside", "a/b", "", "a b"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path, name):
    for content in (SOUND | {"name": name}, {"name": name, "tables": [SOUND]}):
        path = tmp_path / "grid.yaml"
        path.write_text(yaml.safe_dump(content))
        with pytest.raises(ProblemError, match="name: letters, digits"):
            spec.load(str(path))
