"""The released layout, and HD2S written plainly on it: what the model is checked against."""

import json
import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

_NORM_ENTRIES = ("weight", "bias", "running_mean", "running_var")


def published_shapes(kind: str) -> dict[str, tuple[int, ...]]:
    """Return name → shape of a state dict: "hd2s", "hd2s_da", "hd2s_dsl", "kinetics" or "torchvision"."""
    layout = json.loads(Path(__file__).with_name("published_layout.json").read_text())
    if kind == "hd2s_dsl":
        shared = {n: c for n, c in layout["hd2s"]["norms"].items() if not n.startswith("decoder")}
        layout["hd2s"]["norms"] = shared
        layout["hd2s"]["tensors"] = {
            n: s for n, s in layout["hd2s"]["tensors"].items() if not n.startswith("last_conv")
        }
    shapes = {}
    for part in ("hd2s", kind) if kind in ("hd2s_da", "hd2s_dsl") else (kind,):
        for name, channels in layout[part]["norms"].items():
            shapes |= {f"{name}.{entry}": (channels,) for entry in _NORM_ENTRIES}
            shapes[f"{name}.num_batches_tracked"] = ()
        shapes |= {n: tuple(int(d) for d in s.split("×") if d) for n, s in layout[part]["tensors"].items()}
    return shapes


def random_state(kind: str, seed: int = 0) -> dict[str, Tensor]:
    """Fill the released layout with values under which signals neither die nor explode."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in published_shapes(kind).items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.randint(1000, (), generator=generator)
        elif name.endswith("sigma"):
            state[name] = torch.rand(shape, generator=generator) * 4 + 2
        elif name.endswith("running_var"):
            state[name] = torch.rand(shape, generator=generator) + 0.5
        elif len(shape) == 1:
            state[name] = torch.rand(shape, generator=generator) * 0.4 + (
                0.8 if name.endswith("weight") else -0.2
            )
        else:
            fan_in = math.prod(shape[1:])
            state[name] = torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5
    return state


class PlainHD2S:
    """HD2S in evaluation as 3-D operations on a state dict in the released layout, one call per layer."""

    def __init__(self, state: dict[str, Tensor], domain: str | None = None):
        self.state, self.domain_name = {name: tensor.double() for name, tensor in state.items()}, domain

    def conv(self, x, conv, norm, stride=1, *, eps=1e-3, groups=1):
        weight = self.state[f"{conv}.weight"]
        padding = [k // 2 for k in weight.shape[2:]]
        convolve = F.conv3d if weight.dim() == 5 else F.conv2d
        x = convolve(x, weight, self.state.get(f"{conv}.bias"), stride, padding, groups=groups)
        return self.norm(x, norm, eps)

    def norm(self, x, name, eps):
        if self.domain_name and f"{name}.bn_{self.domain_name}.weight" in self.state:
            name, eps = f"{name}.bn_{self.domain_name}", 1e-5
        weight, bias, mean, variance = (self.state[f"{name}.{entry}"] for entry in _NORM_ENTRIES)
        return F.batch_norm(x, mean, variance, weight, bias, eps=eps).relu()

    def basic(self, x, name, stride=1):
        return self.conv(x, f"{name}.conv", f"{name}.bn", stride)

    def separable(self, x, name, stride=1):
        x = self.conv(x, f"{name}.conv_s", f"{name}.bn_s", (1, stride, stride))
        return self.conv(x, f"{name}.conv_t", f"{name}.bn_t", (stride, 1, 1))

    def mixed(self, x, name):
        def branch(number):
            return self.separable(self.basic(x, f"{name}.branch{number}.0"), f"{name}.branch{number}.1")

        pooled = self.basic(F.max_pool3d(x, 3, 1, 1), f"{name}.branch3.1")
        return torch.cat([self.basic(x, f"{name}.branch0.0"), branch(1), branch(2), pooled], 1)

    def features(self, x):
        name = "featureExtractor.block"
        x = F.max_pool3d(self.separable(x, f"{name}1.0", 2), (1, 3, 3), (1, 2, 2), (0, 1, 1))
        x = self.separable(self.basic(x, f"{name}2.0"), f"{name}2.1")
        taps = [F.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))]
        taps.append(F.max_pool3d(self.mixed(self.mixed(taps[0], f"{name}3.0"), f"{name}3.1"), 3, 2, 1))
        x = taps[1]
        for i in range(5):
            x = self.mixed(x, f"{name}4.{i}")
        taps.append(F.max_pool3d(x, 2, 2))
        taps.append(self.mixed(self.mixed(taps[2], f"{name}5.0"), f"{name}5.1"))
        for level, names in (2, ("2_1", "2_2", "2_3")), (3, ("3_1", "3_2")), (4, ("4",)), (5, ("5",)):
            for suffix in names:
                taps[level - 2] = self.basic(taps[level - 2], f"conv_t{suffix}", (2, 1, 1))
        return [tap.squeeze(2) for tap in taps]

    def priors(self, x, level):
        if self.domain_name is None:
            return x
        rows, columns = (torch.linspace(0, 1, n, dtype=x.dtype) for n in x.shape[2:])
        maps = []
        for (mu_y, log_y), (mu_x, log_x) in self.state[f"gaussians{level}__{self.domain_name.lower()}"]:
            y, x_ = (rows[:, None] - mu_y) / log_y.exp(), (columns - mu_x) / log_x.exp()
            maps.append(6 * torch.exp(-(y**2 + x_**2) / 2))
        return torch.cat([x, torch.stack(maps).expand(len(x), -1, -1, -1)], 1)

    def fuse(self, maps):
        name = f"last_block__{self.domain_name.lower()}.0" if self.domain_name else "last_conv"
        return F.conv2d(maps, self.state[f"{name}.weight"], self.state[f"{name}.bias"]).sigmoid()

    def smooth(self, maps):
        if self.domain_name is None:
            return maps
        r = torch.arange(-30, 31).double()
        variance = self.state[f"GL__{self.domain_name.lower()}.sigma"] ** 2
        kernel = torch.exp(-(r[:, None] ** 2 + r**2) / (2 * variance))
        return F.conv2d(maps, (kernel / kernel.sum())[None, None], padding=30)

    def conspicuity(self, x, level):
        x = self.priors(x, level)
        for stage in range({2: 3, 3: 4, 4: 5, 5: 5}[level], 0, -1):
            name = f"decoder{level}.deconvlayer{level}_{stage}"
            x = self.conv(x, f"{name}.0.conv", f"{name}.0.bn")
            for i in (1, 2) if stage >= 4 and level >= 4 else (1,):
                x = self.conv(x, f"{name}.{i}.conv_s", f"{name}.{i}.bn_s", eps=1e-5, groups=x.shape[1])
                x = self.conv(x, f"{name}.{i}.conv_t", f"{name}.{i}.bn_t", eps=1e-5)
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        name = f"decoder{level}.last_conv{level}"
        return F.conv2d(x, self.state[f"{name}.weight"], self.state[f"{name}.bias"]).sigmoid()

    def domain(self, x, level):
        for i in (0, 3, 6) if level in (2, 5) else (0, 3):
            name = f"featureReduction{level}.feature_reduction"
            x = self.conv(x, f"{name}.{i}", f"{name}.{i + 1}", eps=1e-5)
        x, name = x.flatten(1), f"domainClassifier{level}.domainClassifier"
        *hidden, output = (0, 3, 7, 11) if level == 2 else (0, 3, 7)
        for i in hidden:
            x = F.linear(x, self.state[f"{name}.{i}.weight"], self.state[f"{name}.{i}.bias"])
            x = self.norm(x, f"{name}.{i + 1}", 1e-5)
        x = F.linear(x, self.state[f"{name}.{output}.weight"], self.state[f"{name}.{output}.bias"])
        return x.log_softmax(1)

    def __call__(self, clips):
        features = self.features(clips.double())
        maps = torch.cat([self.conspicuity(x, level) for level, x in enumerate(features, 2)], 1)
        deepest_first = torch.stack([maps[:, 3], maps[:, 2], maps[:, 1], maps[:, 0]], 1)
        fused = self.fuse(deepest_first)
        has_domains = "domainClassifier2.domainClassifier.0.weight" in self.state
        domains = [self.domain(x, level) for level, x in enumerate(features, 2)] if has_domains else None
        return self.smooth(fused)[:, 0], fused[:, 0], maps, domains
