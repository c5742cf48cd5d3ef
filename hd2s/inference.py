"""A saliency map for every frame of a clip, by sliding window (HD2S paper §3.1).

The plain way: every frame's own window of T frames goes through the whole model, windows in batches.
Any faster way that reuses what neighbouring windows share is to be checked against this one; it would
replace `_predict` and read the same `iter_windows`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice

import numpy as np
import torch
from torch import Tensor, nn

from hd2s.separable import gaussian_matrix


def normalise(clips: Tensor) -> Tensor:
    """Clips uint8 (B, T, H, W, 3) RGB as the model's input: float32 (B, 3, T, H, W), (2x − 255)/255.

    On the clips' device: send them there as bytes first. The result is a view of channels-last memory
    (`torch.channels_last_3d`), the layout in which 3-D convolutions are fastest; no copy is made for it.
    """
    if clips.dtype != torch.uint8 or clips.ndim != 5 or clips.shape[-1] != 3:
        raise ValueError(f"expected clips uint8 (B, T, H, W, 3), found {clips.dtype} {tuple(clips.shape)}")
    return clips.permute(0, 4, 1, 2, 3).float().mul_(2).sub_(255).div_(255)


def window_indices(n_frames: int, clip_length: int) -> np.ndarray:
    """Which frames predict which: int64 (n_frames, T), row t the window of frame t in the model's order.

    With frames counted from 0: frame t ≥ T−1 is predicted from {t−T+1, …, t}, each of the first T−1
    from the time-reversed {t+T−1, …, t} (paper §3.1), which ends at t as well. Clips too short for the
    latter (under 2T−1 frames, down to a single one) are one rule more: the clip is continued beyond its
    end by reflection in time, last frame not repeated (…, N−2, N−1, N−2, …); one frame repeats itself.
    """
    t = np.arange(n_frames)[:, None]
    back = np.arange(clip_length - 1, -1, -1)
    index = np.where(t >= clip_length - 1, t - back, t + back)
    period = max(2 * (n_frames - 1), 1)
    folded = index % period
    return np.minimum(folded, period - folded)


def iter_windows(frames: Iterable[np.ndarray], clip_length: int) -> Iterator[np.ndarray]:
    """Yield every frame's window, uint8 (T, H, W, 3), in order, by `window_indices`.

    Reads `frames` once and holds no more than 2T−2 of them, so a stream of any length will do.
    """
    stream = iter(_checked(frames))
    head = list(islice(stream, max(2 * clip_length - 2, 1)))  # all that the first T−1 windows look at
    for row in window_indices(len(head), clip_length)[: clip_length - 1]:
        yield np.stack([head[i] for i in row])
    recent = deque(head[: clip_length - 1], maxlen=clip_length)
    for frame in chain(head[clip_length - 1 :], stream):
        recent.append(frame)
        yield np.stack(recent)


def iter_predictions(
    model: nn.Module,
    frames: Iterable[np.ndarray],
    *,
    clip_length: int,
    batch: int = 8,
    smoothing_sigma: float | None = 5.0,
    domain: str | None = None,
    device: torch.device | str = "cpu",
) -> Iterator[np.ndarray]:
    """Yield the saliency map, float32 (H, W), of every frame in order, with flat memory.

    `frames`: uint8 (H, W, 3) RGB each, already at the model's input size; an array (N, H, W, 3) or any
    iterable. `model(clips)` must return an object whose `.saliency` is (B, H, W); it is called with
    `domain=…` when one is given, in evaluation mode and without gradients, and is left in the mode it
    was in. It must already be on `device`. `batch` windows are predicted at a time.
    `smoothing_sigma`: of the final Gaussian, in pixels at this size; the paper's is 5. None for a model
    that smooths for itself (domain-specific smoothing).

    Raises ValueError for a frame of another shape or dtype, a clip without frames, or no positive batch or σ.
    """
    if batch < 1:
        raise ValueError(f"expected a batch of at least one window, found {batch}")
    windows = iter_windows(frames, clip_length)
    while chunk := list(islice(windows, batch)):
        clips = torch.from_numpy(np.stack(chunk)).to(device)
        yield from _predict(model, clips, smoothing_sigma, domain).cpu().numpy()


def predict_clip(
    model: nn.Module,
    frames: Iterable[np.ndarray],
    *,
    clip_length: int,
    batch: int = 8,
    smoothing_sigma: float | None = 5.0,
    domain: str | None = None,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Saliency maps of all N frames of a clip, float32 (N, H, W); see `iter_predictions`."""
    predictions = iter_predictions(
        model,
        frames,
        clip_length=clip_length,
        batch=batch,
        smoothing_sigma=smoothing_sigma,
        domain=domain,
        device=device,
    )
    return np.stack(list(predictions))


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


def _predict(model: nn.Module, clips: Tensor, sigma: float | None, domain: str | None) -> Tensor:
    # Both modes are entered per batch: a generator that held them would impose them on its consumer.
    with torch.inference_mode(), _evaluating(model):
        inputs = normalise(clips)
        prediction = model(inputs) if domain is None else model(inputs, domain=domain)
        saliency = prediction.saliency.float()
        return saliency if sigma is None else gaussian_smooth(saliency, sigma)


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
