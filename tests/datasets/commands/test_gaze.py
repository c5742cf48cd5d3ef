"""From a lab's recordings to an indexed corpus, and what is wrong with gaze.yaml."""

import math

import numpy as np
import pytest
from PIL import Image

from datasets.__main__ import main
from datasets.commands.gaze import read_about
from datasets.corpora.own_folder import FolderCorpus
from datasets.indexing.index import index
from datasets.reading.clip import Media
from manifests import ProblemError
from tests.datasets.small_corpora import HEIGHT, WIDTH, moving_square, write_png, write_video


@pytest.fixture
def lab(tmp_path):
    for name in ("walk", "run", "bare"):
        write_video(tmp_path / f"videos/{name}.mp4", moving_square(10), fps=25)
    gaze = tmp_path / "gaze"
    (gaze / "run").mkdir(parents=True)
    look = [f"{t},{WIDTH // 2},{HEIGHT // 4}" for t in range(0, 200, 10)]
    both = [f"{subject},{line}" for subject in "AB" for line in look]
    (gaze / "walk.csv").write_text("\n".join(["subject,time,x,y", *both]))
    for subject in "AB":
        (gaze / f"run/{subject}.csv").write_text("\n".join(["time,x,y", *look]))
    (tmp_path / "gaze.yaml").write_text("position: video\nsigma: 3\n")
    return tmp_path


def test_recordings_become_fixations_and_maps_that_can_be_indexed(lab, capsys):
    assert main(["gaze", "--root", str(lab)]) == 0
    told = capsys.readouterr().out
    assert "walk: 2 subjects, 5 fixated pixels in 10 frames; 0 samples without eyes" in told
    assert "run: 2 subjects, 5 fixated pixels" in told
    assert "bare: no gaze; it stays unannotated" in told
    assert told.splitlines()[-1] == f"Now: python -m datasets index folder --name NAME --root {lab}"
    manifest = index(FolderCorpus("Lab"), lab, lab / "manifest")
    assert manifest.quarantined == 0
    assert "gaze" not in {finding.path for finding in manifest.problems() if finding.kind == "unknown-name"}
    clip = next(clip for clip in manifest.clips() if clip.clip == "walk")
    points = manifest.fixations(clip.split).frame("walk", 4)
    assert points.tolist() == [[HEIGHT // 4, WIDTH // 2]]
    assert clip.n_fixated_frames == 5, "200 ms of 40 ms each"
    density = np.asarray(Image.open(lab / "maps/walk/0001.png"), float)
    assert density[HEIGHT // 4, WIDTH // 2] == 255
    assert density[HEIGHT // 4, WIDTH // 2 + 3] == round(255 * math.exp(-0.5))
    assert not np.asarray(Image.open(lab / "maps/walk/0010.png")).any()


def test_degrees_become_pixels_of_each_video(tmp_path):
    path = tmp_path / "gaze.yaml"
    screen = "{width: 1920, height: 1080, width_cm: 53, distance_cm: 65}"
    path.write_text(f"degrees: 1\nposition: screen\nscreen: {screen}\n")
    found, sigma = read_about(path).of(Media(100, 640, 360, 25.0, "h264"))
    per_degree = math.tan(math.radians(1)) * 65 * 1920 / 53
    assert sigma == pytest.approx(per_degree / 3), "a video of 640 is shown three times as large"
    assert found.dispersion == sigma


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sigma: 3\nscren: {}", "a known key, found 'scren'. Did you mean screen"),
        ("degrees: 1", "for degrees, screen with width, height, width_cm, distance_cm"),
        ("{}", "either degrees or sigma"),
        ("sigma: 0", "sigma: a number above 0, found 0"),
        ("sigma: 3\ntime: minutes", "time: one of s, ms, us, frame, found 'minutes'"),
        ("sigma: 3\nposition: screen", "on which positions are"),
        ("sigma: 3\nshown: [1, 2]", "shown: [x, y, width, height]"),
        ("sigma: [", "units and screen of the recordings"),
    ],
)
def test_what_is_wrong_with_the_file_is_told(tmp_path, text, told):
    (tmp_path / "gaze.yaml").write_text(text)
    with pytest.raises(ProblemError) as error:
        read_about(tmp_path / "gaze.yaml")
    assert told in str(error.value)


def test_gaze_of_no_video_and_tables_without_a_column_are_told(lab, capsys):
    (lab / "gaze/wolk.csv").write_text("A,1,2,3")
    assert main(["gaze", "--root", str(lab)]) == 2
    assert "gaze/wolk: expected a video or a folder of frames of this name" in capsys.readouterr().err
    (lab / "gaze/wolk.csv").unlink()
    (lab / "gaze/walk.csv").write_text("who,when,x,y\nA,1,2,3")
    assert main(["gaze", "--root", str(lab)]) == 2
    assert "expected a column time, found who, when, x, y" in capsys.readouterr().err


def files(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_maps_and_fixations_of_somebody_else_are_kept(lab, capsys):
    write_png(lab / "maps/walk/0001.png", np.full((HEIGHT, WIDTH), 9, np.uint8))
    write_png(lab / "fixations/run/0001.png", np.full((HEIGHT, WIDTH), 9, np.uint8))
    before = files(lab)
    assert main(["gaze", "--root", str(lab)]) == 2
    told = capsys.readouterr().err
    assert f"1. {lab}/maps: expected no folders of these clips but those that this command made" in told
    assert f"2. {lab}/fixations: " in told
    assert files(lab) == before
    assert main(["gaze", "--root", str(lab), "--replace"]) == 0
    assert len(list((lab / "maps/walk").glob("*.png"))) == 10
    assert main(["gaze", "--root", str(lab)]) == 0, "its own it replaces without a word"
    manifest = index(FolderCorpus("Lab"), lab, lab / "manifest")
    assert [finding for finding in manifest.problems() if finding.kind == "stray-file"] == []
