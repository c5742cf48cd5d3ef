"""``python -m hd2s score`` against the metrics called one by one, and all that can be wrong with files."""

import csv
import errno
import json
import multiprocessing
import os
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from datasets.loading.scored_split import ScoredSplit
from grid.evaluation.scoring import score_clip
from hd2s import save_weights
from hd2s.__main__ import main
from hd2s.commands import score
from hd2s.metrics import METRICS, score_frames
from hd2s.metrics.benchmark import draw_other_fixations, resize_bicubic
from hd2s.prediction.predictor import Predictor
from tests.datasets.scored_corpus import LENGTHS, SIZE, map_of, points_of, write_scored
from tests.hd2s.models.small_models import trained_like
from tests.places import REPOSITORY
from tests.plugged import OURS


def prediction_of(name: str, i: int) -> np.ndarray:
    noise = gaussian_filter(np.random.default_rng([int(name), i]).random((24, 40)), 3)
    return np.rint((noise - noise.min()) / np.ptp(noise) * 200).astype(np.uint8)


@pytest.fixture
def corpus(tmp_path):
    """Return a manifest's folder and a folder of good predictions."""
    predictions = tmp_path / "method"
    for name, n in LENGTHS.items():
        (predictions / name).mkdir(parents=True)
        for i in range(n):
            Image.fromarray(prediction_of(name, i)).save(predictions / name / f"{i + 1:04d}.png")
    return write_scored(tmp_path), predictions


def run(corpus, *arguments, split="val", workers=1) -> int:
    manifest, predictions = corpus
    asked = ("--predictions", predictions, "--corpus", "dhf1k", "--split", split, "--manifest", manifest)
    return main(["score", *map(str, asked), "--workers", str(workers), *map(str, arguments)])


def expected() -> dict[str, np.ndarray]:
    """Score every frame by itself."""
    frames = [(name, i) for name, n in LENGTHS.items() for i in range(n)]
    points = [points_of(name, i, LENGTHS[name]) for name, i in frames]
    scores = {name: [] for name in LENGTHS}
    for (name, i), fixated in zip(frames, points, strict=True):
        truth = map_of(name, i, LENGTHS[name])
        others = draw_other_fixations(points, [SIZE] * len(points), SIZE, (0, "DHF1K", name, i))
        image = resize_bicubic(prediction_of(name, i), SIZE)
        row = score_frames(image[None], [fixated], truth[None], [others])
        scores[name].append([row[metric][0] for metric in METRICS])
    return {name: np.array(rows) for name, rows in scores.items()}


@pytest.mark.slow
def test_means_over_frames_and_over_videos(corpus, capsys, tmp_path):
    assert run(corpus, "--per-video", tmp_path / "videos.csv", workers=2) == 0
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


@pytest.mark.slow
def test_means_are_printed_where_those_of_videos_cannot_be_written(corpus, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(score.csv, "writer", full)
    assert run(corpus, "--per-video", tmp_path / "videos.csv") == 2
    told = capsys.readouterr()
    assert "AUC-J" in told.out
    assert "No space left" in told.err


def test_a_metric_of_a_plug_in_folder_stands_beside_the_others(corpus, tmp_path, capsys):
    assert run(corpus, "--plugins", OURS, "--per-video", tmp_path / "videos.csv", workers=2) == 0
    assert "hits" in capsys.readouterr().out
    with (tmp_path / "videos.csv").open() as file:
        rows = {row["video"]: row for row in csv.DictReader(file)}
    assert list(rows["0601"])[2:] == [*METRICS, "hits"]
    means = {name: np.nanmean(rows, axis=0) for name, rows in expected().items()}
    for name, n in LENGTHS.items():
        shares = []
        for i in range(n):
            image = resize_bicubic(prediction_of(name, i), SIZE)
            y, x = np.unique(points_of(name, i, n), axis=0).reshape(-1, 2).T
            shares.append(np.mean(image[y, x] >= np.quantile(image, 0.9)) if len(y) else np.nan)
        assert float(rows[name]["hits"]) == pytest.approx(np.nanmean(shares))
        np.testing.assert_allclose([float(rows[name][m]) for m in METRICS], means[name], atol=1e-12)


def test_scoring_without_plug_ins_loads_no_pytorch():
    """Its processes, one for each core, would each take seconds and memory."""
    code = (
        "import sys; from hd2s.commands import score; score.register_plugins([]);"
        " sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0


def test_names_are_those_that_the_corpus_is_known_by(corpus, capsys):
    """DHF1K's videos are numbers in any padding; frames are numbered from 1 or 0, or as the clip's are."""
    _, predictions = corpus
    (predictions / "0602").rename(predictions / "602")
    for number in (1, 2, 3):
        (predictions / "602" / f"{number:04d}.png").rename(predictions / "602" / f"map_{number - 1}.png")
    (predictions / ".DS_Store").touch()
    (predictions / "602" / "Thumbs.db").touch()
    assert run(corpus) == 0
    captured = capsys.readouterr()
    assert "8 of 8" in captured.out
    assert captured.err == f"{predictions}/602: frames 0 to 2 count as 1 to 3.\n"


def test_what_is_none_of_the_split_s_is_left_aside_and_told(corpus, capsys):
    _, predictions = corpus
    (predictions / "0700").mkdir()
    (predictions / "readme.txt").touch()
    (predictions / "0601" / "notes.txt").touch()
    assert run(corpus) == 0
    told = capsys.readouterr().err
    assert f"{predictions}: left aside, not of this split: 0700, readme.txt." in told
    assert f"{predictions}/0601: 1 more: notes.txt" in told


def test_clips_with_too_few_frames_are_left_out_whether_or_not_they_are_predicted(corpus, tmp_path):
    least = max(LENGTHS.values())
    table = tmp_path / "means.csv"
    assert run(corpus, "--min-frames", least, "--per-video", table) == 0
    with table.open() as file:
        assert [row["video"] for row in csv.DictReader(file)] == [n for n, k in LENGTHS.items() if k == least]


def test_missing_and_doubled_videos_are_told_together(corpus, capsys):
    _, predictions = corpus
    (predictions / "601").mkdir()
    (predictions / "0602").rename(predictions / "video602")
    assert run(corpus) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    for said in (
        "2 problems",
        "0602: expected a folder of 3 frames, found none; of other names: video602",
        "expected 0601 once, found 0601, 601",
    ):
        assert said in captured.err


def test_what_indexing_refuses_is_told_of_all_videos_before_anything_is_scored(corpus, capsys):
    """More of it: `test_submission`."""
    _, predictions = corpus
    (predictions / "0601" / "0002.png").unlink()
    damaged = predictions / "0602" / "0001.png"
    content = bytearray(damaged.read_bytes())
    content[content.index(b"IEND") - 12] ^= 1  # in the last bytes of the pixels, or their checksum
    damaged.write_bytes(content)
    assert run(corpus) == 2
    captured = capsys.readouterr()
    assert captured.out.strip() == ""
    assert "0601: expected numbers without a hole" in captured.err
    assert f"{damaged}: expected an image that decodes" in captured.err


def test_a_map_that_is_not_as_indexed_is_told(corpus, tmp_path, capsys):
    (tmp_path / "corpus/maps/0601/0002.png").unlink()
    assert run(corpus) == 2
    told = capsys.readouterr().err
    assert "DHF1K/0601 (" in told
    assert "0002.png): expected an image that decodes, as indexed, found FileNotFoundError" in told


@pytest.mark.parametrize(
    ("split", "said"), [("test", "expected fixations to score on"), ("vall", "split of DHF1K")]
)
def test_splits_that_cannot_be_scored(corpus, capsys, split, said):
    assert run(corpus, split=split) == 2
    assert said in capsys.readouterr().err


def test_every_process_scores_with_one_thread():
    before = dict(os.environ)
    with score._one_thread_each(), ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(os.getenv, "OPENBLAS_NUM_THREADS").result() == "1"
    assert dict(os.environ) == before


@pytest.mark.slow
def test_the_first_channel_of_a_colour_image_counts_and_colours_are_told(corpus, tmp_path, capsys):
    def scored(where):
        assert run(corpus, "--per-video", tmp_path / where) == 0
        return (tmp_path / where).read_text()

    grey = scored("grey.csv")
    for file in (corpus[1] / "0601").iterdir():
        pixels = np.asarray(Image.open(file))
        others = 255 - pixels
        as_palette = Image.fromarray(pixels).convert("P") if file.stem == "0001" else None
        (as_palette or Image.fromarray(np.stack([pixels, others, others], axis=2))).save(file)
    capsys.readouterr()
    assert scored("colour.csv") == grey
    assert "4 of 8 predictions are in colour" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_predictions_that_lie_on_their_side_are_told(corpus, capsys):
    assert run(corpus) == 0
    assert "upright" not in capsys.readouterr().out
    for file in (corpus[1] / "0601").iterdir():
        Image.open(file).transpose(Image.Transpose.ROTATE_90).save(file)
    assert run(corpus) == 0
    assert "5 of 8 predictions are upright where maps are wide" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_constant_predictions_count_as_chance_and_are_told(corpus, capsys):
    def told():
        assert run(corpus, "--json") == 0
        return json.loads(capsys.readouterr().out)

    usual = told()
    for file in (corpus[1] / "0602").iterdir():
        Image.new("L", (40, 24), 77).save(file)
    collapsed = told()
    assert (usual["constant"], collapsed["constant"], collapsed["frames"]) == (0, 3, 8)
    for metric, chance in {"NSS": 0, "CC": 0, "AUC-J": 0.5, "s-AUC": 0.5}.items():
        assert usual["metrics"][metric]["scored"] == collapsed["metrics"][metric]["scored"]
        kept, changed = (expected()[name][:, METRICS.index(metric)] for name in ("0601", "0602"))
        rows = np.concatenate([kept, np.where(np.isnan(changed), np.nan, chance)])
        assert collapsed["metrics"][metric]["over_frames"] == pytest.approx(np.nanmean(rows)), metric
    assert run(corpus) == 0
    assert "3 of 8 predictions are constant" in " ".join(capsys.readouterr().out.split())


def test_a_column_s_mean_leaves_out_what_is_undefined():
    rows = np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan]])
    np.testing.assert_array_equal(score._mean(rows), [2.0, 5.0, np.nan])


@pytest.mark.slow
def test_a_scored_submission_equals_the_grid_s_evaluation(tmp_path):
    """``predict --submission`` and ``score`` give what the grid's own evaluation gives, to the last bit."""
    manifest = write_scored(tmp_path, {"0601": 9, "0602": 3}, split="test")
    model = trained_like(8).eval()
    save_weights(model, tmp_path / "model.pt")
    corpus = ["--corpus", "dhf1k", "--split", "test", "--manifest", str(manifest)]
    out, table = str(tmp_path / "out"), str(tmp_path / "videos.csv")
    written = ["--weights", str(tmp_path / "model.pt"), "--out", out, "--submission", "--device", "cpu"]
    assert main(["predict", *corpus, *written]) == 0
    assert main(["score", *corpus, "--predictions", out, "--per-video", table, "--workers", "1"]) == 0
    with Path(table).open(newline="") as file:
        found = {row["video"]: row for row in csv.DictReader(file)}
    split = ScoredSplit.open(str(manifest), "test")
    predictor = Predictor(model)
    for name in split.clips:
        scores = score_clip(split, name, predictor=predictor, size=(32, 32), threads=1, eight_bit=True)
        rows = np.stack([scores[metric].to_numpy() for metric in METRICS], axis=1)
        assert np.isfinite(rows[:-1]).all(), "all but the last frame, without fixations"
        assert np.isnan(rows[-1]).any()
        assert [float(found[name][metric]) for metric in METRICS] == score._mean(rows).tolist()
