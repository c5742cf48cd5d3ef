"""The released layout, and UNISAL written plainly on it, frame by frame: what the model is checked by."""

import json
import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

DOMAINS = {"DHF1K": "DHF1K", "Hollywood2": "Hollywood", "UCFSports": "UCFSports", "SALICON": "SALICON"}
"""Our names of the released domains, and theirs."""

MASK = "rnn.cell_list.0.drop_mask_1"
# Channels and first stride of the encoder's seventeen blocks.
BLOCKS = [16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320]
STRIDED = (2, 4, 7, 14)


def published_shapes() -> dict[str, tuple[int, ...]]:
    """Return name → shape of the released state dict."""
    content = json.loads(Path(__file__).with_name("published.json").read_text())
    return {name: tuple(shape) for name, shape in content.items()}


def random_state(seed: int = 0) -> dict[str, Tensor]:
    """Fill the released layout with values under which signals neither die nor explode."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in published_shapes().items():
        noise = torch.randn(shape, generator=generator)
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(0 if "SALICON" in name and name.startswith(("rnn", "post_rnn")) else 7)
        elif name.endswith("running_var"):
            state[name] = torch.rand(shape, generator=generator) + 0.5
        elif "coarse_gaussians" in name:
            state[name] = torch.stack([noise[..., 0] * 0.3 + 0.5, noise[..., 1] * 0.3 - 1], -1)
        elif name.startswith("smoothing"):
            state[name] = noise.abs() / 1000
        elif name.startswith("adaptation") and len(shape) == 4:
            state[name] = noise / 4
        elif len(shape) == 4:
            state[name] = noise * (2 / math.prod(shape[1:])) ** 0.5
        else:
            state[name] = noise * 0.1 + (1 if ".a_" in name or name.endswith("weight") else 0)
    return state


class PlainUnisal:
    """UNISAL as one call per layer on a state dict in the released layout, in double precision.

    The encoder computes its blocks on the grid before they stride, as the released code does. Batch norms are
    written out; in training they see a frame of the batch, and move their statistics in `state`.
    """

    def __init__(self, state: dict[str, Tensor], domain: str, *, training: bool = False, masks=None):
        self.state = {name: x.double() if x.is_floating_point() else x.clone() for name, x in state.items()}
        self.domain, self.training, self.masks = DOMAINS[domain], training, masks

    def norm(self, x, name, *, own=True, stored=False):
        name = f"{name}.bn_{self.domain}" if own else name
        mean, variance = self.state[f"{name}.running_mean"], self.state[f"{name}.running_var"]
        if self.training and not stored:
            momentum = 0.1 if own and self.domain == "SALICON" else 0.01
            mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
            n = x.numel() / x.shape[1]
            for entry, found in (("mean", mean), ("var", variance * n / (n - 1))):
                kept = self.state[f"{name}.running_{entry}"]
                self.state[f"{name}.running_{entry}"] = (1 - momentum) * kept + momentum * found.detach()
            self.state[f"{name}.num_batches_tracked"] += 1
        scale = self.state[f"{name}.weight"] / (variance + 1e-5).sqrt()
        shift = self.state[f"{name}.bias"] - mean * scale
        return x * scale[:, None, None] + shift[:, None, None]

    def conv(self, x, name, stride=1):
        weight, bias = self.state[f"{name}.weight"], self.state.get(f"{name}.bias")
        groups = x.shape[1] // weight.shape[1]
        if groups > 1 and x.dtype == torch.float64:
            # PyTorch computes these channel by channel.
            return self.depthwise(x, weight)
        return F.conv2d(x, weight, bias, stride, weight.shape[2] // 2, 1, groups)

    def depthwise(self, x, weight):
        height, width = x.shape[2:]
        padded = F.pad(x, (1, 1, 1, 1))
        return sum(
            padded[:, :, i : i + height, j : j + width] * weight[:, :, i, j, None]
            for i in range(3)
            for j in range(3)
        )

    def encode(self, x):
        def unit(x, conv, norm, stride=1):
            return self.norm(self.conv(x, f"cnn.{conv}", stride), f"cnn.{norm}", own=False, stored=True)

        x = unit(x, "features.0.0", "features.0.1", 2).clamp(0, 6)
        taps, channels = [], 32
        for i, width in enumerate(BLOCKS, 1):
            y, at = x, f"features.{i}.conv"
            places = (0, 3) if i == 1 else (0, 3, 6)
            for place in places[:-1]:
                y = unit(y, f"{at}.{place}", f"{at}.{place + 1}").clamp(0, 6)
            y = unit(y, f"{at}.{places[-1]}", f"{at}.{places[-1] + 1}")
            if i not in STRIDED and width == channels:
                y = y + x
            if i in (7, 14):
                taps.append(y)
            x, channels = y[:, :, ::2, ::2] if i in STRIDED else y, width
        return unit(x, "features.18.0", "features.18.1").clamp(0, 6), taps

    def prior_maps(self, height, width):
        gaussians = self.state[f"coarse_gaussians_{self.domain.lower()}"]
        maps = gaussians.new_zeros(16, height, width)
        for i in range(16):
            (mean_y, log_y), (mean_x, log_x) = gaussians[i]
            y = torch.arange(height).to(gaussians)[:, None] / (height - 1)
            x = torch.arange(width).to(gaussians)[None] / (width - 1)
            exponent = ((y - mean_y) / log_y.exp()) ** 2 / 2 + ((x - mean_x) / log_x.exp()) ** 2 / 2
            maps[i] = 6 * torch.exp(-exponent)
        return maps

    def post_cnn(self, x):
        maps = self.prior_maps(*x.shape[2:]).expand(len(x), -1, -1, -1)
        x = self.conv(torch.cat([x, maps], 1), "post_cnn.inv_res.conv.0")
        x = self.norm(x, "post_cnn.inv_res.conv.1", own=False).clamp(0, 6)
        return self.norm(self.conv(x, "post_cnn.inv_res.conv.3"), "post_cnn.inv_res.conv.4", own=False)

    def gate(self, x, convolution, norm, scale):
        cell = "rnn.cell_list.0"
        x = self.norm(self.conv(x, f"{cell}.{convolution}.conv_dw"), f"{cell}.{convolution}.sep_bn")
        x = self.conv(x.clamp(0, 6), f"{cell}.{convolution}.conv_sep")
        return self.state[f"{cell}.{scale}"] * self.norm(x, f"{cell}.{norm}")

    def recur(self, x, h):
        b = {gate: self.state[f"rnn.cell_list.0.b_{gate}"] for gate in "rzh"}
        masked = [
            h if self.masks is None else h * mask
            for mask in (self.masks if self.masks is not None else "rzh")
        ]
        parts = (("w_r", "u_r", "r", "r"), ("w_z", "u_z", "z", "z"), ("w", "u", "out", "h"))
        (rx, rh), (zx, zh), (cx, ch) = (
            (self.gate(x, w, f"norm_{n}_x", f"a_{a}_x"), self.gate(m, u, f"norm_{n}_h", f"a_{a}_h"))
            for (w, u, n, a), m in zip(parts, masked, strict=True)
        )
        r, z = torch.sigmoid(rx + rh + b["r"]), torch.sigmoid(zx + zh + b["z"])
        return (1 - z) * h + z * torch.tanh(cx + r * ch + b["h"])

    def skip(self, x, name):
        x = self.norm(self.conv(x, f"{name}.expansion.0"), f"{name}.expansion.1").clamp(0, 6)
        return self.norm(self.conv(x, f"{name}.reduction.0"), f"{name}.reduction.1")

    def decoding(self, x, name):
        for place in (0, 3):
            x = self.norm(self.conv(x, f"{name}.{place}"), f"{name}.{place + 1}").clamp(0, 6)
        return self.norm(self.conv(x, f"{name}.6"), f"{name}.7")

    def double(self, x):
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

    def frame(self, x, h, *, static, size):
        """Return a frame's log-density, and the state."""
        encoded, (quarter, half) = self.encode(x)
        y = self.post_cnn(encoded)
        if not static:
            h = self.recur(y, torch.zeros_like(y) if h is None else h)
            y = y + self.norm(self.conv(h, "post_rnn.0"), "post_rnn.1").clamp(0, 6)
        y = torch.cat([self.double(y), self.skip(half, "skip_2x")], 1)
        y = self.double(self.decoding(y, "upsampling_2.inv_res.conv"))
        y = torch.cat([y, self.skip(quarter, "skip_4x")], 1)
        y = self.decoding(y, "post_upsampling_2.inv_res.conv")
        y = self.conv(y, f"adaptation_{self.domain.lower()}.0")
        y = F.pad(F.interpolate(y, x.shape[2:], mode="nearest"), (20, 20, 20, 20), mode="replicate")
        y = F.conv2d(y, self.state[f"smoothing_{self.domain.lower()}.weight"])
        y = F.interpolate(y, size or x.shape[2:], mode="bilinear", align_corners=False)[:, 0]
        return y - y.logsumexp((1, 2), keepdim=True), h

    def __call__(self, clips, *, static=None, size=None, h=None):
        """Return the log-densities (B, T, H, W) of clips (B, 3, T, H, W), and the last state."""
        static = clips.shape[2] == 1 if static is None else static
        found = []
        for t in range(clips.shape[2]):
            y, h = self.frame(clips[:, :, t].double(), h, static=static, size=size)
            found.append(y)
        return torch.stack(found, 1), h
