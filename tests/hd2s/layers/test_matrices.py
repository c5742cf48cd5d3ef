import numpy as np
import pytest
import torch

from hd2s.filters import cosine_matrix, gaussian_matrix
from hd2s.layers.matrices import add_mixed, mix_channels, on_device

CPU = torch.device("cpu")


def test_a_matrix_is_copied_once_for_each_filter_dtype_and_device():
    calls = []

    def make(n, factor):
        calls.append((n, factor))
        return np.eye(n) * factor

    first = on_device(make, 3, 0.1, dtype=torch.float32, device=CPU)
    assert on_device(make, 3, 0.1, dtype=torch.float32, device=CPU) is first
    assert first.equal(torch.eye(3, dtype=torch.float64).mul(0.1).float())
    assert on_device(make, 3, 0.1, dtype=torch.float64, device=CPU).dtype == torch.float64
    assert on_device(make, 3, 0.1, dtype=torch.float32, device=torch.device("meta")).is_meta
    assert on_device(make, 3, 0.2, dtype=torch.float32, device=CPU)[0, 0] == np.float32(0.2)
    assert calls == [(3, 0.1)] * 3 + [(3, 0.2)]


def test_a_matrix_made_in_inference_mode_can_be_part_of_a_gradient():
    def make(n):
        return cosine_matrix(n)

    with torch.inference_mode():
        on_device(make, 4, dtype=torch.float64, device=CPU)
    weight = torch.ones(4, dtype=torch.float64, requires_grad=True)
    (on_device(make, 4, dtype=torch.float64, device=CPU) @ weight).sum().backward()
    np.testing.assert_array_equal(weight.grad, cosine_matrix(4).sum(0))


def test_a_filter_of_another_width_is_another():
    wide, narrow = (
        on_device(gaussian_matrix, 9, sigma, dtype=torch.float32, device=CPU) for sigma in (2.0, 1.0)
    )
    assert not wide.equal(narrow)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("places", [(16,), (2, 4, 6), (3, 5), (7, 64)], ids=str)
def test_channels_are_mixed_as_by_a_product(places, dtype):
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(-8, 9, (*places, 6), generator=generator).to(dtype)
    matrix = torch.randint(-8, 9, (6, 5), generator=generator).to(dtype)
    mixed = mix_channels(x, matrix)
    expected = torch.einsum("...c,co->...o", x.double(), matrix.double())
    assert mixed.dtype == dtype
    assert mixed.is_contiguous()
    assert mixed.equal(expected.to(dtype)), "sums of small whole numbers are exact"
    torch.testing.assert_close(mix_channels(x.mT.contiguous().mT, matrix), mixed, rtol=0, atol=0)
    total = torch.randint(-8, 9, (3, *places, 5), generator=generator).to(dtype)
    before = total.clone()
    add_mixed(total[1], x, matrix)
    assert total[1].equal((before[1].double() + expected).to(dtype))
    assert total[::2].equal(before[::2])
