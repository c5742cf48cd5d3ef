import torch

from hd2s.models.unisal.config import UnisalConfig
from hd2s.models.unisal.decoder import Decoding, PostCNN, SkipConnection, doubled, joined

FOUR = UnisalConfig(domains=("DHF1K", "Hollywood2", "UCFSports", "SALICON"))


def size(module):
    return sum(p.numel() for p in module.parameters())


def test_parts_have_the_released_sizes():
    assert size(PostCNN(1296, 256, 0.01)) == 346_544
    assert size(SkipConnection(FOUR, 160, 320, 128)) == 95_872
    assert size(SkipConnection(FOUR, 64, 128, 64)) == 17_984
    assert size(Decoding(FOUR, 384, 128)) == 413_440
    assert size(Decoding(FOUR, 192, 64)) == 108_416


def test_doubling_interpolates_between_centres():
    x = torch.arange(4.0).view(1, 1, 1, 4).expand(1, 1, 2, 4)
    expected = torch.tensor([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])
    torch.testing.assert_close(doubled(x), expected.expand(1, 1, 4, 8))


def test_the_decoder_goes_before_what_joins_it():
    deep, shallow = torch.zeros(1, 2, 1, 1), torch.ones(1, 3, 1, 1)
    assert joined([deep, shallow]).flatten().tolist() == [0, 0, 1, 1, 1]
    assert joined([deep]) is deep
