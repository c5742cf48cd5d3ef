"""What clips cost a training: python tests/benchmarks/loader_speed.py [--seconds S] [--rounds N] [--tiny]

Encodes moving textured videos, and times training clips (16 frames, 128x192, uint8) from the frame store, by
decoding from the last keyframe, and as the field's loaders read them: 16 images opened, decoded and resized
per clip. All in one process and one thread, in turn, several rounds; the medians are printed. Then the loader
as a training uses it, in batches of 8, with worker processes.

Every round reads other windows. The files are in the page cache, as those of a corpus that fits into memory.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
import torch
from PIL import Image

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY))

from datasets.damaged import content_of  # noqa: E402 - the repository is not installed everywhere
from datasets.frame_store.store import FrameStore  # noqa: E402
from datasets.loading.batches import training_batches  # noqa: E402
from datasets.reading.video import Probe, probe, read_frames  # noqa: E402
from manifests import Clip, Manifest, open_manifest, write  # noqa: E402

SIZE, T, BATCH = (128, 192), 16, 8


@dataclass(frozen=True)
class Form:
    """A video: its size in pixels, its frames, its file and how it is encoded."""

    width: int
    height: int
    frames: int
    file: str
    codec: str
    options: dict[str, str]


FORMS = {
    "H.264 640x360, a keyframe in 30": Form(640, 360, 300, "30.mp4", "libx264", {"g": "30", "bf": "3"}),
    "H.264 640x360, a keyframe in 250": Form(640, 360, 300, "250.mp4", "libx264", {"g": "250", "bf": "3"}),
    "MPEG-4 AVI 640x360": Form(640, 360, 300, "x.AVI", "mpeg4", {"g": "12", "b": "3M"}),
    "H.264 1080p, a keyframe in 30": Form(1920, 1080, 120, "hd.mp4", "libx264", {"g": "30", "bf": "3"}),
    "MPEG-4 AVI 1080p": Form(1920, 1080, 120, "hd.AVI", "mpeg4", {"g": "12", "b": "12M"}),
}


@dataclass(frozen=True)
class Reader:
    """A way to come by the window of a clip that begins at a frame."""

    name: str
    read: Callable[[int], np.ndarray]
    n_frames: int


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.8, help="of each reader in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tiny", action="store_true", help="as small as it can be, to see that it runs")
    options = parser.parse_args()
    forms, copies, steps = FORMS, 30, 600
    if options.tiny:
        forms = {name: replace(form, frames=24) for name, form in FORMS.items() if form.width == 640}
        options.seconds, options.rounds, copies, steps = 0.01, 1, 1, 4
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        manifest = corpus(Path(folder), forms, copies)
        store = FrameStore(Path(folder) / "store", manifest, SIZE)
        begun = time.perf_counter()
        clips = manifest.clips("train")
        store.build(clips)
        n_frames = sum(clip.n_frames for clip in clips)
        print(f"store: {n_frames} frames built in {time.perf_counter() - begun:.1f} s, one process")
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f} before\n")
        one_process(list(readers(Path(folder), store)), options.seconds, options.rounds)
        with_workers(store, options.rounds, steps)
    print(f"\nload {os.getloadavg()[0]:.2f} after")


def one_process(readers: list[Reader], seconds: float, rounds: int) -> None:
    """Time the readers in turn."""
    rates: dict[str, list[float]] = {reader.name: [] for reader in readers}
    for round_ in range(rounds):
        rng = np.random.default_rng(round_)
        for reader in readers:
            rates[reader.name].append(rate(reader, rng, seconds))
    usual = statistics.median(rates["16 JPEG files"])
    print(f"{'one process, one thread':<52} {'clips/s':>9} {'x JPEG files':>13}   (least … most)")
    for name, found in rates.items():
        middle = statistics.median(found)
        print(f"{name:<52} {middle:9.1f} {middle / usual:13.2f}   ({min(found):.1f} … {max(found):.1f})")


def rate(reader: Reader, rng: np.random.Generator, seconds: float) -> float:
    """Return clips per second."""
    done, begun = 0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        reader.read(int(rng.integers(reader.n_frames - T + 1)))
        done += 1
    return done / spent


def with_workers(store: FrameStore, rounds: int, steps: int) -> None:
    """Time the loader as a training uses it, after the workers have started."""
    print(f"\n{'training_batches, batches of 8':<52} {'clips/s':>9}                 (least … most)")
    rates: dict[tuple[int, bool], list[float]] = {}
    for round_ in range(rounds):
        for workers in (0, 1, 2):
            for labelled in (True, False):
                rates.setdefault((workers, labelled), []).append(
                    loader_rate(store, workers, labelled, round_, steps)
                )
    for (workers, labelled), found in rates.items():
        name = f"{workers} workers, {'frames and map' if labelled else 'frames alone'}"
        middle = statistics.median(found)
        print(f"{name:<52} {middle:9.0f}                 ({min(found):.0f} … {max(found):.0f})")


def loader_rate(store: FrameStore, workers: int, labelled: bool, seed: int, steps: int) -> float:
    """Return clips per second from the second batch on; every page of a batch is looked at."""
    batches = training_batches(
        store,
        store.manifest.clips("train"),
        T=T,
        batch=BATCH,
        seed=seed,
        last_step=steps,
        workers=workers,
        labelled=labelled,
    )
    next(batches)
    begun = time.perf_counter()
    total = sum(int(batch.clips.view(-1)[::4096].sum()) for batch in batches)
    assert total > 0
    return (steps - 1) * BATCH / (time.perf_counter() - begun)


def corpus(folder: Path, forms: Mapping[str, Form], copies: int) -> Manifest:
    """Encode the videos and maps, and write a manifest of them; the 640x360 ones are for training."""
    clips = []
    for name, form in forms.items():
        encode(folder / form.file, form)
        clips.append(row(name, form.file, probe(folder / form.file)))
    images(folder, clips[0])
    clips = [replace(clip, content=content_of(folder, clip)) for clip in clips]
    # As many clips as a corpus has, so that the store's files are opened as often as in a training.
    again = [replace(clips[0], clip=f"{clips[0].clip} {i}") for i in range(copies)]
    write(folder / "m", "Benchmark", folder, [*clips, *again], {})
    return open_manifest(folder / "m")


def row(name: str, path: str, found: Probe) -> Clip:
    """Return the manifest's row of a video; of training clips those of 640x360 are."""
    columns = {field: getattr(found, field) for field in found.__slots__ if field in Clip.__slots__}
    return Clip(
        corpus="Benchmark",
        split="train" if found.width == 640 else "test",
        clip=name,
        source_video=name,
        media="video",
        path=path,
        frame_pattern="",
        map_pattern="maps/{:04d}.png",
        fixation_pattern="",
        first_frame=1,
        first_annotation=1,
        n_fixated_frames=1,
        status="ok",
        reason="",
        content="",
        size_bytes=0,
        mtime_ns=0,
        **columns,
    )


def encode(path: Path, form: Form) -> None:
    """Write a video of texture that pans, with an object that moves across."""
    width, height = form.width, form.height
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (24, 32, 3), np.uint8)
    ground = np.asarray(Image.fromarray(coarse).resize((width + 128, height + 128), Image.Resampling.BICUBIC))
    ground = np.clip(ground + rng.normal(0, 6, ground.shape), 0, 255).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(form.codec, rate=30, options=form.options | {"threads": "2"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for i in range(form.frames):
            y, x = int(64 + 60 * np.sin(i / 25)), int(64 + 60 * np.cos(i / 17))
            image = ground[y : y + height, x : x + width].copy()
            left = (5 * i) % (width - 80)
            image[height // 3 : height // 3 + 80, left : left + 80] = ground[:80, :80][:, ::-1]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def images(folder: Path, clip: Clip) -> None:
    """Write a video's frames as JPEG and PNG at their own size, and maps."""
    for kind in ("jpg", "png", "maps"):
        (folder / kind).mkdir()
    for i, frame in enumerate(read_frames(folder, clip)):
        Image.fromarray(frame).save(folder / "jpg" / f"{i}.jpg", quality=95)
        Image.fromarray(frame).save(folder / "png" / f"{i}.png")
        Image.fromarray(frame[..., 0]).save(folder / "maps" / f"{i + 1:04d}.png")


def readers(folder: Path, store: FrameStore) -> Iterator[Reader]:
    """Yield what is compared."""
    out = np.empty((T, *SIZE, 3), np.uint8)
    clips = store.manifest.clips("train")
    frames = clips[0].n_frames
    yield Reader(
        "frame store", lambda start: store.read_frames(clips[start % len(clips)], start, T, out), frames
    )
    for kind, suffix in (("JPEG", "jpg"), ("PNG", "png")):
        yield Reader(
            f"16 {kind} files", lambda start, end=suffix: read_images(folder / end, end, start), frames
        )
    for clip in store.manifest.clips():
        if clip.clip in FORMS:
            yield Reader(
                f"from the keyframe: {clip.clip}",
                lambda start, clip=clip: read_frames(folder, clip, SIZE, start, T, threads=1),
                clip.n_frames,
            )


def read_images(folder: Path, suffix: str, start: int) -> np.ndarray:
    """Read a clip as the field's loaders do: image by image, resized."""
    frames = []
    for i in range(start, start + T):
        with Image.open(folder / f"{i}.{suffix}") as image:
            frames.append(np.asarray(image.convert("RGB").resize(SIZE[::-1], Image.Resampling.BILINEAR)))
    return np.stack(frames)


if __name__ == "__main__":
    main()
