import torch

from hd2s.layers.precision import full_precision

CPU = torch.device("cpu")


def test_autocast_is_suspended_and_comes_back():
    a, b = torch.rand(3, 4), torch.rand(4, 5)
    with torch.autocast("cpu", torch.bfloat16):
        assert (a @ b).dtype == torch.bfloat16
        with full_precision(CPU):
            assert torch.equal(a @ b, torch.mm(a, b))
            assert (a @ b).dtype == torch.float32
        assert (a @ b).dtype == torch.bfloat16


def test_a_device_without_autocast_has_nothing_to_suspend():
    with full_precision(torch.device("meta")):
        assert (torch.empty(2, 2, device="meta") @ torch.empty(2, 2, device="meta")).dtype == torch.float32
