"""README's own commands, run as they stand there in a fresh clone, in a shell without an environment of ours.

`make demo` and what follows it take a quarter of an hour and are run with HD2S_FRESH_CLONE=1. Paths that a
reader has are put in the place of those that README names; what cannot run here is listed with the reason.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from datasets.demo import generate
from datasets.demo.domains import LEDOV, PHOTOGRAPHS
from tests.datasets.small_corpora import (
    four_digits,
    moving_square,
    write_annotations,
    write_frames,
    write_video,
)
from tests.hd2s.models.hd2s.published import random_state
from tests.places import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
FRESH_CLONE = bool(os.environ.get("HD2S_FRESH_CLONE"))
# Beginnings of commands that are not run, and why.
NOT_HERE = {
    "make test": "it would run this test",
    "make test-long": "minutes of other tests",
    "make check": "it would run this test",
    "python run_grid.py (": "the command's shape, not a command",
    "python run_grid.py --grid paper model.backbone_weights": "hours of a GPU, and weights that are not ours",
    "python run_grid.py --grid mine.yaml": "the same lines are run by tests/test_plugins.py",
    "python -m hd2s predict clip.mp4 --weights": "the same, with a model of a plug-in's",
    "python -m hd2s cost": "minutes of TASED-Net; run with a model that takes none by tests/hd2s/commands",
    "python tests/gpu/check.py": "needs a GPU; run tiny by tests/gpu/test_check.py",
    "pip install boto3": "needs a network",
    "export RAY_AUTH_MODE": "for an account in a cloud; all such lines are run in tests/cluster",
    "python grid/clusters/aws_account.py": "the same",
    "aws ": "the same",
    "ray ": "the same",
}
AFTER_THE_DEMO = ("make demo", "python -m grid ui")
PLACES = {
    "/data/DHF1K": "runs/demo/corpora/DHF1K",
    "/data/Hollywood2": "runs/demo/corpora/Hollywood2",
    "/data/ucf": "runs/demo/corpora/UCFSports",
    "/data/LEDOV": "data/others/LEDOV",
    "/data/SALICON": "data/others/SALICON",
    "/data/MIT1003": "data/others/MIT1003",
    "/data/MIT300": "data/others/MIT300",
    "/data/TinyClips": "data/TinyClips",
    "/data/mine": "data/mine",
    "/lab/ours": "tests/plugins/ours",
    "runs/checkpoints/<training>.pt": "HD2S.pt",
}


def commands():
    """Every command of README, without its comment, in the order in which they stand there."""
    shown = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    lines = "\n".join(re.findall(r"^    (.*)$", shown, re.MULTILINE)).replace("\\\n", " ").splitlines()
    begins = re.compile(r"(make|python|source|pip|export|aws|ray|sbatch) ")
    return [re.sub(r"\s+#.*", "", line) for line in lines if begins.match(line)]


def here(command):
    return not command.startswith(tuple(NOT_HERE))


def test_what_cannot_run_here_is_in_readme_and_little_beside_it():
    told = commands()
    assert [word for word in NOT_HERE if not any(line.startswith(word) for line in told)] == []
    assert len([command for command in told if here(command)]) > 12
    assert {command for command in AFTER_THE_DEMO if any(line.startswith(command) for line in told)} == {
        *AFTER_THE_DEMO
    }


@pytest.fixture(scope="module")
def clone(tmp_path_factory, demo_out):
    """A fresh clone with this environment as its .venv, and what README's reader has beside it."""
    if not (REPOSITORY / ".git").exists() or not (Path(sys.prefix) / "bin" / "activate").is_file():
        pytest.skip("needs a git checkout and a virtual environment")
    place = tmp_path_factory.mktemp("fresh") / "clone"
    subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(place)], check=True)
    (place / ".venv").symlink_to(sys.prefix)
    if not FRESH_CLONE:
        (place / "runs/demo").mkdir(parents=True)
        (place / "runs/demo/corpora").symlink_to(demo_out / "corpora")
    # Those of which `make demo` makes none, since its grid has none.
    generate(place / "data/others", domains=(LEDOV, *PHOTOGRAPHS))
    names = four_digits(20)
    for split in ("train", "val", "test"):
        clip = place / "data/TinyClips" / split / f"{split}0"
        write_frames(clip / "frames", names)
        write_annotations(clip, names)
        (clip / "fixation").rename(clip / "fixations")
        for kind in ("frames", "maps", "fixations"):
            shutil.copytree(clip / kind, place / "data/mine" / split / kind / f"{split}0")
    write_frames(place / "frames", names)
    write_video(place / "clip.mp4", moving_square(20))
    torch.save(random_state("hd2s"), place / "HD2S.pt")
    return place


def run(command, clone):
    """Run a line in a shell that knows nothing of the environment, after README's own activation."""
    for theirs, ours in PLACES.items():
        command = command.replace(theirs, ours)
    environment = {name: os.environ[name] for name in ("HOME", "OMP_NUM_THREADS") if name in os.environ}
    path = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    activated = [line for line in commands() if line.startswith("source ")]
    before = f"make -o .venv/ready {command.removeprefix('make ')}" if command.startswith("make ") else ""
    line = before or " && ".join([*activated, command])
    return subprocess.run(
        ["bash", "-c", line],
        cwd=clone,
        env=environment | path,
        capture_output=True,
        text=True,
        check=False,
        timeout=2400,
    )


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_commands_run_in_a_fresh_clone(clone):
    assert run("source .venv/bin/activate", clone).returncode == 0
    for command in filter(here, commands()):
        if command.startswith("source ") or (not FRESH_CLONE and command.startswith(AFTER_THE_DEMO)):
            continue
        serving = command.startswith("python -m grid ui")
        answer = run(f"timeout --signal=INT 60 {command}" if serving else command, clone)
        told = f"{command}\n{answer.stdout[-2000:]}\n{answer.stderr[-2000:]}"
        assert answer.returncode in ((0, 124) if serving else (0,)), told
        if command == "make demo":
            *_, look, report, activate = answer.stdout.splitlines()
            assert look == "python -m grid ui --out runs/demo"
            assert report.endswith("/runs/demo/reports/domain_shift.html")
            assert activate.endswith("source .venv/bin/activate")
        if serving:
            assert "domain_shift.table5: http://127.0.0.1:5000/#/experiments/" in answer.stderr
