"""Manifests written: all that is wrong is told, and whoever is killed leaves the old one or the new one."""

import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from manifests import Finding, ManifestError, ProblemError, open_manifest, write
from tests.manifests.small_manifest import CLIPS, POINTS, clip
from tests.places import REPOSITORY


def test_what_is_written_comes_back_in_manifest_order(tmp_path):
    write(tmp_path / "m", "DHF1K", tmp_path, CLIPS, POINTS)
    manifest = open_manifest(tmp_path / "m")
    assert [c.clip for c in manifest.clips(status=None)] == ["2", "3", "0100", "7", "10"]
    assert manifest.clips("train") == [CLIPS[1], CLIPS[3]]
    assert manifest.clips("train", status="quarantined") == [CLIPS[2]]
    assert manifest.counts == {"train": 2, "val": 1, "test": 1, "unannotated": 0, "unlisted": 0}
    assert manifest.frames == {"train": 40, "val": 20, "test": 20, "unannotated": 0, "unlisted": 0}
    assert manifest.lengths("train").tolist() == [20, 20]
    assert (manifest.corpus, manifest.quarantined, manifest.root) == ("DHF1K", 1, str(tmp_path.resolve()))
    assert pickle.loads(pickle.dumps(manifest)) == manifest


def test_fixation_table_names_its_clips(tmp_path):
    write(tmp_path, "DHF1K", tmp_path, CLIPS, POINTS)
    rows = pq.read_table(tmp_path / "fixations.parquet").to_pylist()
    assert [r["clip"] for r in rows] == ["2", "2", "2", "7", "7", "10"]
    assert rows[2] == {"clip": "2", "frame": 5, "y": 29, "x": 39}


def test_manifest_without_fixations_or_clips(tmp_path):
    assert (
        len(write(tmp_path / "a", "LEDOV", tmp_path, [clip("x", corpus="LEDOV")], {}).fixations("train")) == 0
    )
    empty = write(tmp_path / "b", "LEDOV", tmp_path, [], {})
    assert empty.clips() == []
    assert len(empty.fixations()) == 0


def test_all_problems_are_raised_together(tmp_path):
    clips = [
        clip("a"),
        clip("a", path="other.AVI"),
        clip("b", path="../outside.AVI"),
        clip("c", split="validation"),
        clip("d", n_frames=0),
        clip("e", status="quarantined"),
        clip("f", corpus="LEDOV"),
    ]
    with pytest.raises(ManifestError) as error:
        write(tmp_path, "DHF1K", tmp_path, clips, {})
    text = str(error.value)
    assert len(error.value.problems) == 6
    for piece in (
        "twice, at video/a.AVI and other.AVI",
        "../outside.AVI",
        "'validation'",
        "0 frames",
        "LEDOV",
        "6. ",
    ):
        assert piece in text
    assert isinstance(error.value, ProblemError)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_told_with_what_to_do_and_leaves_the_old_manifest(tiny_disk):
    folder = tiny_disk("64k") / "m"
    before = write(folder, "DHF1K", folder, CLIPS, POINTS)
    (folder.parent / "other").write_bytes(bytes(30_000))
    many = {"2": np.random.default_rng(0).integers([20, 30, 40], size=(24_000, 3))}
    told = r"m: expected a folder to write the manifest to, found .*No space left on device\. Make room"
    with pytest.raises(ManifestError, match=told):
        write(folder, "DHF1K", folder, CLIPS, many)
    assert open_manifest(folder).digest == before.digest
    assert sorted(path.name for path in folder.iterdir()) == [
        "clips.parquet",
        "fixations.parquet",
        "problems.parquet",
    ]
    (folder.parent / "other").unlink()


@pytest.mark.parametrize("point", [(20, 0, 0), (0, 30, 0), (0, 0, 40), (0, -1, 0)])
def test_fixations_outside_the_clip_are_refused(tmp_path, point):
    with pytest.raises(
        ManifestError, match=f"DHF1K/2: .*1 outside, the first in frame {point[0]} at y={point[1]}"
    ):
        write(tmp_path, "DHF1K", tmp_path, CLIPS, {"2": np.array([point])})
    assert list(tmp_path.iterdir()) == []


_WRITER = """
import sys
import numpy as np
from manifests import open_manifest, write
folder, clips = sys.argv[1], open_manifest(sys.argv[2]).clips(status=None)
print("ready", flush=True)
n = 0
while True:
    n += 1
    write(folder, "DHF1K", folder, clips, {"2": np.array([[n % 20, y, n % 40] for y in range(n % 30 + 1)])})
"""


def test_whoever_is_killed_between_two_renames_leaves_the_old_manifest_with_its_findings(
    tmp_path, monkeypatch
):
    findings = [Finding("note", "kind", "", "", "this", n, "Do.") for n in ("old", "new")]
    rename, done = Path.replace, []

    def killed(path, target):
        if len(done) == last:
            raise KeyboardInterrupt
        done.append(rename(path, target))

    for last in range(5):
        old = write(tmp_path / str(last), "DHF1K", tmp_path, CLIPS, POINTS, findings=findings[:1])
        with monkeypatch.context() as patch:
            done.clear()
            patch.setattr(Path, "replace", killed)
            with pytest.raises(KeyboardInterrupt):
                write(old.folder, "DHF1K", tmp_path, CLIPS, {"2": POINTS["2"]}, findings=findings[1:])
        left = open_manifest(old.folder)
        left.verify()
        assert (left.digest, left.problems()) == (old.digest, findings[:1])
        write(old.folder, "DHF1K", tmp_path, CLIPS, {"2": POINTS["2"]}, findings=findings[1:])
        assert open_manifest(old.folder).problems() == findings[1:]
        assert len(list(old.folder.iterdir())) == 3


@pytest.mark.slow
def test_a_killed_writer_leaves_one_whole_manifest(tmp_path):
    write(tmp_path / "template", "DHF1K", tmp_path, CLIPS, POINTS)
    write(tmp_path / "m", "DHF1K", tmp_path, CLIPS, {"2": POINTS["2"]})
    for attempt in range(6):
        command = [sys.executable, "-c", _WRITER, str(tmp_path / "m"), str(tmp_path / "template")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
            process.stdout.readline()
            time.sleep(0.05 + 0.013 * attempt)
            process.send_signal(signal.SIGKILL)
        manifest = open_manifest(tmp_path / "m")
        rows = np.column_stack(manifest.fixations().of("2"))
        again = write(tmp_path / "again", "DHF1K", tmp_path, manifest.clips(status=None), {"2": rows})
        assert again.digest == manifest.digest


def test_fixations_kept_aside_serve_until_the_new_clips_stand(tmp_path):
    # The state between the two renames: the new fixations stand, the clips are the old ones.
    folder = tmp_path / "m"
    old = write(folder, "DHF1K", tmp_path, CLIPS, POINTS)
    new = write(tmp_path / "new", "DHF1K", tmp_path, CLIPS, {"2": POINTS["2"]})
    (folder / "fixations.parquet").replace(folder / "fixations.previous.parquet")
    (tmp_path / "new" / "fixations.parquet").replace(folder / "fixations.parquet")
    assert open_manifest(folder).digest == old.digest
    assert len(open_manifest(folder).fixations("test")) == 1
    rewritten = write(folder, "DHF1K", tmp_path, CLIPS, {"2": POINTS["2"]})
    assert rewritten.digest == new.digest
    assert sorted(p.name for p in folder.iterdir()) == [
        "clips.parquet",
        "fixations.parquet",
        "problems.parquet",
    ]
