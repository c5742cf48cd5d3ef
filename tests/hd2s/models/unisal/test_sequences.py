"""What UNISAL is given."""

import pytest
import torch

from hd2s.models.unisal.sequences import check_sequences, normalised
from tests.hd2s.models.unisal.small_unisal import clips


def test_clips_are_normalised_to_the_last_bit_without_a_copy_to_their_device(monkeypatch):
    """A GPU would be waited for."""
    given = clips(2, 3)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = ((given.float() / 255 - mean) / deviation).permute(0, 4, 1, 2, 3)
    monkeypatch.setattr(torch, "tensor", None)
    assert torch.equal(normalised(given), expected)


@pytest.mark.parametrize("shape", [(1, 3, 2, 32, 33), (1, 1, 2, 32, 32), (3, 2, 32, 32), (1, 3, 0, 32, 32)])
def test_other_sequences_are_refused_with_the_way_out(shape):
    with pytest.raises(ValueError, match=r"divisible by 32, found .* resize them"):
        check_sequences(torch.zeros(shape))
