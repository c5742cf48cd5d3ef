import pytest
import torch

from hd2s.weights.tensor_files import TensorFileError, read_tensors


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "tensors.pt"
    torch.save({"a": torch.arange(1000.0), "b": [1, "x"]}, path)
    return path


@pytest.mark.parametrize("zipped", [True, False])
def test_files_of_every_age_are_read(path, zipped):
    torch.save({"a": torch.arange(3)}, path, _use_new_zipfile_serialization=zipped)
    assert read_tensors(path)["a"].tolist() == [0, 1, 2]


def test_a_changed_byte_of_a_tensor_is_noticed(path):
    content = bytearray(path.read_bytes())
    at = content.index(torch.arange(1000.0).numpy().tobytes()) + 1000
    content[at] ^= 1
    path.write_bytes(content)
    assert torch.load(path, weights_only=True)["a"].shape == (1000,), "PyTorch does not notice"
    with pytest.raises(TensorFileError, match=r"is damaged|Bad CRC"):
        read_tensors(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(TensorFileError, match="No such file"):
        read_tensors(tmp_path / "missing.pt")


def test_what_would_run_code_is_not_advised(path):
    torch.save({"a": torch.nn.Linear(1, 1)}, path)
    with pytest.raises(TensorFileError, match=r"^it holds something else$"):
        read_tensors(path)
