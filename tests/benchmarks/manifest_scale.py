"""What manifests cost at full size: python tests/benchmarks/manifest_scale.py [--clips N …] [--tiny]

Writes the manifests of the paper's three annotated corpora with their 7,107 real lengths, then the same with
DHF1K repeated until there are N clips (default: 10,000, 100,000 and 1,000,000), and times each step in a
process of its own, so that its peak memory is its own: writing, opening, drawing a thousand windows of one
split as loaders do, planning Table 5, and saying what that costs as `--plan` does. Seconds are those of the
processor, imports left out: other work on the machine changes them little.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY))

# The repository is not installed everywhere.
from datasets.loading.windows import WindowShape, draw_window, eligible, usable_among  # noqa: E402
from manifests import Clip, open_manifest, write  # noqa: E402

if TYPE_CHECKING:
    from grid.planning.prepare import Grid

LENGTHS = Path(__file__).with_name("video_lengths.csv")
SPLITS = {("DHF1K", "val"): "test"}
FIXATIONS_A_CLIP = 50
SHAPE, WINDOWS = WindowShape(16), 1000


def clips_of(corpus: str, n_clips: int) -> Iterator[Clip]:
    """Yield rows with the corpus's real lengths, repeated until there are `n_clips`; every tenth of val."""
    with LENGTHS.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["dataset"] == corpus]
    for i in range(n_clips or len(rows)):
        row, name = rows[i % len(rows)], f"{rows[i % len(rows)]['video']}-{i // len(rows)}"
        split = SPLITS.get((corpus, row["split"]), row["split"])
        yield Clip(
            corpus=corpus,
            split="val" if split == "train" and i % 10 == 0 else split,
            clip=name,
            source_video=row["video"],
            media="video",
            path=f"video/{name}.AVI",
            frame_pattern="",
            map_pattern=f"annotation/{name}/maps/{{:04d}}.png",
            fixation_pattern=f"annotation/{name}/fixation/{{:04d}}.png",
            first_frame=1,
            first_annotation=1,
            n_frames=int(row["n_frames"]),
            fps=30.0,
            width=640,
            height=360,
            codec="mpeg4",
            keyframes=tuple(range(0, int(row["n_frames"]), 100)),
            keyframe_frames=tuple(range(0, int(row["n_frames"]), 100)),
            n_fixated_frames=1,
            status="ok",
            reason="",
            content=f"{i:016x}",
            states=f"{i:016x}",
            size_bytes=1_000_000 + i,
            mtime_ns=i,
        )


class Points:
    """Fixations made up when asked for, as the indexer loads them."""

    def get(self, clip: str, /) -> np.ndarray:
        """Return int32 (FIXATIONS_A_CLIP, 3) in the first frame."""
        rows = np.zeros((FIXATIONS_A_CLIP, 3), np.int32)
        rows[:, 1], rows[:, 2] = len(clip), np.arange(FIXATIONS_A_CLIP)
        return rows


def step_write(folder: Path, n_clips: int) -> None:
    """Write the three manifests, DHF1K's with `n_clips`."""
    for corpus, count in (("DHF1K", n_clips), ("Hollywood2", 0), ("UCFSports", 0)):
        write(folder / corpus, corpus, folder, clips_of(corpus, count), Points())


def step_open(folder: Path, n_clips: int) -> None:
    """Open by the metadata alone."""
    del n_clips
    open_manifest(folder / "DHF1K")


def step_sample(folder: Path, n_clips: int) -> None:
    """Draw windows of one split, with the clips that they are of."""
    del n_clips
    clips, _ = eligible(open_manifest(folder / "DHF1K").clips("train"), SHAPE.length)
    lengths = SHAPE.showing(clips, "repeated").places(clips) + SHAPE.span - 1
    among = {"lengths": lengths, "span": SHAPE.span, "usable": usable_among(lengths, SHAPE.span)}
    for slot in range(WINDOWS):
        window = draw_window(0, "DHF1K", 0, slot, **among)
        assert clips[window.clip_index].n_frames - window.start >= SHAPE.span


def step_plan(folder: Path, n_clips: int) -> None:
    """Check all that Table 5 reads, and plan it."""
    del n_clips
    _planned(folder)


def step_cost(folder: Path, n_clips: int) -> None:
    """Do that, and count what it will take."""
    del n_clips
    _, estimate, named = _planner()
    assert estimate(_planned(folder), named("H100")).left.frames


def _planned(folder: Path) -> Grid:
    places = [f"corpora.{name}.manifest={folder / name}" for name in ("DHF1K", "Hollywood2", "UCFSports")]
    overrides = ["model.backbone_weights=none", *places]
    prepare, *_ = _planner()
    grid = prepare("table5", overrides, folder / "out", demo=False, tell=lambda text: None)
    assert len(grid.plan.cells) == 18
    return grid


def _planner() -> tuple[Callable, ...]:
    """Import what plans, which only two steps need."""
    from grid.commands.cost import estimate
    from grid.commands.devices import named
    from grid.planning.prepare import prepare

    return prepare, estimate, named


STEPS: dict[str, Callable[[Path, int], None]] = {
    "write": step_write,
    "open": step_open,
    "sample": step_sample,
    "plan": step_plan,
    "cost": step_cost,
}


def measure(step: str, folder: Path, n_clips: int) -> tuple[float, float]:
    """Run one step in a process of its own; return its seconds and its peak memory in MiB."""
    command = [sys.executable, __file__, "--step", step, "--folder", str(folder), "--clips", str(n_clips)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    return found["seconds"], found["mib"]


def run_step(step: str, folder: Path, n_clips: int) -> None:
    """Be that process."""
    if step in ("plan", "cost"):
        _planner()  # not part of the time
    started = time.process_time()
    STEPS[step](folder, n_clips)
    seconds = time.process_time() - started
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "mib": mib}))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, nargs="*", default=[0, 10_000, 100_000, 1_000_000])
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--tiny", action="store_true", help="as small as it can be, to see that it runs")
    options = parser.parse_args()
    if options.step:
        run_step(options.step, options.folder, options.clips[0])
        return
    print(f"{'clips':>12}" + "".join(f"{step:>22}" for step in STEPS))
    for n_clips in [0] if options.tiny else options.clips:
        with tempfile.TemporaryDirectory() as folder:
            found = [measure(step, Path(folder), n_clips) for step in STEPS]
        label = f"{n_clips:,}" if n_clips else "7,107 real"
        print(f"{label:>12}" + "".join(f"{s:>12.3f} s {mib:>5,.0f} MiB" for s, mib in found), flush=True)


if __name__ == "__main__":
    main()
