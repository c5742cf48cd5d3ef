"""What is checked: every model that trains, on weights and clips that are the same everywhere."""

from __future__ import annotations

import copy
import math
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from hd2s import build_model
from hd2s.approaches.contract import MicroBatch
from hd2s.models.config import ConfigError
from hd2s.models.contract import SaliencyModel
from hd2s.models.declaration import Model
from hd2s.models.registry import models
from tests.gpu.clock import copy_rate
from tests.gpu.report import Row

SOURCE, TARGET = "Source", "Target"
"""Names of the two corpora that clips are said to come from."""


@dataclass
class Bench:
    """What is checked where, and what has been found.

    Attributes:
        device: where.
        tiny: everything at the models' demo sizes, and timed once.
        models: the models.
        approaches: the words of those whose trainings are checked; empty for all.
        rows: part -> what it has found.
        operations: of a forward pass on one window of each model, once they were counted.
    """

    device: torch.device
    tiny: bool
    models: list[Model]
    approaches: Sequence[str] = ()
    rows: dict[str, list[Row]] = field(default_factory=dict)
    # Not handed on to a bench of another size.
    operations: dict[str, int] = field(init=False, default_factory=dict)

    @property
    def seconds(self) -> float:
        """Of one measurement."""
        return 0.0 if self.tiny else 1.0

    @property
    def gpu(self) -> bool:
        """Whether the device is one of CUDA."""
        return self.device.type == "cuda"

    @cached_property
    def bandwidth(self) -> float:
        """Bytes per second to and from the device's memory, measured."""
        return copy_rate(self.device, 2**24 if self.tiny else 2**30)

    def model(self, declaration: Model, **options: object) -> SaliencyModel:
        """Return a copy of a model on the device, with its fixed weights."""
        return copy.deepcopy(fixed(declaration.word, self.tiny, **options)).to(self.device)

    def micro_batch(self, declaration: Model) -> int:
        """Return the clips of the paper's micro-batch; few in the tiny form."""
        return 2 if self.tiny else int(declaration.settings.get("train.micro_batch", 8))


@cache
def fixed(word: str, tiny: bool, **options: object) -> SaliencyModel:
    """Build a model on the processor with weights as a training leaves them: shared, to be copied.

    On a fresh model's weights the rounding of float32 alone moves gradients by several percent; here every
    layer's values are of the order of 1, and batch norms have statistics far from their first ones.
    """
    size = _smallest(_declared(word)) if tiny else {}
    model = build_model(word, seed=0, **(size | options))
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
                    if entry is not None:
                        entry.uniform_(low, high, generator=generator)
            elif isinstance(module, _ConvNd):
                deviation = math.sqrt(2 / math.prod(module.weight.shape[1:]))
                module.weight.normal_(0, deviation, generator=generator)
    return model


def clips_of(model: SaliencyModel, batch: int, *, seed: int = 0, device: torch.device | str = "cpu"):
    """Return clips of coarse noise as the model takes them, float32 (B, 3, T, H, W)."""
    window = model.config.input
    frames = frames_of(model, batch * window.frames, seed=seed).unflatten(0, (batch, window.frames))
    return model.normalise(frames.to(device))


def frames_of(model: SaliencyModel, n: int, *, seed: int = 0) -> torch.Tensor:
    """Return frames of coarse noise at the model's size, uint8 (n, H, W, 3)."""
    height, width = model.config.input.size
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(n, 3, -(-height // 8), -(-width // 8), generator=generator)
    frames = F.interpolate(coarse, (height, width), mode="bilinear")
    return (frames * 255).byte().permute(0, 2, 3, 1).contiguous()


def batch_of(
    model: SaliencyModel, batch: int, corpus: str = SOURCE, *, seed: int = 0, labelled: bool = True
) -> MicroBatch:
    """Return clips of a corpus with their maps, on the model's device and in its weights' dtype."""
    window, like = model.config.input, next(model.parameters())
    clips = clips_of(model, batch, seed=seed).to(like)
    answered = len(window.answered(window.frames))
    generator = torch.Generator().manual_seed(seed + 1)
    maps = torch.rand(batch, answered, *window.size, generator=generator).to(like) if labelled else None
    return MicroBatch(clips, maps, domain=model.config.domain_of(corpus))


def told(columns: Row, measure: Callable[[], Row], *, check: bool = False) -> Iterator[Row]:
    """Yield one row: its columns with what is measured, or with the error that came instead.

    Args:
        columns: what is measured.
        measure: how.
        check: an error counts as a check that fails.
    """
    try:
        found = measure()
    except Exception as error:  # noqa: BLE001 - one thing that fails must not cost all others
        place = traceback.extract_tb(error.__traceback__)[-1]
        text = " ".join(str(error).split())[:300]
        found = {"error": f"{type(error).__name__}: {text} ({place.name}, line {place.lineno})"}
        found |= {"ok": False} if check else {}
    yield columns | found


def without_dropout(module: nn.Module) -> None:
    """Keep dropout, whose draws depend on the device, from dropping anything."""
    for part in module.modules():
        if isinstance(part, nn.modules.dropout._DropoutNd):
            part.eval()


def _smallest(model: Model) -> dict[str, object]:
    """Return the options of a model's demo, with half the sides where the model can have them."""
    demo = {name.removeprefix("model."): value for name, value in model.demo.items() if name[:6] == "model."}
    half = {name: demo[name] // 2 for name in ("height", "width") if name in demo}
    try:
        model.config(**(demo | half))
    except ConfigError:
        return demo
    return demo | half


def _declared(word: str) -> Model:
    return models()[word]
