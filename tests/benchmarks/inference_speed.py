"""Frames per second of inference: one window per call, ours in the plain way, the fast way, and in bfloat16.

    python tests/benchmarks/inference_speed.py [--model hd2s] [--threads 2] [--rounds 3] [--frames 48]
        [--batch 16] [--device cuda] [--tiny]

HD2S at 16×128×192, TASED-Net at 32×224×384 or UNISAL at 224×384, on random weights under which every layer's
values are O(1). UNISAL's released way is a frame per call, with the state carried along five interleaved
sequences, ours are timed over a whole clip; HD2S's fast way takes turns with them, and the ratio of their
frames per second is told.
"One window per call" is the released code's way: 3-D convolutions in PyTorch's default layout, batch norm by
itself, a window at a time. The ways take turns; times are medians per frame of a running sweep, its start-up
left out. Maps are compared before smoothing, and the metrics' change under bfloat16 is told for 8-bit maps
after it. TASED-Net's differ where rounding decides between maxima, so that their median difference and their
correlation are told. Of HD2S on a GPU the share of the calculated limit of an H200's memory is told as well
(13,900 windows/s, layer by layer in bfloat16); there TF32 is left as PyTorch has it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parents[2]))

from hd2s import build_model
from hd2s.metrics.benchmark import as_benchmark_image
from hd2s.metrics.scores import score_frames
from hd2s.models.hd2s.published import published_names as hd2s_names
from hd2s.models.tased.published import published_names as tased_names
from hd2s.models.unisal.published import published_names as unisal_names
from hd2s.prediction.predictor import Predictor
from hd2s.prediction.smoothing import gaussian_smooth
from tests.hd2s.models.hd2s import published as hd2s
from tests.hd2s.models.hd2s.published import PlainHD2S
from tests.hd2s.models.tased import plain_tased as tased
from tests.hd2s.models.tased.plain_tased import PlainTased
from tests.hd2s.models.unisal import plain_unisal as unisal
from tests.hd2s.models.unisal.plain_unisal import PlainUnisal

OTHER = "HD2S, ours, fast"
DOMAIN = "DHF1K"
TINY = {
    "hd2s": {"clip_length": 8, "height": 64, "width": 64},
    "tased": {"clip_length": 16, "height": 64, "width": 64},
    "unisal": {"height": 64, "width": 64},
}
LIMIT = 13_900  # windows/s of HD2S, by the bandwidth of an H200


class Released:
    """A model with random weights, and the released way of running them, a window (1, 3, T, H, W) a call."""

    def __init__(self, word: str, device: str, shape: Mapping[str, int] = MappingProxyType({})):
        options = {"domains": list(unisal.DOMAINS)} if word == "unisal" else {}
        self.model = build_model(word, seed=0, **options, **shape).eval()
        self.domain = DOMAIN if options else None
        plain, state, names = {
            "hd2s": (PlainHD2S, hd2s.random_state("hd2s"), hd2s_names),
            "tased": (PlainTased, tased.random_state(), tased_names),
            "unisal": (partial(PlainUnisal, domain=DOMAIN), unisal.random_state(), unisal_names),
        }[word]
        self.model.load_state_dict({own: state[name] for own, name in names(self.model).items()})
        self.model.to(device)
        self.network = plain(state)
        self.network.state = {name: tensor.float().to(device) for name, tensor in state.items()}
        self.step, self.size = self.model.config.input.step, self.model.config.input.size
        self.length = 1 if self.domain else self.model.config.input.frames  # of a call
        self.head = 2 * self.length  # frames before the clock starts
        self.states = [None] * self.step

    def __call__(self, clip: torch.Tensor) -> torch.Tensor:
        """Return the saliency map (1, H, W)."""
        if isinstance(self.network, PlainTased):
            return self.network(clip)[:, 0]
        features = self.network.features(clip)
        maps = [self.network.conspicuity(x, level) for level, x in enumerate(features, 2)]
        weight, bias = (self.network.state[f"last_conv.{entry}"] for entry in ("weight", "bias"))
        return F.conv2d(torch.cat(maps[::-1], 1), weight, bias).sigmoid()[:, 0]

    def loop(self, frames: np.ndarray):
        """Yield the map of every frame."""
        self.states = [None] * self.step
        for t in range(len(frames)):
            start = max(0, t - self.length + 1)
            window = torch.from_numpy(frames[start : start + self.length])[None]
            clip = self.model.normalise(window).contiguous().to(next(self.model.parameters()).device)
            with torch.inference_mode():
                yield (self.next_frame(clip, t) if self.domain else self(clip))[0].cpu().numpy()

    def next_frame(self, clip: torch.Tensor, t: int) -> torch.Tensor:
        """Return the density (1, H, W) of UNISAL's frame t."""
        own = t % self.step
        y, self.states[own] = self.network.frame(clip[:, :, 0], self.states[own], static=False, size=None)
        return y.exp()


def moving_clip(n: int, size: tuple[int, int]) -> np.ndarray:
    """Return smooth frames that drift, with a little noise: uint8 (n, H, W, 3)."""
    generator, (height, width) = np.random.default_rng(0), size
    scene = gaussian_filter(generator.random((height, width + 2 * n, 3)), (6, 6, 0))
    scene = (scene - scene.min()) / np.ptp(scene) * 220
    frames = [scene[:, 2 * i : 2 * i + width] + generator.random((*size, 3)) * 30 for i in range(n)]
    return np.stack(frames).astype(np.uint8)


def per_frame(predictions, n: int, before: int) -> tuple[float, np.ndarray]:
    """Return milliseconds for each of n predictions after those `before`, and the maps."""
    list(islice(predictions, before))
    started = time.perf_counter()
    maps = np.stack(list(islice(predictions, n)))
    return (time.perf_counter() - started) / n * 1e3, maps


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


def report(word: str, times: dict[str, list[float]], maps: dict[str, np.ndarray], on_gpu: bool) -> None:
    """Print the table; on a processor, end with an error where results are not equal."""
    first = np.median(times["one window per call"])
    for name, values in times.items():
        n = min(8, len(maps["one window per call"]))
        apart, equal = difference(word, maps[name][:n], maps["one window per call"][:n])
        ms = np.median(values)
        share = f"   {1e3 / ms / LIMIT:.0%} of the limit" if on_gpu and word == "hd2s" else ""
        print(f"  {name:26} {ms:8.2f}   ratio {first / ms:5.2f}   apart {apart}{share}")
        if not on_gpu and name.startswith("ours") and "bfloat16" not in name and not equal:
            raise SystemExit(f"{name}: not equal to one window per call")
    changes = effect_on_metrics(maps["ours, fast"], maps["ours, fast, bfloat16"])
    print("  largest change by bfloat16: " + ", ".join(f"{m} {v:.1e}" for m, v in changes.items()))


def difference(word: str, found: np.ndarray, expected: np.ndarray) -> tuple[str, bool]:
    """Say how far maps are apart, and whether they are equal as far as single precision can tell."""
    apart = np.abs(found - expected)
    if word == "unisal":
        apart /= expected.max()
        return f"{apart.max():.1e} of the largest", apart.max() <= 1e-3
    if word == "hd2s":
        return f"{apart.max():.1e}", apart.max() <= 1e-5
    cc = np.corrcoef(found.ravel(), expected.ravel())[0, 1]
    return f"{np.median(apart):.1e} (median), CC {cc:.6f}", np.median(apart) < 1e-6 and cc > 0.999


def main() -> None:
    """Time all ways in turn."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("threads", 2), ("rounds", 3), (("frames", 48)), ("batch", 16)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--model", default="hd2s", choices=("hd2s", "tased", "unisal"))
    parser.add_argument("--tiny", action="store_true", help="as small as it can be, to see that it runs")
    options = parser.parse_args()
    if options.tiny:
        options.threads, options.rounds, options.frames, options.batch = 1, 1, 8, 4
    if options.frames < options.batch:
        parser.error(f"--frames: expected --batch ({options.batch}) or more, found {options.frames}")
    torch.set_num_threads(options.threads)
    released = Released(options.model, options.device, TINY[options.model] if options.tiny else {})
    settings = {"smoothing_sigma": None, "device": options.device, "batch": options.batch}
    settings["domain"] = released.domain
    predictors = {
        f"ours, plain, {options.batch} windows": Predictor(released.model, method="plain", **settings),
        "ours, fast": Predictor(released.model, **settings),
        "ours, fast, bfloat16": Predictor(released.model, precision="bfloat16", **settings),
    }
    frames = moving_clip(released.head + options.frames + options.batch, released.size)
    ways = {"one window per call": lambda: released.loop(frames)}
    ways |= {name: (lambda predictor=predictor: predictor(frames)) for name, predictor in predictors.items()}
    if options.model == "unisal":
        hd2s_way = Predictor(Released("hd2s", options.device).model, **settings | {"domain": None})
        # As many frames before the clock starts as HD2S's start-up takes.
        still = moving_clip(2 * released.head + 64 + options.frames, hd2s_way.input.size)
        ways[OTHER] = lambda: islice(hd2s_way(still), 32, None)
    times, maps = {name: [] for name in ways}, {}
    for _ in range(options.rounds):
        for name, start in ways.items():
            # Ours come in batches: as many as are taken in time must have been computed in it.
            n, before = options.frames // options.batch * options.batch, released.head - released.length + 1
            if released.domain and name != OTHER:
                # UNISAL has no start-up, and the plain way's frames may all come with the first.
                n, before = len(frames), 0
            ms, maps[name] = per_frame(start(), 8 if name == "one window per call" else n, before)
            times[name].append(ms)
    where = f"{options.threads} threads" if options.device == "cpu" else options.device
    size = "×".join(map(str, (released.length, *released.size)))
    print(f"{released.model.declaration.title} at {size}, {where}, batch {options.batch}, ms per frame")
    other = times.pop(OTHER, None)
    report(options.model, times, maps, options.device != "cpu")
    if other:
        ratio = np.median(other) / np.median(times["ours, fast"])
        print(f"  ours, fast: {ratio:.1f} times the frames per second of HD2S's fast way at 16×128×192")


if __name__ == "__main__":
    main()
