import pytest
import torch
from torch.nn import functional as F

from hd2s.models.tased.unpooling import auxiliary_places, pool_places, unpool

CUDA = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"))
POOLS = [(2, 2, 0), (3, 2, 1)]


def features(*shape, seed=0):
    """Return values with many equal maxima: half of them are 0, as behind a ReLU."""
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return values.relu().requires_grad_()


@pytest.mark.parametrize("pool", POOLS)
def test_places_are_those_of_the_3d_pool(pool):
    k, s, p = pool
    x = features(2, 3, 4, 8, 6)
    expected, flat = F.max_pool3d(x, (1, k, k), (1, s, s), (0, p, p), return_indices=True)
    pooled, places = pool_places(x, *pool)
    assert torch.equal(pooled, expected)
    step = torch.arange(4)[:, None, None]
    assert torch.equal(places + step * 48, flat)


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("pool", POOLS)
def test_unpooling_and_its_gradient_are_those_of_pytorch_on_a_processor(pool, device):
    k, s, p = pool
    like = features(2, 3, 4, 8, 6)
    _, flat = F.max_pool3d(like, (1, k, k), (1, s, s), (0, p, p), return_indices=True)
    _, places = pool_places(like, *pool)
    x = torch.randn(2, 3, 4, 4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x.requires_grad_()
    options = {
        "kernel_size": (1, k, k),
        "stride": (1, s, s),
        "padding": (0, p, p),
        "output_size": like.shape[2:],
    }
    expected = F.max_unpool3d(x, flat, **options)
    found = unpool(x.to(device), places.to(device), (8, 6)).cpu()
    assert torch.equal(found, expected)
    upstream = features(*expected.shape, seed=2).detach()
    ours, theirs = (torch.autograd.grad(each, x, upstream)[0] for each in (found, expected))
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("device", ["cpu", CUDA])
def test_the_last_of_several_cells_at_one_place_wins_and_all_have_its_gradient(device):
    places = torch.tensor([[5, 5], [5, 0]], device=device).expand(1, 1, 1, 2, 2)
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)[None, None, None].requires_grad_()
    found = unpool(x, places, (2, 3))
    assert found.tolist() == [[[[[4, 0, 0], [0, 0, 3]]]]]
    found.backward(torch.arange(10.0, 16.0, device=device).view(found.shape))
    assert x.grad.tolist() == [[[[[15, 15], [15, 10]]]]]


def test_auxiliary_places_are_of_maxima_over_four_steps():
    """Sect. 3.3: switches in the reduced time."""
    x = features(1, 2, 8, 8, 8)
    expected = pool_places(x.detach().unflatten(2, (2, 4)).amax(3), 3, 2, 1)[1]
    assert torch.equal(auxiliary_places(x), expected)
