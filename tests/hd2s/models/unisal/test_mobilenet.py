import torch

from hd2s.layers.initialisation import initialise
from hd2s.models.unisal.mobilenet import MobileNetV2
from tests.hd2s.models.small_models import settle


def encoder():
    net = MobileNetV2()
    initialise(net, 0)
    return settle(net).eval()


def test_its_size_and_shapes_are_the_papers():
    net = encoder()
    assert sum(p.numel() for p in net.parameters()) == 2_223_872
    with torch.no_grad():
        quarter, half, encoded = net(torch.rand(1, 3, 64, 96))
    assert (quarter.shape, half.shape, encoded.shape) == ((1, 64, 8, 12), (1, 160, 4, 6), (1, 1280, 2, 3))


def test_strided_it_is_the_ordinary_network():
    """In evaluation what a tapped layer computes on the whole grid holds what a strided one computes."""
    net = encoder().double()
    generator = torch.Generator().manual_seed(0)
    frames = torch.rand(1, 3, 64, 64, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        expected = net(frames).encoded
        for layer in net.features:
            if getattr(layer, "tapped", False):
                layer.depthwise.conv.stride, layer.tapped = (2, 2), False
        x = frames
        for layer in net.features:
            x = layer(x)
    torch.testing.assert_close(x, expected, rtol=0, atol=1e-11)


def test_what_is_tapped_is_the_end_of_a_stage_before_its_stride():
    assert [i for i, layer in enumerate(MobileNetV2().features) if getattr(layer, "tapped", False)] == [7, 14]
