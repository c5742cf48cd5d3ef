"""``python -m hd2s score`` against the metrics called one by one, and all that can be wrong with files."""

import csv
import multiprocessing
import os
import re
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from hd2s.__main__ import main
from hd2s.commands import score
from hd2s.metrics import METRICS, score_frames
from hd2s.metrics.benchmark import draw_other_fixations, resize_bicubic
from manifests import Clip, write

SIZE, LENGTHS = (36, 64), {"0601": 5, "0602": 3}


def fixations_of(name: str) -> np.ndarray:
    """Return rows of frame, y, x; the last frame has none."""
    rng = np.random.default_rng(int(name))
    return np.stack(
        [
            np.repeat(np.arange(LENGTHS[name] - 1), 4),
            *(rng.integers(0, side, 4 * (LENGTHS[name] - 1)) for side in SIZE),
        ],
        axis=1,
    )


def prediction_of(name: str, i: int) -> np.ndarray:
    noise = gaussian_filter(np.random.default_rng([int(name), i]).random((24, 40)), 3)
    return np.rint((noise - noise.min()) / np.ptp(noise) * 200).astype(np.uint8)


@pytest.fixture
def corpus(tmp_path):
    """Return a manifest's folder and a folder of good predictions."""
    root = tmp_path / "corpus"
    clips = []
    for name, n in LENGTHS.items():
        (root / name).mkdir(parents=True)
        rows = fixations_of(name)
        for i in range(n):
            hits = np.zeros(SIZE)
            hits[tuple(rows[rows[:, 0] == i, 1:].T)] = 1
            Image.fromarray(np.rint(gaussian_filter(hits, 3) * 3000).clip(0, 255).astype(np.uint8)).save(
                root / name / f"{i + 1:04d}.png"
            )
        pattern = name + "/{:04d}.png"
        clips.append(
            Clip(
                **{"corpus": "DHF1K", "split": "val", "clip": name, "source_video": name, "media": "frames"},
                **{"path": name, "frame_pattern": pattern, "map_pattern": pattern, "fixation_pattern": ""},
                **{"first_frame": 1, "first_annotation": 1, "n_frames": n, "fps": 30.0, "height": SIZE[0]},
                **{"width": SIZE[1], "codec": "png", "keyframes": (), "keyframe_frames": (), "status": "ok"},
                **{"n_fixated_frames": n - 1, "reason": "", "content": "", "size_bytes": 1, "mtime_ns": 1},
            )
        )
    write(tmp_path / "manifest", "DHF1K", root, clips, {name: fixations_of(name) for name in LENGTHS})
    predictions = tmp_path / "method"
    for name, n in LENGTHS.items():
        (predictions / name).mkdir(parents=True)
        for i in range(n):
            Image.fromarray(prediction_of(name, i)).save(predictions / name / f"{i + 1:04d}.png")
    return tmp_path / "manifest", predictions


def run(corpus, *arguments, split="val") -> int:
    manifest, predictions = corpus
    asked = ("--predictions", predictions, "--corpus", "dhf1k", "--split", split, "--manifest", manifest)
    return main(["score", *map(str, asked), "--workers", "2", *map(str, arguments)])


def expected() -> dict[str, np.ndarray]:
    """Score every frame by itself."""
    points = [
        rows[rows[:, 0] == i, 1:] for n in LENGTHS for rows in [fixations_of(n)] for i in range(LENGTHS[n])
    ]
    scores, at = {}, 0
    for name, n in LENGTHS.items():
        rows = []
        for i in range(n):
            hits = np.zeros(SIZE)
            hits[tuple(points[at].T)] = 1
            truth = np.rint(gaussian_filter(hits, 3) * 3000).clip(0, 255).astype(np.uint8)
            others = draw_other_fixations(points, [SIZE] * len(points), SIZE, (0, "DHF1K", name, i))
            image = resize_bicubic(prediction_of(name, i), SIZE)
            row = score_frames(image[None], [points[at]], truth[None], [others])
            rows.append([row[metric][0] for metric in METRICS])
            at += 1
        scores[name] = np.array(rows)
    return scores


def test_means_over_frames_and_over_videos(corpus, capsys, tmp_path):
    assert run(corpus, "--per-video", tmp_path / "videos.csv") == 0
    printed = capsys.readouterr().out
    scores = expected()
    frames = np.nanmean(np.concatenate(list(scores.values())), axis=0)
    videos = np.stack([np.nanmean(rows, axis=0) for rows in scores.values()])
    for k, metric in enumerate(METRICS):
        line = next(line for line in printed.splitlines() if re.search(rf"\W{metric}\W", line))
        assert re.findall(r"-?\d+\.\d{4}", line) == [f"{frames[k]:.4f}", f"{videos[:, k].mean():.4f}"]
        assert ("8 of 8" in line) == (metric in ("SIM",))
    with (tmp_path / "videos.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["video"], row["frames"]) for row in rows] == [("0601", "5"), ("0602", "3")]
    np.testing.assert_allclose([[float(row[m]) for m in METRICS] for row in rows], videos, atol=1e-12)


def test_padding_of_numbers_and_left_behind_files_do_not_matter(corpus, capsys):
    _, predictions = corpus
    (predictions / "0602").rename(predictions / "602")
    (predictions / "602" / "0003.png").rename(predictions / "602" / "3.png")
    (predictions / ".DS_Store").touch()
    (predictions / "602" / "Thumbs.db").touch()
    assert run(corpus) == 0
    assert "8 of 8" in capsys.readouterr().out


def test_everything_wrong_is_told_together_before_anything_is_scored(corpus, capsys):
    _, predictions = corpus
    (predictions / "0601" / "0002.png").unlink()
    (predictions / "0601" / "0004.png").rename(predictions / "0601" / "frame4.png")
    (predictions / "0601" / "1.png").write_bytes(b"the first frame again")
    (predictions / "0601" / "0006.png").touch()
    (predictions / "0602").rename(predictions / "video602")
    assert run(corpus) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    for said in (
        "5 problems",
        "a video of the split, found video602",
        "0602: expected a folder of 3 frames, found none",
        "frames 1.png to 5.png, found 0006.png, frame4.png",
        "each once, found 1.png again",
        "expected 5 frames, found no 2.png, 4.png",
    ):
        assert said in captured.err


@pytest.mark.parametrize(
    ("split", "said"), [("test", "expected fixations to score on"), ("vall", "split of DHF1K")]
)
def test_splits_that_cannot_be_scored(corpus, capsys, split, said):
    assert run(corpus, split=split) == 2
    assert said in capsys.readouterr().err


def test_a_cut_prediction_is_named(corpus, capsys):
    _, predictions = corpus
    path = predictions / "0601" / "0002.png"
    path.write_bytes(path.read_bytes()[:200])
    assert run(corpus) == 2
    assert f"{path}: expected an image that decodes" in capsys.readouterr().err


def test_16_bit_predictions_are_refused(corpus, capsys):
    _, predictions = corpus
    Image.fromarray(np.zeros((24, 40), np.uint16)).save(predictions / "0601" / "0001.png")
    assert run(corpus) == 2
    assert "expected an 8-bit image, found uint16" in capsys.readouterr().err


def test_every_process_scores_with_one_thread():
    before = dict(os.environ)
    with score._one_thread_each(), ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(os.getenv, "OPENBLAS_NUM_THREADS").result() == "1"
    assert dict(os.environ) == before
