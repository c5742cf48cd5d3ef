"""From a lab's recordings to an indexed corpus, what is kept, and what is told."""

import math
import shlex
import shutil
import unicodedata

import numpy as np
import pytest
from PIL import Image

from datasets.__main__ import main
from datasets.corpora.own_folder import FolderCorpus
from datasets.indexing.index import index
from manifests import open_manifest
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


def table(position, step=10.0, n=20):
    return "\n".join(f"{subject},{t * step:g},{position}" for subject in "AB" for t in range(n))


@pytest.mark.parametrize(
    ("about", "rows", "told"),
    [
        ("time: s", table("30,20"), "end at 0.4 s, found 38 of 40 samples outside of it, from 10 to 190 s"),
        (
            "time: ms",
            table("30,20", 0.01),
            "found none in 40 samples from 0 to 0.00019 s, 0 without eyes and 0",
        ),
        ("position: share", table("30,20"), "0 without eyes and 2 fixations outside the video. Correct time"),
        ("time: ms", table("NaN,NaN"), "found none in 0 samples, 40 without eyes"),
    ],
)
def test_nothing_is_written_of_a_clip_whose_numbers_mean_something_else(lab, capsys, about, rows, told):
    (lab / "gaze.yaml").write_text(f"sigma: 3\n{about}\n")
    (lab / "gaze/walk.csv").write_text(rows)
    assert main(["gaze", "--root", str(lab)]) == 2
    said = capsys.readouterr()
    assert f"{lab}/gaze/walk: expected " in said.err
    assert told in said.err
    assert "Now:" not in said.out
    assert not (lab / "maps/walk").exists()


@pytest.mark.parametrize(
    ("about", "rows", "told"),
    [
        ("", table("30,20", n=60), "; 18 samples outside its 0.4 s: from 0.51 to 0.59 s"),
        ("", table("30,20", n=12), "; its gaze ends at 0.11 of 0.4 s"),
        (
            "position: screen\nscreen: {width: 960, height: 480}\nshown: [0, 0, 960, 480]",
            table("30,20", n=40),
            "; its shape as shown is another than its own, 64 × 48",
        ),
    ],
)
def test_what_is_more_often_a_mistake_is_told(lab, capsys, about, rows, told):
    (lab / "gaze.yaml").write_text(f"sigma: 3\n{about}\n")
    (lab / "gaze/walk.csv").write_text(rows)
    assert main(["gaze", "--root", str(lab)]) == 0
    walk = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("walk: "))
    assert walk.endswith(f"were left out{told}")


def test_a_table_of_several_subjects_without_their_column_is_refused(lab, capsys):
    (lab / "gaze/walk.csv").write_text(f"participant,time,x,y\n{table('30,20')}")
    (lab / "gaze/run/A.csv").write_text(f"pupil,time,x,y\n{table('30,20')}")
    assert main(["gaze", "--root", str(lab)]) == 2
    said = capsys.readouterr()
    assert "walk.csv: expected a column subject, found participant, time, x, y" in said.err
    assert "run: 2 subjects" in said.out, "in a folder each table is one subject's"


def looked(lab, clip):
    """Return the numbers of the frames in which anything is fixated."""
    files = sorted((lab / "fixations" / clip).glob("*.png"))
    return [int(path.stem) for path in files if np.asarray(Image.open(path)).any()]


@pytest.mark.parametrize(("time", "samples"), [("ms", range(1610, 1800, 10)), ("frame", range(27, 32))])
def test_in_a_video_of_no_steady_rate_gaze_lies_in_the_frames_that_were_shown(lab, time, samples):
    # 20 frames of 40 ms, as when nothing moves on a screen 20 of 200 ms: 8.3 a second on the average.
    times = [*range(0, 800, 40), *range(800, 4800, 200)]
    write_video(lab / "videos/walk.mp4", moving_square(40), "libx264", pts=times)
    (lab / "gaze.yaml").write_text(f"sigma: 3\ntime: {time}\n")
    (lab / "gaze/walk.csv").write_text("".join(f"A,{when},30,20\n" for when in samples))
    (lab / "gaze/run/A.csv").unlink()
    (lab / "gaze/run/B.csv").unlink()
    assert main(["gaze", "--root", str(lab)]) == 0
    assert looked(lab, "walk") == ([25] if time == "ms" else [27, 28, 29, 30, 31])


@pytest.mark.parametrize("where", ["train/videos/walk.mp4", "images/walk.png", "train/walk/images/0001.png"])
def test_clips_beside_which_its_folders_are_not_looked_for_are_refused(lab, capsys, where):
    shutil.rmtree(lab / "videos")
    place = lab / where
    place.parent.mkdir(parents=True)
    if place.suffix == ".mp4":
        write_video(place, moving_square(10), fps=25)
    else:
        write_png(place, moving_square(1)[0])
    shutil.rmtree(lab / "gaze/run")
    assert main(["gaze", "--root", str(lab)]) == 2
    assert "expected videos/<clip>.mp4 or frames/<clip>/, found the layout " in capsys.readouterr().err
    assert not (lab / "maps").exists()


@pytest.mark.parametrize("shown", ["", "shown: [0, 0, 1920, 1080]\n"])
def test_on_a_screen_a_video_has_the_shape_that_players_give_it(lab, capsys, shown):
    # Stored as 64 x 48, its pixels a third wider than high: 16 to 9, as the screen is.
    write_video(lab / "videos/walk.mp4", moving_square(10), "libx264", fps=25, aspect="4/3")
    screen = "screen: {width: 1920, height: 1080}\n"
    (lab / "gaze.yaml").write_text(f"sigma: 3\nposition: screen\n{screen}{shown}")
    (lab / "gaze/walk.csv").write_text(table("1455,562"))
    for subject in "AB":
        (lab / f"gaze/run/{subject}.csv").unlink()
    assert main(["gaze", "--root", str(lab)]) == 0
    assert "its shape as shown" not in capsys.readouterr().out
    with Image.open(lab / "fixations/walk/0002.png") as image:
        assert np.argwhere(np.asarray(image)).tolist() == [[24, 48]]


@pytest.mark.parametrize("layout", ["videos", "frames"])
def test_of_videos_that_lie_there_as_frames_too_one_is_chosen(tmp_path, lab, capsys, layout):
    lab = lab.rename(tmp_path.with_name(f"{tmp_path.name} of ours"))
    for name in ("walk", "run", "bare"):
        for i, image in enumerate(moving_square(10)):
            write_png(lab / f"frames/{name}/{i:03d}.png", image)
    (lab / "gaze.yaml").write_text("sigma: 3\nfps: 25\n")
    assert main(["gaze", "--root", str(lab)]) == 2
    assert "Choose: --layout videos or --layout frames" in capsys.readouterr().err
    assert main(["gaze", "--root", str(lab), "--layout", layout]) == 0
    assert (lab / "maps/walk/0000.png").exists() == (layout == "frames")
    said = capsys.readouterr().out.splitlines()[-1].removeprefix("Now: python -m datasets ")
    command = shlex.split(said.replace("NAME", "Lab"))
    assert main([*command, "--out", str(lab / "m"), "--workers", "1"]) == 0
    counts = open_manifest(lab / "m").counts
    assert (counts["train"], counts["val"], counts["unannotated"]) == (1, 1, 1)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accents_are_the_same_letters_in_whichever_form_a_system_keeps_them(lab, form):
    (lab / "videos/walk.mp4").rename(lab / f"videos/{unicodedata.normalize(form, 'été')}.mp4")
    (lab / "gaze/walk.csv").rename(lab / f"gaze/{unicodedata.normalize('NFD', 'été')}.csv")
    assert main(["gaze", "--root", str(lab)]) == 0
    manifest = index(FolderCorpus("Lab"), lab, lab / "manifest")
    assert {clip.clip for clip in manifest.clips() if clip.n_fixated_frames} == {"run", "été"}
