"""Tiny corpora in their native layouts, written clip by clip so that tests can damage them."""

from fractions import Fraction
from pathlib import Path

import av
import h5py
import numpy as np
from PIL import Image
from scipy.io import savemat

from datasets.indexing.read_entry import read_entry
from manifests import Clip

WIDTH, HEIGHT = 64, 48


def moving_square(n_frames: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Return uint8 (N, H, W, 3): a textured ground that brightens with the frame's number, and a square."""
    y, x = np.mgrid[:height, :width]
    frames = np.empty((n_frames, height, width, 3), np.uint8)
    for i in range(n_frames):
        frames[i] = (
            np.stack([40 + 3 * i + (x + y) % 7, 60 + 2 * i + x % 5, 50 + 2 * i + y % 3], axis=-1) % 256
        )
        frames[i, 10:20, (2 * i) % (width - 12) : (2 * i) % (width - 12) + 12] = (230, 40, 40)
    return frames


def write_video(
    path: Path, frames: np.ndarray, codec: str = "mpeg4", *, fps=30, pts=None, **options: str
) -> None:
    """Encode frames; ``pts`` gives each frame's time in thousandths of a second (variable frame rate)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps, options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "bgr0" if codec == "ffv1" else "yuv420p"
        if pts is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for i, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            if pts is not None:
                frame.pts, frame.time_base = pts[i], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def write_png(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def points_of(i: int, width: int = WIDTH, height: int = HEIGHT) -> list[tuple[int, int]]:
    """Return the pixels (y, x) fixated in frame i: corners first, none in every fifth frame."""
    return [] if i % 5 == 4 else [(0, 0), (height - 1, width - 1), (10 + i % 10, 20 + i % 30)]


def fixated(i: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Return uint8 (H, W): 1 where frame i is fixated."""
    image = np.zeros((height, width), np.uint8)
    for y, x in points_of(i, width, height):
        image[y, x] = 1
    return image


def expected_rows(n_frames: int) -> list[tuple[int, int, int]]:
    """Return (frame, y, x) of all that `write_annotations` writes."""
    return [(i, y, x) for i in range(n_frames) for y, x in sorted(points_of(i))]


def write_maps(folder: Path, names: list[str], width: int = WIDTH, height: int = HEIGHT) -> None:
    """Write maps; that of frame i has the value 10 + i everywhere but in its last pixel."""
    for i, name in enumerate(names):
        values = np.full((height, width), 10 + i, np.uint8)
        values[-1, -1] += 1
        write_png(folder / f"{name}.png", values)


def write_fixations(folder: Path, names: list[str], suffix: str = "png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names):
        if suffix == "png":
            write_png(folder / f"{name}.png", fixated(i) * 255)
        else:
            savemat(folder / f"{name}.mat", {"I": fixated(i)})


def write_annotations(folder: Path, names: list[str]) -> None:
    write_maps(folder / "maps", names)
    write_fixations(folder / "fixation", names)


def write_frames(folder: Path, names: list[str], suffix: str = "png") -> None:
    for name, image in zip(names, moving_square(len(names)), strict=True):
        write_png(folder / f"{name}.{suffix}", image)


def four_digits(n_frames: int, first: int = 1) -> list[str]:
    return [f"{i:04d}" for i in range(first, first + n_frames)]


def write_dhf1k(root: Path, number: int, n_frames: int = 12) -> None:
    write_video(root / "video" / f"{number:03d}.AVI", moving_square(n_frames), g="5", qscale="2")
    if number <= 700:
        write_annotations(root / "annotation" / f"{number:04d}", four_digits(n_frames))


# Where each rearrangement of DHF1K keeps frames, and maps and fixations, of a video.
DHF1K_FRAMES = {
    "unisal": ("annotation/{n:04d}/images/{i:04d}", "annotation/{n:04d}/maps", "annotation/{n:04d}/fixation"),
    "tased": ("video/{n:04d}/{i:04d}", "annotation/{n:04d}/maps", "annotation/{n:04d}/fixation"),
    "vip": ("video_png/{n:03d}/{i:04d}", "annotation/{n:04d}/maps", "annotation/{n:04d}/fixation"),
    "salema": ("frames/{n}/{i}", "maps/{n}", "fixations/{n}"),
    "hd2s": ("frames/{n:04d}/{i:04d}", "annotation/{n:04d}/maps", "annotation/{n:04d}/fixation"),
}


def write_dhf1k_frames(root: Path, layout: str, number: int, n_frames: int = 4, first: int = 1) -> None:
    """Write a video in one of `DHF1K_FRAMES`, its frames counted from `first`, its annotations from 1."""
    frames, maps, fixations = DHF1K_FRAMES[layout]
    for i, image in enumerate(moving_square(n_frames), start=first):
        write_png(root / f"{frames.format(n=number, i=i)}.png", image)
    if number <= 700:
        write_maps(root / maps.format(n=number), four_digits(n_frames))
        write_fixations(root / fixations.format(n=number), four_digits(n_frames))


def write_frame_clip(folder: Path, names: list[str]) -> None:
    write_frames(folder / "images", names)
    write_annotations(folder, names)


def write_shot(root: Path, folder: str, shot: str, first: int, n_frames: int) -> None:
    source = shot.rpartition("_")[0]
    write_frame_clip(root / folder / shot, [f"{source}_{first + i:05d}" for i in range(n_frames)])


def write_ucf(root: Path, folder: str, clip: str, n_frames: int) -> None:
    action, _, number = clip.rpartition("-")
    write_frame_clip(root / folder / clip, [f"{action}_{number}_{i:03d}" for i in range(1, n_frames + 1)])


def write_mat73(path: Path, struct: dict[str, np.ndarray]) -> None:
    """Write ``Data`` as MATLAB 7.3 does: HDF5 after a 512-byte header, arrays transposed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group("Data")
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        for name, value in struct.items():
            group.create_dataset(name, data=np.atleast_2d(value).T).attrs["MATLAB_class"] = np.bytes_(
                "double"
            )


FIXDATA = np.array(
    [
        # subject, start ms, duration ms, x, y: at 25 fps a frame lasts 40 ms
        [1, 0, 100, 32, 24],  # opening, at the centre: skipped
        [1, 100, 80, 50, 24],  # opening, off the centre along x only: skipped
        [1, 200, 90, 50.0, 40.0],  # off the centre: frames 5 … 8
        [1, 320, 40, 32, 24],  # the centre counts from now on: frames 8 … 9
        [1, 370, 40, 70, 24],  # outside: skipped
        [2, 0, 40, 1, 1],  # a new subject at the corner: frame 1
        [2, 410, 500, 63, 47],  # frames 11 … 12, where the video ends
        [3, 900, 40, 60, 40],  # after the end: nothing
    ]
)
FIXATED = [
    (4, 39, 49),
    (5, 39, 49),
    (6, 39, 49),
    (7, 39, 49),
    (7, 23, 31),
    (8, 23, 31),
    (0, 0, 0),
    (10, 46, 62),
    (11, 46, 62),
]
"""(frame from 0, y, x) that follow from FIXDATA in a video of 12 frames at 25 fps, 64x48."""


def write_ledov(root: Path, names: list[str], *, modern: tuple[str, ...] = ()) -> None:
    """Write videos of 12 frames; the first three names are listed one per split, the others train as well."""
    for name in names:
        write_video(root / name / f"{name}.mp4", moving_square(12), "libx264", fps=25, qp="0")
        data = {
            "VideoFrames": 12.0,
            "VideoFrameRate": 25.0,
            "VideoSize": [[WIDTH, HEIGHT]],
            "fixdata": FIXDATA,
        }
        if name in modern:
            write_mat73(root / name / "Data.mat", data)
        else:
            savemat(root / name / "Data.mat", {"Data": data})
    cells = np.empty((len(names), 1), object)
    cells[:, 0] = names
    savemat(root / "VideoNameList.mat", {"VideoNameList": cells})
    train = [1, *range(4, len(names) + 1)]
    lists = {"trainlist": [*train, train[-1]], "vaildlist": [2], "testlist": [3]}
    savemat(root / "namelist.mat", {key: np.array(value, float)[:, None] for key, value in lists.items()})


def scanned(corpus, root: Path, layout: str | None = None) -> list:
    """Return what reading each clip of a corpus gives."""
    return [read_entry(corpus, root, entry) for entry in corpus.list(root, layout).entries]


def a_clip(**changes) -> Clip:
    """Return a row with some of its columns set, for tests of what comes after indexing."""
    values = {name: "" for name in Clip.__dataclass_fields__} | {
        "corpus": "DHF1K",
        "split": "train",
        "clip": "x",
        "media": "video",
        "first_frame": 1,
        "first_annotation": 1,
        "n_frames": 12,
        "fps": 25.0,
        "width": WIDTH,
        "height": HEIGHT,
        "keyframes": (),
        "keyframe_frames": (),
        "n_fixated_frames": 0,
        "status": "ok",
        "size_bytes": 0,
        "mtime_ns": 0,
        "left_out": 0,
    }
    return Clip(**(values | changes))
