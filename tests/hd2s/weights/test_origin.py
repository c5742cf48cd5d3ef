"""What checkpoints and states say of themselves, whoever may have damaged them."""

import os

import pytest
import torch

from hd2s import build_model, save_weights
from hd2s.weights.origin import Origin, origin_of


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "model.pt"
    return path, save_weights(build_model("centre_prior", seed=0), path, training="hd2s-0123")


def test_a_checkpoint_says_whose_it_is_and_what_its_tensors_were(checkpoint):
    path, digest = checkpoint
    assert origin_of(path) == ("hd2s-0123", digest)


def test_a_checkpoint_of_no_training_says_so(tmp_path):
    digest = save_weights(build_model("centre_prior", seed=0), tmp_path / "model.pt")
    assert origin_of(tmp_path / "model.pt") == ("", digest)


def test_a_state_does_so_too(tmp_path):
    state = {"learner": {"w": torch.zeros(3)}, "progress": {"step": 1}, "training": "t", "digest": "d"}
    torch.save(state, tmp_path / "state.pt")
    assert origin_of(tmp_path / "state.pt") == ("t", "d")


def test_what_says_nothing_or_is_damaged_has_none(checkpoint, tmp_path):
    path, _ = checkpoint
    torch.save({"a": torch.zeros(2)}, tmp_path / "other.pt")
    (tmp_path / "text.pt").write_text("weights")
    os.truncate(path, path.stat().st_size // 2)
    for name in ("other.pt", "text.pt", "model.pt", "none.pt"):
        assert origin_of(tmp_path / name) == Origin()


@pytest.mark.parametrize("place", [4, 6, 8])
def test_one_without_a_bit_of_its_zip_has_none(checkpoint, place):
    """The version that is needed, the flags and the way of compression of an entry."""
    path, _ = checkpoint
    content = bytearray(path.read_bytes())
    central = content.index(b"PK\x01\x02")
    content[central + 2 + place] ^= 0xFF
    path.write_bytes(content)
    assert origin_of(path) == Origin()


def test_a_file_is_read_again_when_another_lies_in_its_place(checkpoint, tmp_path, monkeypatch):
    path, digest = checkpoint
    assert origin_of(path) == ("hd2s-0123", digest)
    with monkeypatch.context() as patched:
        patched.setattr("zipfile.ZipFile", lambda *given: pytest.fail("an unchanged file was read again"))
        assert origin_of(path) == ("hd2s-0123", digest)
    other = tmp_path / "other.pt"
    save_weights(build_model("centre_prior", seed=0), other, training="hd2s-4567")
    before = path.stat()
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    assert origin_of(path).training == "hd2s-4567"


def test_a_disk_that_does_not_answer_once_is_asked_again(checkpoint, monkeypatch):
    path, digest = checkpoint

    def silent(*given):
        raise OSError("no answer")

    with monkeypatch.context() as patched:
        patched.setattr("zipfile.ZipFile", silent)
        assert origin_of(path) == Origin()
    assert origin_of(path) == ("hd2s-0123", digest)
