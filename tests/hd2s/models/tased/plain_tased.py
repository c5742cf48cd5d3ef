"""The released layout, and TASED-Net written plainly on it: what the model is checked against."""

import json
import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

_NORM_ENTRIES = ("weight", "bias", "running_mean", "running_var")


def published_shapes() -> dict[str, tuple[int, ...]]:
    """Return name → shape of the released state dict."""
    return {
        n: tuple(s) for n, s in json.loads(Path(__file__).with_name("published.json").read_text()).items()
    }


def random_state(seed: int = 0) -> dict[str, Tensor]:
    """Fill the released layout with values under which signals neither die nor explode."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in published_shapes().items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.randint(1000, (), generator=generator)
        elif name.endswith("running_var"):
            state[name] = torch.rand(shape, generator=generator) + 0.5
        elif len(shape) == 1:
            low = 0.8 if name.endswith("weight") else -0.2
            state[name] = torch.rand(shape, generator=generator) * 0.4 + low
        else:
            state[name] = torch.randn(shape, generator=generator) * (2 / math.prod(shape[1:])) ** 0.5
    return state


class PlainTased:
    """TASED-Net as 3-D operations on a state dict in the released layout, one call per layer.

    Its batch norms' statistics are the state's, or in training the batch's.
    """

    def __init__(self, state: dict[str, Tensor], *, training: bool = False):
        self.state, self.training = {name: tensor.double() for name, tensor in state.items()}, training

    def norm(self, x, name):
        weight, bias, mean, variance = (self.state[f"{name}.{entry}"] for entry in _NORM_ENTRIES)
        mean, variance = (mean.clone(), variance.clone()) if self.training else (mean, variance)
        return F.batch_norm(x, mean, variance, weight, bias, self.training, eps=1e-3).relu()

    def conv(self, x, name, norm, stride=1):
        weight = self.state[f"{name}.weight"]
        return self.norm(F.conv3d(x, weight, None, stride, [k // 2 for k in weight.shape[2:]]), norm)

    def unit(self, x, name, stride=1):
        return self.conv(x, f"{name}.conv", f"{name}.bn", stride)

    def separable(self, x, name, stride=1):
        x = self.conv(x, f"{name}.conv_s", f"{name}.bn_s", (1, stride, stride))
        return self.conv(x, f"{name}.conv_t", f"{name}.bn_t", (stride, 1, 1))

    def mixed(self, x, name):
        def branch(number):
            return self.separable(self.unit(x, f"{name}.branch{number}.0"), f"{name}.branch{number}.1")

        pooled = self.unit(F.max_pool3d(x, 3, 1, 1), f"{name}.branch3.1")
        return torch.cat([self.unit(x, f"{name}.branch0.0"), branch(1), branch(2), pooled], 1)

    def transposed(self, x, name, norm, stride, padding):
        x = F.conv_transpose3d(
            x, self.state[f"{name}.weight"], None, (1, stride, stride), (0, padding, padding)
        )
        return self.norm(x, norm) if norm else x

    def encode(self, x):
        x = F.max_pool3d(self.separable(x, "base1.0", 2), (1, 3, 3), (1, 2, 2), (0, 1, 1))
        y3 = self.separable(self.unit(x, "base1.2"), "base1.3")
        x = F.max_pool3d(y3, (1, 3, 3), (1, 2, 2), (0, 1, 1))
        y2 = self.mixed(self.mixed(x, "base2.0"), "base2.1")
        x = F.max_pool3d(y2, 3, 2, 1)
        for i in range(5):
            x = self.mixed(x, f"base3.{i}")
        y1 = F.max_pool3d(x, (2, 1, 1), (2, 1, 1))
        x, i0 = F.max_pool3d(y1, (1, 2, 2), (1, 2, 2), return_indices=True)
        return self.mixed(self.mixed(x, "base4.0"), "base4.1"), i0, y2, y3

    def __call__(self, clips):
        x, i0, y2, y3 = self.encode(clips)
        pooled = [F.max_pool3d(y, (4, 1, 1), (4, 1, 1)) for y in (y2, y3)]
        overlapping = ((1, 3, 3), (1, 2, 2), (0, 1, 1))
        i1, i2 = (F.max_pool3d(y, *overlapping, return_indices=True)[1] for y in pooled)
        x = self.transposed(self.conv(x, "convtsp1.0", "convtsp1.1"), "convtsp1.3", "convtsp1.4", 1, 1)
        x = F.max_unpool3d(x, i0, (1, 2, 2), (1, 2, 2))
        for number, indices, like in ((2, i1, pooled[0]), (3, i2, pooled[1])):
            x = self.transposed(x, f"convtsp{number}.0", f"convtsp{number}.1", 1, 1)
            x = F.max_unpool3d(x, indices, *overlapping, output_size=like.shape[2:])
        x = self.transposed(x, "convtsp4.0", "convtsp4.1", 2, 1)
        x = self.norm(F.conv3d(x, self.state["convtsp4.3.weight"], None, (2, 1, 1)), "convtsp4.4")
        x = self.transposed(x, "convtsp4.6", "convtsp4.7", 1, 0)
        weight = self.state["convtsp4.9.weight"]
        x = self.norm(F.conv3d(x, weight, None, (weight.shape[2], 1, 1)), "convtsp4.10")
        x = self.transposed(x, "convtsp4.12", None, 2, 1)
        x = F.conv3d(x, self.state["convtsp4.13.weight"], self.state["convtsp4.13.bias"])
        return x.sigmoid()[:, :, 0]
