"""HD2S at sizes that tests afford, and clips for it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from hd2s import build_model
from hd2s.approaches.contract import MicroBatch
from hd2s.models.contract import SaliencyModel
from hd2s.prediction.predictor import Predictor

SMALL = {"clip_length": 8, "height": 32, "width": 32}
DOMAINS = ("DHF1K", "Hollywood2", "UCFSports")


def clips(batch: int = 2, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return what a model of size `SMALL` takes."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 3, 8, 32, 32, generator=generator, dtype=dtype) * 2 - 1


def micro_batch(seed: int = 0, dtype: torch.dtype = torch.float32, **options) -> MicroBatch:
    """Return two such clips with maps."""
    maps = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(1000 + seed))
    return MicroBatch(clips(2, seed, dtype), maps, **options)


def frames_of(n: int, size: tuple[int, int] = (32, 32)) -> np.ndarray:
    """Return a clip's frames as noise, uint8 (n, H, W, 3)."""
    return np.random.default_rng(0).integers(0, 256, (n, *size, 3), dtype=np.uint8)


def predict_clip(model: SaliencyModel, frames: Iterable[np.ndarray], **options: Any) -> np.ndarray:
    """Return the saliency maps of all N frames of a clip, float32 (N, H, W); `options` of `Predictor`."""
    return np.stack(list(Predictor(model, **options)(frames)))


@cache
def trained_like(clip_length: int = 16, **options) -> SaliencyModel:
    """Build an HD2S with batch norm statistics far from their initial values, different in each domain.

    Every layer's values are O(1).
    """
    size = {"clip_length": clip_length, "height": 32, "width": 32}
    return settle(build_model("hd2s", seed=0, **size | options))


def settle(model: SaliencyModel) -> SaliencyModel:
    """Give a model such statistics and values."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                for entry, low, high in (
                    (module.weight, 0.8, 1.2),
                    (module.bias, -0.2, 0.2),
                    (module.running_mean, -0.2, 0.2),
                    (module.running_var, 0.5, 1.5),
                ):
                    entry.uniform_(low, high, generator=generator)
            elif isinstance(module, (nn.Conv2d, nn.Conv3d, nn.ConvTranspose3d)):
                fan_in = math.prod(module.weight.shape[1:])
                module.weight.normal_(0, (2 / fan_in) ** 0.5, generator=generator)
    return model


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    """Whether two state dicts are equal to the bit."""
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)
