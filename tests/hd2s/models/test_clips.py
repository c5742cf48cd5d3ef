import pytest
import torch

from hd2s.models.clips import check_bytes, check_clips
from hd2s.models.config import Input


def test_clips_are_bytes_of_three_colours():
    check_bytes(torch.zeros(1, 2, 4, 5, 3, dtype=torch.uint8))
    for wrong in (torch.zeros(1, 2, 4, 5, 3), torch.zeros(1, 2, 3, 4, 5, dtype=torch.uint8)):
        with pytest.raises(ValueError, match=r"expected clips uint8 \(B, T, H, W, 3\)"):
            check_bytes(wrong)


def test_clips_have_the_model_s_size():
    check_clips(torch.zeros(7, 3, 2, 4, 5), Input(2, 4, 5))
    for wrong in (torch.zeros(7, 3, 1, 4, 5), torch.zeros(7, 3, 2, 5, 4), torch.zeros(3, 2, 4, 5)):
        with pytest.raises(ValueError, match="resize them, or build it with their size"):
            check_clips(wrong, Input(2, 4, 5))
