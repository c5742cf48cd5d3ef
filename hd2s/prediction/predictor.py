"""A saliency map for every frame of a clip, with any model.

Two ways, equal up to rounding (1e-5 at most in float32 on processors). The plain one is the reference: the
windows of a clip go through the whole model, in batches. The fast one is the model's own stream, which
computes once what neighbouring windows share; a model without one is predicted the plain way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, islice
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from hd2s.checks import unknown
from hd2s.layers.folded import Casting
from hd2s.models.contract import Prediction, SaliencyModel, Stream
from hd2s.models.tested import PredictionProtocol
from hd2s.prediction.smoothing import gaussian_smooth
from hd2s.prediction.windows import (
    beyond_end,
    checked,
    continued,
    is_single,
    iter_blocks,
    iter_windows,
    own_windows,
    split,
    stands_alone,
)

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Predictor:
    """A model made ready to predict clip after clip.

    The fast way copies weights: after more training, make another predictor.

    Args:
        model: on `device`; it is left in the mode, training or evaluation, that it was in.
        batch: how many windows are predicted, and frames taken from the clip, at a time; None for what suits
            the device. No number depends on it.
        smoothing_sigma: of the final Gaussian, in pixels at the model's input size; None for none. By default
            the protocol's, and none after smoothing that the model has learnt.
        domain: the corpus whose own layers a model takes that has such.
        device: where.
        method: "fast", or "plain" for the reference.
        precision: "float32", or "bfloat16" with the fast way, for activations and weights up to the maps.
        protocol: a word of the model's `Model.prediction`.
        instead: fields of that protocol that are otherwise here.

    Raises:
        ValueError: what is not allowed of these.
    """

    def __init__(
        self,
        model: SaliencyModel,
        *,
        batch: int | None = None,
        smoothing_sigma: float | Literal["protocol"] | None = "protocol",
        domain: str | None = None,
        device: torch.device | str = "cpu",
        method: Literal["fast", "plain"] = "fast",
        precision: Literal["float32", "bfloat16"] = "float32",
        protocol: str = "paper",
        instead: Mapping[str, Any] | None = None,
    ):
        self.device = torch.device(device)
        self.batch = default_batch(self.device.type) if batch is None else batch
        _check_options(self.batch, method, precision)
        self.model, self.domain = model, domain
        self.input, dtype = model.config.input, PRECISIONS[precision]
        self.protocol = replace(find_protocol(model.declaration.prediction, protocol), **(instead or {}))
        learned = None if model.learns_smoothing else self.protocol.smoothing_sigma
        self.sigma = learned if smoothing_sigma == "protocol" else smoothing_sigma
        with torch.inference_mode():
            cast = Casting(self.device, dtype, domain)
            self.stream: Stream | None = model.stream(cast) if method == "fast" else None
        if self.stream is None and precision != "float32":
            raise ValueError(
                f"precision {precision} needs a model's fast way; the plain one is the reference"
            )

    def __call__(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the saliency map, float32 (H, W), of every frame in order, with flat memory.

        Args:
            frames: uint8 (H, W, 3) RGB each, already at the model's input size; an array (N, H, W, 3) or any
                iterable.

        Raises:
            ValueError: a frame of another shape or dtype, or a clip without frames.
        """
        if self.stream is not None:
            return self._fast(self.stream, frames)
        return self._plain(frames)

    def whole_windows(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the maps that `__call__` would, but for frames whose windows begin before the clip.

        It is how all but the beginning of a clip is predicted, which is what there is to measure.
        """
        before, behind = self.input.around
        if self.stream is not None:
            return self._streamed(self.stream, continued(checked(frames), 0, behind))
        # Predicted all the same, so that batches, and with them the last bits, are those of `__call__`.
        return islice(self._plain(frames), before, None)

    def inner_maps(
        self, frames: Iterable[np.ndarray], first: int = 0
    ) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        """Yield of every frame the saliency map and the model's auxiliary maps by name, float32 (H, W).

        The plain way, which alone has them. The auxiliary maps are as the model gives them, the saliency map
        as `__call__` does.

        Args:
            frames: as `__call__` takes them.
            first: the first frame whose maps are wanted.
        """
        for found, wanted in self._predictions(frames, first):
            maps = self._finish(_in_order(found.saliency)[wanted])
            auxiliary = {
                name: _in_order(each)[wanted].cpu().numpy() for name, each in found.auxiliary.items()
            }
            for i, saliency in enumerate(maps):
                yield saliency, {name: each[i] for name, each in auxiliary.items()}

    def _plain(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for found, wanted in self._predictions(frames, 0):
            yield from self._finish(_in_order(found.saliency)[wanted])

    def _predictions(self, frames: Iterable[np.ndarray], first: int) -> Iterator[tuple[Prediction, slice]]:
        """Yield what the whole model answers, batch after batch, and which answers are wanted."""
        return (self._blocks if self.input.answers == "every" else self._windows)(frames, first)

    def _windows(self, frames: Iterable[np.ndarray], first: int) -> Iterator[tuple[Prediction, slice]]:
        reverse = self.protocol.head == "colours reversed"
        short = self.protocol.short_clips
        windows = iter_windows(frames, self.input, reverse_colours=reverse, short_clips=short)
        windows = islice(windows, first, None)
        while chunk := list(islice(windows, self.batch)):
            yield self._answer(np.stack(chunk)), slice(None)

    def _blocks(self, frames: Iterable[np.ndarray], first: int) -> Iterator[tuple[Prediction, slice]]:
        state, before = None, 0
        for windows, n_frames in iter_blocks(frames, self.input):
            found = self._answer(windows, state)
            state = found.state
            yield found, slice(max(0, first - before), n_frames)
            before += n_frames

    def _answer(self, windows: np.ndarray, state: Any = None) -> Prediction:
        """Predict windows uint8 (n, T, H, W, 3)."""
        clips = torch.from_numpy(windows).to(self.device)
        # Both modes are entered per batch: a generator that held them would impose them on its consumer.
        with torch.inference_mode(), _evaluating(self.model):
            return self.model.answer(self.model.normalise(clips), self.domain, state)

    def _fast(self, stream: Stream, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        single, frames = is_single(checked(frames))
        if self.input.answers != "every" and single and stands_alone(1, self.input):
            # It shares nothing with other windows, and a stream's have as many frames as a clip's.
            yield from self._plain(frames)
        elif self.input.answers == "last":
            head, rest = split(frames, self.input.span)
            yield from self._predict_head(stream, head)
            if len(head) >= self.input.span:
                yield from self._streamed(stream, chain(head, rest))
        else:
            yield from self._streamed(stream, continued(frames, *self.input.around), 1 if single else None)

    def _predict_head(self, stream: Stream, head: list[np.ndarray]) -> list[np.ndarray]:
        """Predict the frames before the first whole window: stream what the protocol makes of them."""
        short, n = self.protocol.short_clips, min(len(head), self.input.span - 1)
        own = min(n, own_windows(len(head), self.input.span, short))
        beginning = [head[i] for i in beyond_end(np.arange(own + self.input.span - 1), len(head), short)]
        if self.protocol.head == "colours reversed":
            maps = list(self._streamed(stream, (frame[..., ::-1] for frame in beginning), own))
        else:
            maps = list(self._streamed(stream, beginning[::-1], own))[::-1]
        return maps + maps[-1:] * (n - own)

    def _streamed(
        self, stream: Stream, frames: Iterable[np.ndarray], n_windows: int | None = None
    ) -> Iterator[np.ndarray]:
        push, frames = stream.begin(n_windows), iter(frames)
        while chunk := list(islice(frames, self.batch)):
            with torch.inference_mode():
                maps = push(self.model.normalise(torch.from_numpy(np.stack(chunk)[None]).to(self.device)))
                finished = () if maps is None else self._finish(maps)
            yield from finished

    @torch.inference_mode()
    def _finish(self, saliency: Tensor) -> np.ndarray:
        if self.sigma is not None:
            if self.protocol.quantise:
                saliency = (saliency * 255).floor() / 255
            saliency = gaussian_smooth(saliency, self.sigma)
        return saliency.cpu().numpy()


def _in_order(maps: Tensor) -> Tensor:
    """Return (B, A, H, W) as float32 (A · B, H, W): of a step's windows, every A'th answer in turn."""
    return maps.float().transpose(0, 1).flatten(0, 1)


def default_batch(device: str) -> int:
    """Return how many frames are predicted at once on a kind of device: on a processor more gain nothing."""
    return 32 if device == "cuda" else 16


def find_protocol(offered: Mapping[str, PredictionProtocol], word: str) -> PredictionProtocol:
    """Return a protocol of those that a model offers.

    Raises:
        ValueError: there is none; it names those there are.
    """
    if word not in offered:
        raise ValueError(unknown("protocol", word, offered))
    return offered[word]


def _check_options(batch: int, method: str, precision: str) -> None:
    if batch < 1:
        raise ValueError(f"expected a batch of at least one window, found {batch}")
    for option, words, word in (
        ("method", ("fast", "plain"), method),
        ("precision", PRECISIONS, precision),
    ):
        if word not in words:
            raise ValueError(unknown(option, word, words))


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Put every module in evaluation mode, then each back in its own (some may be frozen on purpose)."""
    was_training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in was_training.items():
            module.training = training
