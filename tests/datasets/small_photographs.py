"""Tiny corpora of photographs in their native layouts, written one by one so that tests can damage them."""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

WIDTH, HEIGHT = 64, 48
OBSERVERS = [[(1, 1), (64, 48), (20, 11)], [(20, 11)], []]
"""Fixations (x, y) of three observers, counted from 1: two corners, and a place that two looked at."""
FIXATED = [(0, 0, 0), (0, 10, 19), (0, 47, 63)]
"""(frame, y, x) that follow from these in a manifest."""


def photograph(shade: int = 0, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Return uint8 (H, W, 3): a slope of two colours."""
    y, x = np.mgrid[:height, :width]
    return np.stack([(x * 2 + shade) % 256, y * 3 % 256, (x + y) % 256], axis=-1).astype(np.uint8)


def map_of(shade: int = 0, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Return uint8 (H, W): a slope that tells the photograph by its first pixel."""
    return (10 + shade + np.tile(np.arange(width), (height, 1))).astype(np.uint8)


def save(path: Path, image: np.ndarray, **options: object) -> None:
    """Save an image, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, **options)


def write_salicon(root: Path, part: str, number: int, observers=OBSERVERS, *, folder: str = "images") -> str:
    """Write a photograph of SALICON, with annotations unless it is for testing; return its name."""
    name = f"COCO_{part}2014_{number:012d}"
    save(root / folder / f"{name}.jpg", photograph(number), quality=95)
    if part != "test":
        save(root / "maps" / part / f"{name}.png", map_of(number))
        write_gaze(root / "fixations" / part / f"{name}.mat", observers)
    return name


def write_gaze(path: Path, observers, resolution=(HEIGHT, WIDTH)) -> None:
    """Write fixations as SALICON does: a struct for each observer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    gaze = np.empty((len(observers), 1), [("location", object), ("timestamp", object), ("fixations", object)])
    for i, points in enumerate(observers):
        fixations = np.array(points, np.int16).reshape(-1, 2)
        gaze[i, 0] = (np.zeros((3, 2)), np.zeros((3, 1)), fixations)
    savemat(path, {"image": path.stem, "resolution": np.array([resolution], np.uint16), "gaze": gaze})


def write_mit1003(root: Path, name: str, shade: int = 0, width: int = WIDTH, height: int = HEIGHT) -> None:
    """Write a photograph of MIT1003 whose fixations are `FIXATED`, in JPEG with MATLAB's quality."""
    fixated = np.zeros((height, width), np.uint8)
    for _, y, x in FIXATED:
        fixated[y, x] = 255
    save(root / "ALLSTIMULI" / f"{name}.jpeg", photograph(shade, width, height), quality=95)
    save(root / "ALLFIXATIONMAPS" / f"{name}_fixMap.jpg", map_of(shade, width, height), quality=75)
    save(root / "ALLFIXATIONMAPS" / f"{name}_fixPts.jpg", fixated, quality=75)


def write_own(root: Path, name: str, shade: int = 0, suffix: str = "jpg") -> None:
    """Write a photograph of a corpus of one's own."""
    fixated = np.zeros((HEIGHT, WIDTH), np.uint8)
    for _, y, x in FIXATED:
        fixated[y, x] = 255
    save(root / "images" / f"{name}.{suffix}", photograph(shade))
    save(root / "maps" / f"{name}.png", map_of(shade))
    save(root / "fixations" / f"{name}.png", fixated)
