"""A saliency map for every frame of a clip, by sliding window (HD2S paper §3.1).

Two ways, equal up to rounding (1e-5 at most in float32 on processors). The plain one is the reference: every
frame's own window of T frames goes through the whole model, windows in batches. The fast one, for HD2S, folds
the batch norms (`hd2s.layers.folded`) and computes once what neighbouring windows share
(`hd2s.layers.s3d_stream`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from hd2s.checks import unknown
from hd2s.filters import gaussian_matrix
from hd2s.layers.folded import Casting, FoldedHD2S
from hd2s.layers.s3d_stream import FirstBlocks, Sweep
from hd2s.models.hd2s.model import HD2S

Protocol = Literal["paper", "released"]
"""Whose way of predicting a clip. What the released code does otherwise than the paper: the first T−1 frames
are predicted from windows with their colour channels reversed instead of their time (frame t from t … t+T−1,
in BGR), and maps are rounded down to 8 bits before a Gaussian of 7 px. A domain-specific model smooths its
maps itself, and none of the latter follows; the rounding before that is an option it is built with
(`hd2s.training.protocol.Protocol.quantise`). For clips under 2T−1 frames, where the released code predicts
from stale windows or fails, nothing is defined to follow: they are continued by reflection here."""

SMOOTHING_SIGMA = {"paper": 5.0, "released": 7.0}
"""Protocol → σ of the final Gaussian, in pixels at the model's input size."""

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def normalise(clips: Tensor) -> Tensor:
    """Clips uint8 (B, T, H, W, 3) RGB as the model's input: float32 (B, 3, T, H, W), (2x − 255)/255.

    On the clips' device: send them there as bytes first. The result is a view of channels-last memory
    (`torch.channels_last_3d`), the layout in which 3-D convolutions are fastest; no copy is made for it.
    """
    if clips.dtype != torch.uint8 or clips.ndim != 5 or clips.shape[-1] != 3:
        raise ValueError(f"expected clips uint8 (B, T, H, W, 3), found {clips.dtype} {tuple(clips.shape)}")
    return clips.permute(0, 4, 1, 2, 3).float().mul_(2).sub_(255).div_(255)


def window_indices(n_frames: int, clip_length: int, protocol: Protocol = "paper") -> np.ndarray:
    """Which frames predict which: int64 (n_frames, T), row t the window of frame t in the model's order.

    With frames counted from 0: frame t ≥ T−1 is predicted from {t−T+1, …, t}, each of the first T−1
    from the time-reversed {t+T−1, …, t} (paper §3.1), which ends at t as well. Clips too short for the
    latter (under 2T−1 frames, down to a single one) are one rule more: the clip is continued beyond its
    end by reflection in time, last frame not repeated (…, N−2, N−1, N−2, …); one frame repeats itself.
    The released protocol keeps the order of time in the first T−1 windows.
    """
    t = np.arange(n_frames)[:, None]
    back = np.arange(clip_length - 1, -1, -1)
    ahead = back if protocol == "paper" else back[::-1]
    return _reflect(np.where(t >= clip_length - 1, t - back, t + ahead), n_frames)


def iter_windows(
    frames: Iterable[np.ndarray], clip_length: int, protocol: Protocol = "paper"
) -> Iterator[np.ndarray]:
    """Yield every frame's window, uint8 (T, H, W, 3), in order, by `window_indices`.

    Reads `frames` once and holds no more than 2T−2 of them, so a stream of any length will do.
    """
    head, stream = _split(frames, clip_length)
    for row in window_indices(len(head), clip_length, protocol)[: clip_length - 1]:
        window = np.stack([head[i] for i in row])
        yield window if protocol == "paper" else window[..., ::-1]
    recent = deque(head[: clip_length - 1], maxlen=clip_length)
    for frame in chain(head[clip_length - 1 :], stream):
        recent.append(frame)
        yield np.stack(recent)


class Predictor:
    """A model made ready to predict clip after clip.

    `model(clips)` must return an object whose `.saliency` is (B, H, W); it is called with `domain=…` when one
    is given. It must already be on `device`.

    `method`: "fast" or "plain"; any model but an HD2S is predicted the plain way, in evaluation mode, and
    left in the mode it was in. The fast way copies weights: after more training, make another predictor.
    `batch`: how many windows are predicted, and frames taken from the clip, at a time.
    `precision`: "float32", or "bfloat16" with the fast method, for activations and weights up to the maps.
    `protocol`: see `Protocol`. `smoothing_sigma` of the final Gaussian, in pixels at the model's input size;
    by default the protocol's, and none after smoothing that the model has learned. None: none.

    Raises ValueError for what is not allowed of these.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        clip_length: int,
        batch: int = 16,
        smoothing_sigma: float | Literal["protocol"] | None = "protocol",
        domain: str | None = None,
        device: torch.device | str = "cpu",
        method: Literal["fast", "plain"] = "fast",
        precision: Literal["float32", "bfloat16"] = "float32",
        protocol: Protocol = "paper",
    ):
        _check_options(batch, method, precision, protocol)
        if smoothing_sigma == "protocol":
            learned = isinstance(model, HD2S) and model.learns_smoothing
            smoothing_sigma = None if learned else SMOOTHING_SIGMA[protocol]
        self.clip_length, self.batch, self.sigma = clip_length, batch, smoothing_sigma
        self.device, self.domain, self.protocol = torch.device(device), domain, protocol
        self.dtype, self.model = PRECISIONS[precision], model
        self.fast = method == "fast" and isinstance(model, HD2S)
        if self.fast:
            _check_length(model, clip_length)
            with torch.inference_mode():
                cast = Casting(self.device, self.dtype, domain)
                self.first, self.rest = FirstBlocks(model, cast), FoldedHD2S(model, cast)

    def __call__(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the saliency map, float32 (H, W), of every frame in order, with flat memory.

        `frames`: uint8 (H, W, 3) RGB each, already at the model's input size; an array (N, H, W, 3) or any
        iterable. Raises ValueError for a frame of another shape or dtype and for a clip without frames.
        """
        return self._fast(frames) if self.fast else self._plain(frames)

    def _plain(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        windows = iter_windows(frames, self.clip_length, self.protocol)
        while chunk := list(islice(windows, self.batch)):
            clips = torch.from_numpy(np.stack(chunk)).to(self.device)
            # Both modes are entered per batch: a generator that held them would impose them on its consumer.
            with torch.inference_mode(), _evaluating(self.model):
                options = {} if self.domain is None else {"domain": self.domain}
                maps = self._finish(self.model(normalise(clips), **options).saliency.float())
            yield from maps

    def _fast(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        head, stream = _split(frames, self.clip_length)
        yield from self._predict_head(head)
        if len(head) >= self.clip_length:
            yield from self._sweep(chain(head, stream))

    def _predict_head(self, head: list[np.ndarray]) -> list[np.ndarray]:
        """Predict the first T−1 frames: the same sweep over what the protocol makes of the beginning."""
        n = min(len(head), self.clip_length - 1)
        beginning = [head[i] for i in _reflect(np.arange(n + self.clip_length - 1), len(head))]
        if self.protocol == "released":
            return list(self._sweep((frame[..., ::-1] for frame in beginning), n))
        return list(self._sweep(beginning[::-1], n))[::-1]

    def _sweep(self, frames: Iterable[np.ndarray], n_windows: int | None = None) -> Iterator[np.ndarray]:
        sweep, frames = Sweep(self.first, n_windows), iter(frames)
        while chunk := list(islice(frames, self.batch)):
            with torch.inference_mode():
                clip = normalise(torch.from_numpy(np.stack(chunk)[None]).to(self.device))
                taps = sweep.push(clip[0].permute(1, 2, 3, 0).to(self.dtype))
                maps = () if taps is None else self._finish(self.rest(taps))
            yield from maps

    def _finish(self, saliency: Tensor) -> np.ndarray:
        if self.sigma is not None:
            if self.protocol == "released":
                saliency = (saliency * 255).floor() / 255
            saliency = gaussian_smooth(saliency, self.sigma)
        return saliency.cpu().numpy()


def iter_predictions(model: nn.Module, frames: Iterable[np.ndarray], **options) -> Iterator[np.ndarray]:
    """Yield the saliency map, float32 (H, W), of every frame of one clip; `options` of `Predictor`."""
    yield from Predictor(model, **options)(frames)


def predict_clip(model: nn.Module, frames: Iterable[np.ndarray], **options) -> np.ndarray:
    """Saliency maps of all N frames of a clip, float32 (N, H, W); `options` of `Predictor`."""
    return np.stack(list(iter_predictions(model, frames, **options)))


def gaussian_smooth(maps: Tensor, sigma: float) -> Tensor:
    """Gaussian smoothing of float maps (..., H, W), σ in pixels, in float32.

    Equal to `scipy.ndimage.gaussian_filter` with its defaults on each map (radius 4σ, border mirrored).
    """
    rows, columns = (
        torch.tensor(gaussian_matrix(side, sigma), dtype=torch.float32, device=maps.device)
        for side in maps.shape[-2:]
    )
    with torch.autocast(maps.device.type, enabled=False):  # a caller's bfloat16 would leave steps in the map
        return rows @ maps.float() @ columns.T


def _reflect(index: np.ndarray, n_frames: int) -> np.ndarray:
    period = max(2 * (n_frames - 1), 1)
    folded = index % period
    return np.minimum(folded, period - folded)


def _split(frames: Iterable[np.ndarray], clip_length: int) -> tuple[list[np.ndarray], Iterator[np.ndarray]]:
    """Return the frames that the first T−1 windows look at, and those that follow."""
    stream = iter(_checked(frames))
    return list(islice(stream, max(2 * clip_length - 2, 1))), stream


def _check_options(batch: int, method: str, precision: str, protocol: str) -> None:
    if batch < 1:
        raise ValueError(f"expected a batch of at least one window, found {batch}")
    known = {"method": ("fast", "plain"), "precision": PRECISIONS, "protocol": SMOOTHING_SIGMA}
    for (option, words), word in zip(known.items(), (method, precision, protocol), strict=True):
        if word not in words:
            raise ValueError(unknown(option, word, words))
    if method == "plain" and precision != "float32":
        raise ValueError(f"precision {precision} needs the fast method; the plain one is the reference")


def _check_length(model: HD2S, clip_length: int) -> None:
    if clip_length != model.config.clip_length:
        raise ValueError(f"this model takes clips of {model.config.clip_length} frames, not {clip_length}")


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


def _checked(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    shape = None
    for i, frame in enumerate(frames):
        shape = shape or frame.shape
        if frame.dtype != np.uint8 or frame.shape != shape or len(shape) != 3 or shape[-1] != 3:
            raise ValueError(
                f"frame {i}: expected uint8 {shape if i else '(H, W, 3)'}, found {frame.dtype} "
                f"{frame.shape}; decode to RGB and resize to the model's input size"
            )
        yield frame
    if shape is None:
        raise ValueError("expected a clip of at least one frame, found none")
