"""Frames per second of inference: one window per call, ours in the plain way, the fast way, and in bfloat16.

    python tests/benchmarks/inference_speed.py [--threads 2] [--rounds 3] [--frames 48] [--batch 16]
        [--device cuda]

HD2S at 16×128×192 on random weights under which every layer's values are O(1). "One window per call" is
the released code's way: 3-D convolutions in PyTorch's default layout, batch norm by itself, a window at a
time. The ways take turns; times are medians per frame of a running sweep, its start-up left out. Maps are
compared before smoothing, and the metrics' change under bfloat16 is told for 8-bit maps after it. On a GPU
the share of the calculated limit of an H200's memory is told as well (13,900 windows/s, layer by layer in
bfloat16); there TF32 is left as PyTorch has it.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parents[2]))

from hd2s import build_model
from hd2s.metrics.benchmark import as_benchmark_image
from hd2s.metrics.scores import score_frames
from hd2s.models.contract import SaliencyModel
from hd2s.models.hd2s.published import published_names
from hd2s.prediction.predictor import Predictor
from hd2s.prediction.smoothing import gaussian_smooth
from tests.hd2s.models.hd2s.published import PlainHD2S, random_state

T, SIZE = 16, (128, 192)
LIMIT = 13_900  # windows/s, by the bandwidth of an H200
HEAD = 2 * T  # frames before the clock starts


def one_window_per_call(state: dict[str, torch.Tensor], device: str):
    """Return the released way as a function of one clip (1, 3, T, H, W)."""
    network = PlainHD2S(state)
    network.state = {name: tensor.float().to(device) for name, tensor in state.items()}

    def predict(clip):
        features = network.features(clip.to(device))
        maps = [network.conspicuity(x, level) for level, x in enumerate(features, 2)]
        fused = F.conv2d(
            torch.cat(maps[::-1], 1), network.state["last_conv.weight"], network.state["last_conv.bias"]
        )
        return fused.sigmoid()[:, 0]

    return predict


def moving_clip(n: int) -> np.ndarray:
    """Return smooth frames that drift, with a little noise: uint8 (n, H, W, 3)."""
    generator = np.random.default_rng(0)
    scene = gaussian_filter(generator.random((SIZE[0], SIZE[1] + 2 * n, 3)), (6, 6, 0))
    scene = (scene - scene.min()) / np.ptp(scene) * 220
    frames = [scene[:, 2 * i : 2 * i + SIZE[1]] + generator.random((*SIZE, 3)) * 30 for i in range(n)]
    return np.stack(frames).astype(np.uint8)


def per_frame(predictions, n: int) -> tuple[float, np.ndarray]:
    """Return milliseconds for each of n predictions after those of the head, and the maps."""
    list(islice(predictions, HEAD - T + 1))
    started = time.perf_counter()
    maps = np.stack(list(islice(predictions, n)))
    return (time.perf_counter() - started) / n * 1e3, maps


def released_loop(predict, model: SaliencyModel, frames: np.ndarray):
    for t in range(len(frames)):
        start = max(0, t - T + 1)
        clip = model.normalise(torch.from_numpy(frames[start : start + T])[None]).contiguous()
        with torch.inference_mode():
            yield predict(clip)[0].cpu().numpy()


def effect_on_metrics(exact: np.ndarray, rounded: np.ndarray) -> dict[str, float]:
    """Return each metric's largest change, on fixations drawn from the exact maps."""
    generator, size = np.random.default_rng(0), (360, 640)
    images = [
        as_benchmark_image(gaussian_smooth(torch.from_numpy(maps), 5.0).numpy(), size)
        for maps in (exact, rounded)
    ]
    points, truths = [], []
    for image in images[0]:
        weight = (image - image.min()).ravel() ** 2 + 1.0
        drawn = generator.choice(image.size, 200, replace=False, p=weight / weight.sum())
        points.append(np.stack(np.divmod(drawn, size[1]), axis=1))
        hits = np.zeros(size)
        hits[tuple(points[-1].T)] = 1
        truths.append(gaussian_filter(hits, 12.74))
    others = np.stack(np.divmod(generator.choice(size[0] * size[1], 2000, replace=False), size[1]), axis=1)
    one, other = (score_frames(image, points, np.stack(truths), others) for image in images)
    return {metric: float(np.abs(one[metric] - other[metric]).max()) for metric in one}


def report(title: str, times: dict[str, list[float]], maps: dict[str, np.ndarray], on_gpu: bool) -> None:
    """Print the table; on a processor, end with an error where results are not equal."""
    print(title)
    first = np.median(times["one window per call"])
    for name, values in times.items():
        apart = np.abs(maps[name][:8] - maps["one window per call"][:8]).max()
        ms = np.median(values)
        share = f"   {1e3 / ms / LIMIT:.0%} of the limit" if on_gpu else ""
        print(f"  {name:26} {ms:8.2f}   ratio {first / ms:5.2f}   apart {apart:.1e}{share}")
        if not on_gpu and name.startswith("ours") and "bfloat16" not in name and apart > 1e-5:
            raise SystemExit(f"{name}: not equal to one window per call")
    changes = effect_on_metrics(maps["ours, fast"], maps["ours, fast, bfloat16"])
    print("  largest change by bfloat16: " + ", ".join(f"{m} {v:.1e}" for m, v in changes.items()))


def main() -> None:
    """Time all ways in turn."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("threads", 2), ("rounds", 3), (("frames", 48)), ("batch", 16)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    state = random_state("hd2s")
    model = build_model("hd2s", seed=0).eval()
    model.load_state_dict({own: state[name] for own, name in published_names(model).items()})
    model.to(options.device)
    settings = {"smoothing_sigma": None, "device": options.device}
    predictors = {
        f"ours, plain, {options.batch} windows": Predictor(
            model, method="plain", batch=options.batch, **settings
        ),
        "ours, fast": Predictor(model, batch=options.batch, **settings),
        "ours, fast, bfloat16": Predictor(model, batch=options.batch, precision="bfloat16", **settings),
    }
    released = one_window_per_call(state, options.device)
    frames = moving_clip(HEAD + options.frames + options.batch)
    ways = {"one window per call": lambda: released_loop(released, model, frames)}
    ways |= {name: (lambda predictor=predictor: predictor(frames)) for name, predictor in predictors.items()}
    times, maps = {name: [] for name in ways}, {}
    for _ in range(options.rounds):
        for name, start in ways.items():
            # Ours come in batches: as many as are taken in time must have been computed in it.
            n = 8 if name == "one window per call" else options.frames // options.batch * options.batch
            ms, maps[name] = per_frame(start(), n)
            times[name].append(ms)
    where = f"{options.threads} threads" if options.device == "cpu" else options.device
    title = f"HD2S at {T}×{SIZE[0]}×{SIZE[1]}, {where}, batch {options.batch}, ms per frame"
    report(title, times, maps, options.device != "cpu")


if __name__ == "__main__":
    main()
