"""``predict --submission`` and ``score`` give what the grid's own evaluation gives, to the last bit."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.loading.scored_split import ScoredSplit
from grid.evaluation.scoring import score_clip
from hd2s import save_weights
from hd2s.__main__ import main
from hd2s.metrics.definitions import METRICS
from hd2s.prediction.predictor import Predictor
from manifests import Clip, write
from tests.hd2s.small_models import trained_like

SIZE, LENGTHS = (45, 80), {"0601": 9, "0602": 3}


@pytest.fixture
def manifest(tmp_path):
    rng = np.random.default_rng(0)
    root, clips, fixations = tmp_path / "corpus", [], {}
    for name, n in LENGTHS.items():
        for kind, shape in (("frames", (*SIZE, 3)), ("maps", SIZE)):
            (root / kind / name).mkdir(parents=True)
            for i in range(1, n + 1):
                pixels = rng.integers(0, 256, shape, dtype=np.uint8)
                Image.fromarray(pixels).save(root / kind / name / f"{i:04d}.png")
        fixations[name] = np.stack(
            [np.repeat(np.arange(n), 5), *(rng.integers(0, side, 5 * n) for side in SIZE)], axis=1
        )
        patterns = {f"{kind}_pattern": f"{kind}s/{name}/{{:04d}}.png" for kind in ("frame", "map")}
        sides = {"height": SIZE[0], "width": SIZE[1], "n_frames": n, "n_fixated_frames": n, "fps": 30.0}
        names = {"corpus": "DHF1K", "split": "test", "clip": name, "source_video": name, "media": "frames"}
        empty = {"fixation_pattern": "", "reason": "", "content": "", "keyframes": (), "keyframe_frames": ()}
        rest = {"path": f"frames/{name}", "codec": "png", "first_frame": 1, "first_annotation": 1}
        stamp = {"status": "ok", "size_bytes": 1, "mtime_ns": 1}
        clips.append(Clip(**names, **patterns, **sides, **empty, **rest, **stamp))
    write(tmp_path / "manifest", "DHF1K", root, clips, fixations)
    return tmp_path / "manifest"


def test_a_scored_submission_equals_the_grid_s_evaluation(manifest, tmp_path):
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
    for name in LENGTHS:
        scores = score_clip(split, name, predictor=predictor, size=(32, 32), threads=1, eight_bit=True)
        rows = np.stack([scores[metric].to_numpy() for metric in METRICS], axis=1)
        assert np.isfinite(rows).all()
        assert [float(found[name][metric]) for metric in METRICS] == (rows.sum(axis=0) / len(rows)).tolist()
