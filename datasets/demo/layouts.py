"""Write clips in the layouts the real corpora have on disk, down to their file names and MATLAB dialects."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import av
import numpy as np
from PIL import Image

from datasets.demo.cast import Take
from datasets.demo.domains import Domain
from datasets.demo.observers import Gaze, watch
from datasets.demo.scene import Scene, render, stage
from datasets.reading.ground_truth import fixations_to_map


def write_clip(domain: Domain, take: Take, root: Path, seed: int) -> None:
    """Render one clip and write everything its corpus ships for it below ``root``."""
    scene = stage(domain, take, seed)
    _WRITERS[domain.word](domain, scene, watch(domain, scene, seed), root)


def write_lists(domain: Domain, cast: Sequence[Take], root: Path) -> None:
    """Write the split lists, which of all these corpora only LEDOV ships."""
    if domain.word != "ledov":
        return
    names = np.array([take.clip for take in cast], dtype=object)
    _write_mat(root / "VideoNameList.mat", {"VideoNameList": names[:, None]})
    for key, split in (("trainlist", "train"), ("vaildlist", "val"), ("testlist", "test")):
        numbers = [number for number, take in enumerate(cast, 1) if take.split == split]
        if key == "trainlist":
            numbers.append(numbers[-1])  # the published list repeats its last video
        _write_mat(root / f"{key}.mat", {key: np.array(numbers, dtype=np.float64)[:, None]})


def _dhf1k(domain: Domain, scene: Scene, gaze: Gaze, root: Path) -> None:
    take = scene.take
    _encode(root / "video" / f"{take.clip[1:]}.AVI", take, render(scene), "mpeg4", {"qmin": "2", "qmax": "4"})
    names = [f"{number:04d}" for number in range(1, take.n_frames + 1)]
    _write_annotations(domain, scene, gaze, root / "annotation" / take.clip, names)


def _hollywood2(domain: Domain, scene: Scene, gaze: Gaze, root: Path) -> None:
    take = scene.take
    names = [f"{take.source_video}_{take.first_frame + i:05d}" for i in range(take.n_frames)]
    _write_images_and_annotations(domain, scene, gaze, root, names)


def _ucf_sports(domain: Domain, scene: Scene, gaze: Gaze, root: Path) -> None:
    action, _, number = scene.take.clip.rpartition("-")
    names = [f"{action}_{number}_{i:03d}" for i in range(1, scene.take.n_frames + 1)]
    _write_images_and_annotations(domain, scene, gaze, root, names)


def _ledov(domain: Domain, scene: Scene, gaze: Gaze, root: Path) -> None:
    take, folder = scene.take, root / scene.take.clip
    _encode(folder / f"{take.clip}.mp4", take, render(scene), "libx264", {"crf": "20", "preset": "veryfast"})
    seen = gaze.recorded & (gaze.start < 1000 * take.n_frames / float(take.frame_rate))
    subject = np.broadcast_to(np.arange(1, len(gaze.start) + 1)[:, None], gaze.start.shape)
    # MATLAB counts pixels from 1.
    x, y = gaze.x.round(1) + 1, gaze.y.round(1) + 1
    columns = subject, gaze.start.round(), gaze.duration.round(), x, y
    data = {
        "VideoFrames": float(take.n_frames),
        "VideoFrameRate": float(take.frame_rate),
        "VideoSize": np.array([[take.width, take.height]], dtype=np.float64),
        "fixdata": np.stack([column[seen] for column in columns], axis=1).astype(np.float64),
    }
    # The real corpus mixes both generations of MATLAB files.
    write = _write_hdf5_struct if int(take.clip[-2:]) % 2 else _write_mat
    write(folder / "Data.mat", {"Data": data})


def _salicon(domain: Domain, scene: Scene, gaze: Gaze, root: Path) -> None:
    take, part = scene.take, scene.take.clip.split("_")[1].removesuffix("2014")
    _write_photograph(root / "images" / f"{take.clip}.jpg", scene)
    if part == "test":
        return
    looks = _looks(take, gaze)
    _write_map(domain, scene, np.concatenate(looks), root / "maps" / part / f"{take.clip}.png")
    fields = [(name, object) for name in ("location", "timestamp", "fixations")]
    observers = np.empty((len(looks), 1), dtype=fields)
    for observer, points in zip(observers[:, 0], looks, strict=True):
        # MATLAB counts pixels from 1, and x before y.
        fixations = points[:, ::-1] + 1
        observer["location"], observer["fixations"] = fixations.astype(np.float64), fixations.astype(np.int16)
        observer["timestamp"] = np.arange(len(points), dtype=np.float64)[:, None]
    mat = root / "fixations" / part / f"{take.clip}.mat"
    mat.parent.mkdir(parents=True, exist_ok=True)
    size = np.array([[take.height, take.width]], dtype=np.uint16)
    _write_mat(mat, {"image": take.clip, "resolution": size, "gaze": observers})


def _mit1003(domain: Domain, scene: Scene, gaze: Gaze, root: Path) -> None:
    take, folder = scene.take, root / "ALLFIXATIONMAPS"
    _write_photograph(root / "ALLSTIMULI" / f"{take.clip}.jpeg", scene)
    points = np.concatenate(_looks(take, gaze))
    _write_map(domain, scene, points, folder / f"{take.clip}_fixMap.jpg")
    fixated = np.zeros((take.height, take.width), dtype=np.uint8)
    fixated[points[:, 0], points[:, 1]] = 255
    Image.fromarray(fixated).save(folder / f"{take.clip}_fixPts.jpg", quality=75)


def _mit300(domain: Domain, scene: Scene, gaze: Gaze, root: Path) -> None:
    del domain, gaze
    _write_photograph(root / "BenchmarkIMAGES" / f"{scene.take.clip}.jpg", scene)


def _looks(take: Take, gaze: Gaze) -> list[np.ndarray]:
    """Return where each observer has looked at a photograph: pixels (y, x), int (n, 2)."""
    seen = gaze.recorded & (gaze.start < 1000 * take.n_frames / float(take.frame_rate))
    return [
        np.stack([y[on], x[on]], axis=1).astype(int) for y, x, on in zip(gaze.y, gaze.x, seen, strict=True)
    ]


def _write_photograph(path: Path, scene: Scene) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(next(render(scene))).save(path, quality=92)


def _write_map(domain: Domain, scene: Scene, points: np.ndarray, path: Path) -> None:
    take = scene.take
    path.parent.mkdir(parents=True, exist_ok=True)
    sigma = None if domain.sigma is None else domain.sigma * take.height
    density = fixations_to_map(points, take.height, take.width, domain.rule, sigma=sigma)
    Image.fromarray(np.rint(density * 255).astype(np.uint8)).save(path)


_WRITERS: dict[str, Callable[[Domain, Scene, Gaze, Path], None]] = {
    "dhf1k": _dhf1k,
    "hollywood2": _hollywood2,
    "ucf_sports": _ucf_sports,
    "ledov": _ledov,
    "salicon": _salicon,
    "mit1003": _mit1003,
    "mit300": _mit300,
}


def _write_images_and_annotations(
    domain: Domain, scene: Scene, gaze: Gaze, root: Path, names: Sequence[str]
) -> None:
    """Write frames and annotations to a folder per clip below ``training`` or ``testing``."""
    folder = root / ("testing" if scene.take.split == "test" else "training") / scene.take.clip
    (folder / "images").mkdir(parents=True)
    for name, frame in zip(names, render(scene), strict=True):
        _write_png(folder / "images" / f"{name}.png", frame)
    _write_annotations(domain, scene, gaze, folder, names)


def _write_annotations(domain: Domain, scene: Scene, gaze: Gaze, folder: Path, names: Sequence[str]) -> None:
    """Write ``maps/*.png`` (0–255), ``fixation/*.png`` (0, 255) and ``fixation/maps/*.mat`` (I: 0, 1)."""
    take = scene.take
    (folder / "maps").mkdir(parents=True)
    (folder / "fixation" / "maps").mkdir(parents=True)
    for index, name in enumerate(names):
        points = gaze.points(1000 * index / float(take.frame_rate))
        sigma = None if domain.sigma is None else domain.sigma * take.height
        density = fixations_to_map(points, take.height, take.width, domain.rule, sigma=sigma)
        fixated = np.zeros((take.height, take.width), dtype=np.uint8)
        fixated[points[:, 0], points[:, 1]] = 1
        _write_png(folder / "maps" / f"{name}.png", np.rint(density * 255).astype(np.uint8))
        _write_png(folder / "fixation" / f"{name}.png", fixated * 255)
        _write_mat(folder / "fixation" / "maps" / f"{name}.mat", {"I": fixated})


def _write_png(path: Path, image: np.ndarray) -> None:
    Image.fromarray(image).save(path, compress_level=1)


def _encode(
    path: Path, take: Take, frames: Iterator[np.ndarray], codec: str, options: dict[str, str]
) -> None:
    """Encode with one thread and no time stamp, so that equal frames give equal files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(path, "w", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(codec, rate=take.frame_rate, options=options)
        if not isinstance(stream, av.VideoStream):
            raise TypeError(f"expected a codec of video, found {codec}")
        stream.width, stream.height, stream.pix_fmt = take.width, take.height, "yuv420p"
        stream.codec_context.thread_count = 1
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def _write_mat(path: Path, variables: dict[str, object]) -> None:
    """Write a MATLAB 5 file whose header, unlike scipy's, does not hold the time of day."""
    from scipy.io import savemat  # noqa: PLC0415 - half a second, that a plan does without

    buffer = io.BytesIO()
    savemat(buffer, variables)
    buffer.seek(0)
    buffer.write(b"MATLAB 5.0 MAT-file".ljust(116))
    path.write_bytes(buffer.getvalue())


def _write_hdf5_struct(path: Path, variables: dict[str, dict[str, object]]) -> None:
    """Write structs of numbers as MATLAB 7.3 does: HDF5 behind a 512-byte header, matrices transposed."""
    import h5py  # noqa: PLC0415 - as in _write_mat

    with h5py.File(path, "w", userblock_size=512) as file:
        for name, fields in variables.items():
            group = file.create_group(name)
            group.attrs["MATLAB_class"] = np.bytes_("struct")
            for field, value in fields.items():
                group[field] = np.atleast_2d(np.asarray(value, dtype=np.float64)).T
                group[field].attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(116) + bytes(8) + b"\x00\x02IM")
