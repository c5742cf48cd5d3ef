"""Every way in which a clip is damaged: what is done to a sound one, and how that is told."""

import numpy as np

from tests.datasets.one_clip import FIXATIONS, FRAMES, MAPS, VIDEO, cut, empty, frame_clip, video_clip
from tests.datasets.small_corpora import HEIGHT, WIDTH, moving_square, write_png, write_video


def rename_all(folder, change):
    for file in list(folder.iterdir()):
        file.rename(folder / change(file.name))


def shorter_video(root):
    write_video(root / "video/001.AVI", moving_square(4))


# What is done to a sound clip; the kind, part of the reason, and the path of what is found then.
DAMAGE = {
    "an empty file": (
        video_clip,
        lambda root: (root / VIDEO).write_bytes(b""),
        ("unreadable-video", "found an empty file", VIDEO),
    ),
    "no video": (
        video_clip,
        lambda root: (root / VIDEO).write_bytes(b"this is not a video" * 50),
        ("unreadable-video", "Invalid data found", VIDEO),
    ),
    "a dangling link": (
        video_clip,
        lambda root: ((root / VIDEO).unlink(), (root / VIDEO).symlink_to(root / "nowhere.avi")),
        ("missing-file", "found none", VIDEO),
    ),
    "a video that is cut off": (
        video_clip,
        shorter_video,
        ("count-mismatch", "found 4 frames, 6 maps, 6 fixation files", VIDEO),
    ),
    "frames lost in extraction": (
        frame_clip,
        lambda root: (root / FRAMES / "0006.png").unlink(),
        ("count-mismatch", "found 5 frames, 6 maps, 6 fixation files", FRAMES),
    ),
    "a map too few": (
        video_clip,
        lambda root: (root / MAPS / "0006.png").unlink(),
        ("count-mismatch", "found 6 frames, 5 maps, 6 fixation files", VIDEO),
    ),
    "a fixation image too few": (
        video_clip,
        lambda root: (root / FIXATIONS / "0006.png").unlink(),
        ("count-mismatch", "found 6 frames, 6 maps, 5 fixation files", VIDEO),
    ),
    "a hole in the frames": (
        frame_clip,
        lambda root: (root / FRAMES / "0003.png").unlink(),
        ("missing-number", "5 numbers from 0001 to 0006, without 3", FRAMES),
    ),
    "a hole in the maps": (
        video_clip,
        lambda root: (root / MAPS / "0005.png").unlink(),
        ("missing-number", "without 5", MAPS),
    ),
    "mixed padding": (
        frame_clip,
        lambda root: (root / FRAMES / "0006.png").rename(root / FRAMES / "6.png"),
        ("mixed-padding", "found 0001 and 6", FRAMES),
    ),
    "a number twice": (
        frame_clip,
        lambda root: write_png(root / FRAMES / "00006.png", moving_square(1)[0]),
        ("mixed-padding", "numbers padded in one way", FRAMES),
    ),
    "two ways of naming": (
        frame_clip,
        lambda root: (root / FRAMES / "0006.png").rename(root / FRAMES / "frame0006.png"),
        ("mixed-names", "5 of <number>.png and 1 of frame<number>.png", FRAMES),
    ),
    "two formats": (
        frame_clip,
        lambda root: write_png(root / FRAMES / "0006.jpg", moving_square(1)[0]),
        ("mixed-names", "6 of <number>.png and 1 of <number>.jpg", FRAMES),
    ),
    "a frame of another size": (
        frame_clip,
        lambda root: write_png(root / FRAMES / "0004.png", np.zeros((HEIGHT, WIDTH - 2, 3), np.uint8)),
        ("size-mismatch", "expected 64x48 as the first frame, found 62x48", f"{FRAMES}/0004.png"),
    ),
    "a map of another size": (
        video_clip,
        lambda root: write_png(root / MAPS / "0002.png", np.zeros((HEIGHT + 1, WIDTH), np.uint8)),
        ("size-mismatch", "found 64x49", f"{MAPS}/0002.png"),
    ),
    "a fixation image of another size": (
        video_clip,
        lambda root: write_png(root / FIXATIONS / "0003.png", np.zeros((HEIGHT, WIDTH + 2), np.uint8)),
        ("size-mismatch", "found 66x48", f"{FIXATIONS}/0003.png"),
    ),
    "a map of 16 bits": (
        video_clip,
        lambda root: write_png(root / MAPS / "0002.png", np.full((HEIGHT, WIDTH), 999, np.uint16)),
        ("wrong-depth", "expected an image of 8 bits, found I;16 values", f"{MAPS}/0002.png"),
    ),
    "a frame that is cut off": (
        frame_clip,
        lambda root: cut(root / FRAMES / "0004.png"),
        ("unreadable-image", "truncated", f"{FRAMES}/0004.png"),
    ),
    "a map that is cut off": (
        video_clip,
        lambda root: cut(root / MAPS / "0006.png"),
        ("unreadable-image", "expected an image that decodes", f"{MAPS}/0006.png"),
    ),
    "an empty fixation image": (
        video_clip,
        lambda root: (root / FIXATIONS / "0004.png").write_bytes(b""),
        ("unreadable-image", f"cannot identify image file '{FIXATIONS}/0004.png'", f"{FIXATIONS}/0004.png"),
    ),
    "maps in the place of fixations": (
        video_clip,
        lambda root: write_png(root / FIXATIONS / "0002.png", np.full((HEIGHT, WIDTH), 3, np.uint8)),
        ("no-points", "3,072 of 3,072 pixels above 0", f"{FIXATIONS}/0002.png"),
    ),
    "no map": (
        video_clip,
        lambda root: empty(root / MAPS),
        ("no-maps", f"expected numbered saliency maps, found none in {MAPS}", MAPS),
    ),
    "folders of annotations that are empty": (
        video_clip,
        lambda root: (empty(root / MAPS), empty(root / FIXATIONS)),
        ("no-annotation", f"found none in {MAPS} and {FIXATIONS}", MAPS),
    ),
    "no frame": (
        frame_clip,
        lambda root: rename_all(root / FRAMES, lambda name: name.replace("png", "txt")),
        ("no-frames", f"none in {FRAMES}", FRAMES),
    ),
    "maps and fixations of other numbers": (
        video_clip,
        lambda root: rename_all(root / FIXATIONS, lambda name: f"f{int(name[:4]) + 1:04d}.png"),
        ("number-mismatch", "maps from 1, fixation files from 2", MAPS),
    ),
    "frames and annotations of other numbers": (
        frame_clip,
        lambda root: rename_all(root / FRAMES, lambda name: f"1{name}"),
        ("number-mismatch", "frames from 10001, annotations from 1", FRAMES),
    ),
    "annotations that count from 2": (
        video_clip,
        lambda root: [
            rename_all(root / kind, lambda name: f"x{int(name[:4]) + 1:04d}.png")
            for kind in (MAPS, FIXATIONS)
        ],
        ("number-mismatch", "frames from 1, annotations from 2", VIDEO),
    ),
    "no annotations": (
        video_clip,
        lambda root: (root / "annotation/0001").rename(root / "elsewhere"),
        ("no-annotation", "expected a folder of maps and one of fixations, found none", VIDEO),
    ),
    "no media": (
        video_clip,
        lambda root: (root / VIDEO).unlink(),
        ("missing-clip", "expected the video of the clip, found none", "video/0001.*"),
    ),
}
