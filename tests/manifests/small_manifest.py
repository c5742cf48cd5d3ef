"""A few clips and where they were looked at, from which tests write manifests."""

from dataclasses import replace

import numpy as np

from manifests import Clip


def clip(name: str, split: str = "train", **changes) -> Clip:
    """Return a sound clip of 20 frames, 40x30."""
    base = Clip(
        corpus="DHF1K",
        split=split,
        clip=name,
        source_video=name,
        media="video",
        path=f"video/{name}.AVI",
        frame_pattern="",
        map_pattern=f"annotation/{name}/maps/{{:04d}}.png",
        fixation_pattern=f"annotation/{name}/fixation/{{:04d}}.png",
        first_frame=1,
        first_annotation=1,
        n_frames=20,
        fps=30.0,
        width=40,
        height=30,
        codec="mpeg4",
        keyframes=(0, 12),
        keyframe_frames=(0, 12),
        n_fixated_frames=2,
        status="ok",
        reason="",
        content=f"content of {name}",
        size_bytes=100,
        mtime_ns=7,
    )
    return replace(base, **changes)


def broken(name: str, split: str = "train") -> Clip:
    return clip(name, split, status="quarantined", reason="20 frames, 19 maps", n_frames=0, width=0, height=0)


CLIPS = [
    clip("10", "test"),
    clip("2"),
    broken("3"),
    clip("0100"),
    clip("7", "val", media="frames", keyframes=(), keyframe_frames=()),
]


POINTS = {
    "2": np.array([[5, 29, 39], [0, 1, 2], [5, 0, 0]]),
    "10": np.array([[19, 3, 4]]),
    "7": np.array([[1, 3, 4], [1, 3, 4], [1, 3, 5]]),
}
