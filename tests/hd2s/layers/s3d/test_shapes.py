import torch

from hd2s.layers.s3d.network import S3D
from hd2s.layers.s3d.shapes import feature_shapes


def test_taps_have_the_papers_shapes():
    paper = {1: (192, 8, 16, 24), 2: (480, 4, 8, 12), 3: (832, 2, 4, 6), 4: (1024, 2, 4, 6)}
    assert feature_shapes(16, 128, 192) == paper
    with torch.device("meta"):
        taps = S3D(bn_momentum=0.001)(torch.empty(1, 3, 16, 128, 192))
    assert {level: tuple(tap.shape[1:]) for level, tap in taps.items()} == paper
