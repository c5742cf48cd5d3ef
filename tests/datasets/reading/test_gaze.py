"""Gaze tables in the forms that people have them, against fixations known beforehand."""

import numpy as np
import pytest

from datasets.corpus import ClipError
from datasets.reading.gaze import Gaze, Screen, fixated, fixations, read_gaze

SIZE = (160, 90)  # width, height
PIXELS = Screen()
# Two looks of 200 ms at (40, 30) and (100, 60), 100 samples a second, with a jump of 20 ms between them.
LOOKS = [(t, 40.0 + t % 20 / 10, 30.0) for t in range(0, 210, 10)]
LOOKS += [(t, 100.0, 60.0 - t % 20 / 10) for t in range(230, 440, 10)]


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def read(path, screen=PIXELS):
    return read_gaze(path, screen, *SIZE, fps=25.0)


FORMS = {
    "comma": ("subject,time,x,y", "A,{t},{x},{y}"),
    "tab": ("time\tsubject\ty\tx", "{t}\tA\t{y}\t{x}"),
    "german": ("subject;time;x;y", "A;{t};{x};{y}"),
    "spaces": ("", "A {t} {x} {y}"),
    "notes above": ("# from the tracker\nsubject,time,x,y", "A,{t},{x},{y}"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_table_gives_the_same_samples(tmp_path, form):
    head, line = FORMS[form]
    rows = [line.format(t=t, x=x, y=y) for t, x, y in LOOKS]
    if form == "german":
        rows = [row.replace(".", ",") for row in rows]
    gaze = read(write(tmp_path / "a.csv", "\n".join(filter(None, [head, *rows]))))
    assert list(gaze.subjects) == ["A"]
    assert gaze.subjects["A"].tolist() == [list(row) for row in LOOKS]


@pytest.mark.parametrize("lost", ["0,0", "0.00,0.0", ".,.", ",", "-,-", "Infinity,3", "nan,NaN"])
def test_samples_without_eyes_are_counted_and_left_out(tmp_path, lost):
    gaze = read(write(tmp_path / "a.csv", f"subject,time,x,y\nA,1,0,5\nA,2,{lost}\nA,3,5,0\n"))
    assert gaze.subjects["A"].tolist() == [[1, 0, 5], [3, 5, 0]]
    assert gaze.lost == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_trackers_unicode_is_read(tmp_path, encoding):
    text = "subject\ttime\tx\ty\n" + "\n".join(f"Zoë\t{t}\t{x}\t{y}" for t, x, y in LOOKS)
    mark = "" if encoding in ("utf-8-sig", "utf-16") else "\ufeff"
    (tmp_path / "a.tsv").write_bytes((mark + text).encode(encoding))
    gaze = read(tmp_path / "a.tsv")
    assert (list(gaze.subjects), len(gaze.subjects["Zoë"])) == (["Zoë"], len(LOOKS))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"subject,time,x,y\nZo\xeb,1,2,3", "found another byte at 19"),
        (b"\xff\xfea\x00b", "expected a table as text in UTF-8 or UTF-16"),
        (b"time,x,y,subject\n1,2,3", "a.csv, line 2: expected a subject in each line, found only 3 columns"),
    ],
)
def test_what_is_no_text_and_a_line_of_nobody_are_told(tmp_path, content, told):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ClipError) as caught:
        read(tmp_path / "a.csv")
    assert told in f"{caught.value.path}: expected {caught.value.expected}, found {caught.value.found}"


def test_other_names_units_and_a_screen(tmp_path):
    lines = "".join(f"7,{t / 1000},{2 * x + 160},{2 * y + 90}\n" for t, x, y in LOOKS)
    columns = {"subject": "participant", "time": "ts", "x": "gx", "y": 4}
    # The video is shown twice as large in the middle of a screen of 640 × 360.
    told = Screen("s", "screen", 640, 360, shown=(160, 90, 320, 180), columns=columns)
    samples = read(write(tmp_path / "a.csv", f"participant,ts,gx,gy\n{lines}"), told).subjects["7"]
    assert np.allclose(samples, LOOKS)


@pytest.mark.parametrize(
    ("screen", "line", "sample"),
    [
        (Screen("ms", "screen", 640, 360), "A,0,640,360", [0.0, 160.0, 90.0]),
        # The middle of the third frame of 40 ms, and of the video.
        (Screen("frame", "share"), "A,3,0.5,0.5", [100.0, 80.0, 45.0]),
        # Shown twice as wide and four times as high.
        (Screen("ms", "screen", 640, 360, shown=(0, 0, 320, 360)), "A,0,160,180", [0.0, 80.0, 45.0]),
        # With bars above and below.
        (Screen("us", "share", 640, 640), "A,2000,0.5,0.5", [2.0, 80.0, 45.0]),
    ],
)
def test_a_video_is_shown_as_large_as_fits(tmp_path, screen, line, sample):
    assert read(write(tmp_path / "a.csv", line), screen).subjects["A"].tolist() == [sample]


def test_looks_become_fixations_and_what_is_between_them_does_not():
    found = fixations(np.array(LOOKS), Screen(dispersion=5.0))
    assert np.allclose(found, [[0, 200, 40 + 10 / 21, 30], [230, 430, 100, 60 - 11 / 21]])
    assert len(fixations(np.array(LOOKS), Screen(dispersion=5.0, shortest_ms=300.0))) == 0
    assert len(fixations(np.array(LOOKS), Screen(dispersion=500.0))) == 1


@pytest.mark.parametrize(
    ("step", "pause", "count"), [(10, 90, 1), (10, 110, 2), (150, 290, 1), (150, 310, 2)]
)
def test_a_fixation_ends_where_the_eyes_were_lost(step, pause, count):
    first = step * np.arange(12)
    times = np.concatenate([first, first[-1] + pause + first])
    found = fixations(np.stack([times, *np.full((2, 24), 30.0)], axis=1), Screen(dispersion=5.0))
    ends = [0, times[-1]] if count == 1 else [0, first[-1], first[-1] + pause, times[-1]]
    assert found[:, :2].ravel().tolist() == ends


def test_a_fixation_marks_every_frame_that_it_is_seen_in(tmp_path):
    lines = [f"A,{t},{x},{y}" for t, x, y in LOOKS] + [f"B,{t},500,10" for t in range(0, 200, 10)]
    screen = Screen(dispersion=5.0)
    gaze = read(write(tmp_path / "a.csv", "\n".join([*lines, "A,500,,", "A,510,NaN,."])), screen)
    assert gaze.lost == 2
    found, outside = fixated(gaze, screen, SIZE, n_frames=10, shown=25.0)
    first = [[i, 30, 40] for i in range(6)]
    second = [[i, 59, 100] for i in range(5, 10)]
    assert sorted(found.tolist()) == sorted(first + second), "frames of 40 ms; those after the last are cut"
    assert outside == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "an empty file"),
        ("subject,time,x,z\nA,1,2,3", "a column y, found subject, time, x, z"),
        ("subject,time,x,y\nA,1,left,3", "a number, found 'left'"),
        ("1,2", "2 columns"),
        ("participant,time,x,y\nA,1,2,3", "a column subject, found participant, time, x, y"),
    ],
)
def test_tables_that_cannot_be_read_say_why(tmp_path, text, told):
    with pytest.raises(ClipError) as error:
        read(write(tmp_path / "a.csv", text))
    assert told in str(error.value)


def test_a_column_of_subjects_is_needed_only_where_a_table_may_have_several(tmp_path):
    path = write(tmp_path / "a.csv", "pupil,time,x,y\n3,1,2,3")
    with pytest.raises(ClipError) as error:
        read(path)
    assert f"A table of one subject goes into {tmp_path}/a/." in error.value.remedy
    assert list(read_gaze(path, PIXELS, *SIZE, fps=25.0, of_all=False).subjects) == [""]
    assert list(read(write(path, "time,x,y\n1,2,3")).subjects) == [""], (
        "one without any other column is one's"
    )


@pytest.mark.parametrize(("column", "told"), [("who", "a column who"), (5, "a column 5")])
def test_a_column_that_gaze_yaml_names_must_be_there(tmp_path, column, told):
    path = write(tmp_path / "a.csv", "subject,time,x,y\nA,1,2,3")
    with pytest.raises(ClipError) as error:
        read_gaze(path, Screen(columns={"subject": column}), *SIZE, fps=25.0, of_all=False)
    assert told in str(error.value)


def test_samples_outside_a_videos_time_are_found_beyond_a_tenth_of_a_second():
    gaze = Gaze({"A": np.array([[t, 0.0, 0.0] for t in (-200, -50, 0, 400, 490, 600)])}, lost=0)
    assert gaze.outside(400.0).tolist() == [-200, 600]
    assert Gaze({}, lost=3).outside(400.0).tolist() == []
