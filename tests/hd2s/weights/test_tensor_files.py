"""What is read of a file that holds tensors, and of one that is damaged or holds something else."""

import pytest
import torch

from hd2s.weights.tensor_files import TensorFileError, read_tensors

CONTENT = {"weight": torch.arange(4000.0).view(50, 80), "names": ["a", "b"], "step": 7}


@pytest.fixture
def path(tmp_path):
    torch.save(CONTENT, tmp_path / "tensors.pt")
    return tmp_path / "tensors.pt"


class _Code:
    """Unpickled by a careless reader, this would run a command."""

    def __reduce__(self):
        return print, ("code ran",)


@pytest.mark.parametrize("in_zip", [True, False], ids=["today's form", "the form before PyTorch 1.6"])
def test_tensors_and_plain_containers_come_back(tmp_path, in_zip):
    path = tmp_path / "tensors.pt"
    torch.save(CONTENT, path, _use_new_zipfile_serialization=in_zip)
    found = read_tensors(path)
    assert torch.equal(found["weight"], CONTENT["weight"])
    assert (found["names"], found["step"]) == (["a", "b"], 7)
    assert found["weight"].device.type == "cpu"


def test_every_bit_of_a_tensor_is_verified(path):
    content = bytearray(path.read_bytes())
    at = content.index(CONTENT["weight"].numpy().tobytes()) + 8000
    for bit in (0, 5):
        damaged = bytearray(content)
        damaged[at] ^= 1 << bit
        path.write_bytes(damaged)
        with pytest.raises(TensorFileError, match=r"data/0 in it is damaged"):
            read_tensors(path)
    path.write_bytes(content)
    assert torch.equal(read_tensors(path)["weight"], CONTENT["weight"])


def test_an_entry_that_claims_to_be_a_folder_is_damaged(path):
    """PyTorch returns memory as it finds it for such a one."""
    content = bytearray(path.read_bytes())
    at = content.rindex(b"/data/0")  # in the ZIP's directory, after 46 bytes of the entry's own
    start = content.rindex(b"PK\x01\x02", 0, at)
    content[start + 38] |= 0x10
    path.write_bytes(content)
    with pytest.raises(TensorFileError, match=r"data/0 in it is damaged"):
        read_tensors(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_is_told(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(TensorFileError) as error:
        read_tensors(path)
    assert str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("in_zip", [True, False])
def test_code_is_not_run(tmp_path, capsys, in_zip):
    torch.save({"state": _Code()}, tmp_path / "code.pt", _use_new_zipfile_serialization=in_zip)
    with pytest.raises(TensorFileError, match=r"^it holds something else$"):
        read_tensors(tmp_path / "code.pt")
    assert "code ran" not in capsys.readouterr().out


def test_other_files_and_none_are_told(tmp_path):
    (tmp_path / "notes.txt").write_text("not tensors")
    for name in ("notes.txt", "none.pt", "."):
        with pytest.raises(TensorFileError):
            read_tensors(tmp_path / name)
    (tmp_path / "notes.txt").write_text("hi")
    with pytest.raises(TensorFileError, match=r"^it holds something else$"):
        read_tensors(tmp_path / "notes.txt")


def test_containers_without_an_end_are_told(tmp_path):
    itself: dict = {"state_dict": {"weight": torch.ones(2)}}
    itself["model"] = itself
    deep: list = []
    for _ in range(200):
        deep = [deep]
    for content in (itself, deep):
        torch.save(content, tmp_path / "x.pt")
        with pytest.raises(TensorFileError, match="it holds itself, or containers in containers"):
            read_tensors(tmp_path / "x.pt")
