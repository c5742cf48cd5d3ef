"""What a user may give by mistake, or a disk may have done to it: a plain message, and nothing is started."""

import json
import os
import pickle
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

import run_grid
from manifests import open_manifest, write

SPEC = """
name: small
title: A small grid
metrics: [NSS]
sources: [DHF1K]
targets: [UCFSports]
approaches: [generalization]
"""


@pytest.fixture
def call(demo_out, tmp_path, capsys):
    """Run the command in this process on manifests of one's own, which the demo does not make again."""
    (tmp_path / "small.yaml").write_text(SPEC)
    for word in ("dhf1k", "ucf_sports"):
        shutil.copytree(demo_out / "manifests" / word, tmp_path / word)

    def run(*arguments, grid="small.yaml"):
        places = [f"corpora.DHF1K.manifest={tmp_path / 'dhf1k'}"]
        places += [f"corpora.UCFSports.manifest={tmp_path / 'ucf_sports'}"]
        small = ["model.clip_length=8", "model.height=64", "model.width=64", "model.backbone_weights=none"]
        command = ["--grid", str(tmp_path / grid), "--out", str(tmp_path / "out"), "--plan"]
        status = run_grid.main([*command, *places, *small, *arguments])
        told = capsys.readouterr().err
        assert "Traceback" not in told
        return status, told

    return run


@pytest.mark.slow
def test_without_a_fault_it_is_planned(call):
    assert call() == (0, "")


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def empty(path):
    os.truncate(path, 0)


def other_bytes_in_the_middle(path):
    """The metadata at the end stays sound: it is the rows that cannot be read."""
    content = bytearray(path.read_bytes())
    content[8 : len(content) // 4] = bytes(len(content) // 4 - 8)
    path.write_bytes(content)


def newer_schema(path):
    table = pq.read_table(path)
    meta = json.loads(pq.read_metadata(path).metadata[b"manifest"]) | {"schema_version": 99}
    pq.write_table(table.replace_schema_metadata({"manifest": json.dumps(meta)}), path)


def foreign(path):
    pq.write_table(pa.table({"x": [1]}), path)


def gone(path):
    path.unlink()


@pytest.mark.parametrize("damage", [cut, empty, other_bytes_in_the_middle, newer_schema, foreign, gone])
def test_a_manifest_that_is_none(call, tmp_path, damage):
    damage(tmp_path / "dhf1k" / "clips.parquet")
    status, told = call()
    assert status == 2
    assert "clips.parquet: expected" in told
    assert "Index the corpus again" in told or "python -m datasets index dhf1k --root DIR" in told


@pytest.mark.parametrize("damage", [cut, empty, newer_schema, foreign, gone])
def test_fixations_that_are_none(call, tmp_path, damage):
    damage(tmp_path / "ucf_sports" / "fixations.parquet")
    status, told = call()
    assert status == 2
    assert "fixations.parquet: expected" in told
    assert "python -m datasets index ucf_sports --root DIR" in told


def test_a_corpus_that_moved(call, tmp_path):
    status, told = call(f"corpora.DHF1K.root={tmp_path / 'elsewhere'}")
    assert status == 2
    assert "corpora.DHF1K.root=DIR" in told


def test_a_corpus_without_test_clips(call, tmp_path):
    folder = tmp_path / "ucf_sports"
    manifest = open_manifest(folder)
    clips = [clip for clip in manifest.clips() if clip.split != "test"]
    shutil.rmtree(folder)
    write(folder, manifest.corpus, manifest.root, clips, {})
    status, told = call()
    assert status == 2
    assert "UCFSports, split test: expected clips with fixations, found 0 clips" in told


def test_a_window_longer_than_every_clip(call):
    status, told = call("model.clip_length=800")
    assert status == 2
    assert "split train: expected clips of 800 frames, found none" in told
    assert "lower model.clip_length" in told


class _Code:
    """Unpickled by a careless reader, this would make a file."""

    def __reduce__(self):
        return Path.touch, (Path("code-ran"),)


@pytest.mark.parametrize("kind", ["text", "empty", "code", "bare code", "another network"])
def test_initial_weights_that_are_none(call, tmp_path, kind, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "s3d.pt"
    if kind == "another network":
        torch.save(torch.nn.Linear(3, 3).state_dict(), path)
    elif kind == "code":
        torch.save({"base.0": _Code()}, path)
    else:
        path.write_bytes({"text": b"no weights", "empty": b"", "bare code": pickle.dumps(_Code())}[kind])
    status, told = call(f"model.backbone_weights={path}")
    assert status == 2
    assert "model.backbone_weights: expected S3D on Kinetics-400" in told
    assert str(path) in told
    assert not (tmp_path / "code-ran").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SPEC.replace("[NSS]", "NSS"), "expected metrics: a list of words, found 'NSS'"),
        (SPEC.replace("[DHF1K]", "[DHF1K, DHF1K]"), "expected sources: each word once, found DHF1K"),
        (SPEC + "colour: red\n", "expected a known key, found 'colour'"),
        (SPEC + "sources: [LEDOV]\n", "expected a readable YAML file"),
        (SPEC.replace("name: small", "name: ../../small"), "expected name: letters, digits, _ and -"),
        (SPEC.replace("name: small", "name: /etc/small"), "expected name: letters, digits, _ and -"),
        (SPEC.replace("[DHF1K]", "[../DHF1K]"), "expected corpora with manifests, found '../DHF1K'"),
        ("tables: [table5, table5]\n", "expected each table once, found table5"),
        ("tables: [../../../etc/passwd]\n", "expected the name of a grid or the path of a YAML file"),
        ("\tname: [", "expected a readable YAML file"),
        ("", "expected a mapping of keys to values, found nothing"),
    ],
)
def test_a_grid_that_is_none(call, tmp_path, text, told):
    (tmp_path / "other.yaml").write_text(text)
    status, message = call(grid="other.yaml")
    assert status == 2
    assert told in message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "override", ["seeds={}", "train.lr=[", "train.lr='\x1f'", "model=3", "train.lr=${x}", "=", "a"]
)
def test_a_setting_that_is_none(call, override):
    status, told = call(override)
    assert status == 2
    assert "expected" in told
