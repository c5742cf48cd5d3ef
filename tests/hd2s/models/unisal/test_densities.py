"""Log-densities: of logits at another size, and of maps that an approach has changed."""

import torch

from hd2s.models.contract import Prediction
from hd2s.models.unisal.densities import log_density_in, log_density_of


def test_logits_of_any_size_become_densities_that_sum_to_one():
    logits = torch.randn(2, 1, 4, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for size in ((4, 6), (7, 9)):
        found = log_density_of(logits, size)
        assert found.shape == (2, *size)
        torch.testing.assert_close(found.exp().sum((1, 2)), torch.ones(2, dtype=torch.float64))
    shift = log_density_of(logits, (4, 6)) - logits[:, 0]
    torch.testing.assert_close(shift, shift[:, :1, :1].expand_as(shift))


def test_a_map_that_is_no_density_is_made_one_even_where_it_is_0():
    maps = torch.tensor([[[[0.0, 3.0], [1.0, 0.0]]]])
    found = log_density_in(Prediction(maps))
    torch.testing.assert_close(found.exp(), maps / 4)
    assert found.isfinite().all()
    assert log_density_in(Prediction(maps, log_density=found)) is found
