"""How much of an evaluation's wall time is the model's: a clip scored by the grid, and the model on its own.

    python tests/benchmarks/evaluation_share.py [--threads 2] [--rounds 3] [--frames 64] [--gpu] [--tiny]

An H.264 clip of 640×360 with PNG maps and about 200 fixations a frame goes through
`grid.evaluation.scoring.score_clip`, which decodes, predicts with HD2S at 16×128×192 and computes the six
metrics at the same time. Against it, in turns: decoding and metrics without a model to wait for, and the
model on frames that are in memory already. The nearer the first is to the last, the less the rest costs.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as in the grid's workers; it is read when NumPy is loaded

import av
import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

sys.path.insert(0, str(Path(__file__).parents[2]))

from datasets.corpora.own_folder import FolderCorpus
from datasets.indexing.index import index
from datasets.loading.scored_split import ScoredSplit
from datasets.reading.video import read_frames
from grid.evaluation.scoring import score_clip
from hd2s import build_model
from hd2s.prediction.predictor import Predictor

HEIGHT, WIDTH = 360, 640


def main() -> None:
    """Write the clip, take turns, print medians and the share."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--tiny", action="store_true", help="as small as it can be, to see that it runs")
    arguments = parser.parse_args()
    size, shape = (128, 192), {}
    if arguments.tiny:
        arguments.threads, arguments.rounds, arguments.frames = 1, 1, 8
        size, shape = (32, 32), {"clip_length": 8, "height": 32, "width": 32}
    torch.set_num_threads(arguments.threads)
    device = "cuda" if arguments.gpu else "cpu"
    with tempfile.TemporaryDirectory() as folder:
        split = corpus(Path(folder), arguments.frames)
        clip = split.clips["clip"]
        network = build_model("hd2s", seed=0, **shape).to(device).eval()
        predictor = Predictor(network, batch=32 if arguments.gpu else 16, device=device)
        frames = read_frames(split.manifest.root, clip, size)
        rng = np.random.default_rng(0)
        given = gaussian_filter(rng.random((len(frames), *size)), (0, 9, 9)).astype(np.float32)
        ways: dict[str, Callable[[], object]] = {
            "the evaluation": lambda: scored(split, predictor, size, arguments.threads),
            "without the model": lambda: scored(
                split, lambda f: map(given.__getitem__, count(f)), size, arguments.threads
            ),
            "the model alone": lambda: sum(1 for _ in predictor(iter(frames))),
        }
        seconds = {name: [] for name in ways}
        for turn in range(arguments.rounds + 1):
            for name, way in ways.items():
                started = time.perf_counter()
                way()
                if turn:  # the first warms up
                    seconds[name].append(time.perf_counter() - started)
    middle = {name: median(found) for name, found in seconds.items()}
    for name, value in middle.items():
        print(f"{name:18} {value / arguments.frames * 1e3:8.1f} ms a frame")
    print(f"the model's share of the wall time: {middle['the model alone'] / middle['the evaluation']:.0%}")


def scored(split: ScoredSplit, predictor: Callable, size: tuple[int, int], threads: int) -> object:
    """Score the clip as the grid does."""
    return score_clip(split, "clip", predictor=predictor, size=size, threads=threads, eight_bit=True)


def count(frames):
    """Yield 0, 1, 2, … for as long as there are frames."""
    return (i for i, _ in enumerate(frames))


def corpus(folder: Path, n_frames: int) -> ScoredSplit:
    """Write and index a corpus of one test clip."""
    rng = np.random.default_rng(0)
    root = folder / "root"
    for name in ("videos", "maps/clip", "fixations/clip"):
        (root / name).mkdir(parents=True)
    scene = gaussian_filter(rng.random((HEIGHT, WIDTH + 4 * n_frames, 3)), (5, 5, 0))
    scene = ((scene - scene.min()) / np.ptp(scene) * 255).astype(np.uint8)
    with av.open(str(root / "videos" / "clip.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for i in range(n_frames):
            image = np.ascontiguousarray(scene[:, 4 * i : 4 * i + WIDTH])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    for i in range(1, n_frames + 1):
        points = (rng.normal(0.5, 0.12, (200, 2)) * (HEIGHT, WIDTH)).astype(int)
        fixated = np.zeros((HEIGHT, WIDTH), np.uint8)
        fixated[points[:, 0].clip(0, HEIGHT - 1), points[:, 1].clip(0, WIDTH - 1)] = 255
        smooth = gaussian_filter(fixated.astype(np.float32), 20)
        Image.fromarray(fixated).save(root / f"fixations/clip/{i:04d}.png")
        Image.fromarray((smooth / smooth.max() * 255).astype(np.uint8)).save(root / f"maps/clip/{i:04d}.png")
    (root / "test.txt").write_text("clip\n")
    index(FolderCorpus("One"), root, folder / "manifest")
    return ScoredSplit.open(str(folder / "manifest"), "test")


if __name__ == "__main__":
    main()
