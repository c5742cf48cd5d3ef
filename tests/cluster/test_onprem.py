"""A cluster on hosts of one's own, for real: brought up, given a grid, robbed of a worker, taken down."""

import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tests.cluster.hosts import HOME, REPOSITORY, SHARED
from tests.cluster.outcomes import assert_same_numbers, wait_for

pytestmark = [pytest.mark.cluster, pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(900)]

TOKEN = {"RAY_AUTH_MODE": "token"}
DASHBOARD = "http://127.0.0.1:8265"
SPEC = """
name: small
title: A small grid
metrics: [NSS, CC]
sources: [DHF1K, UCFSports]
targets: [Hollywood2]
approaches: [generalization]
"""
SETTINGS = ["train.iterations=12", "train.validate_every=6", "train.checkpoint_every=3"]
# What must stay at home, by file_mounts as well as by a job's code.
KEPT = [
    "data/corpus.mp4",
    "runs/result.parquet",
    ".venv/lib.so",
    ".git/objects",
    "manifests/DHF1K/clips.parquet",
]
ASK = "from urllib.request import urlopen; print(urlopen('http://127.0.0.1:5000/health').read().decode())"
VERSIONS = "~/hd2s-grid/versions.txt"
# Of what the whole machine has, and every host would take for its own.
NODE = "--memory=4000000000 --object-store-memory=150000000"


def cluster_yaml(hosts):
    """Return the project's file with the hosts' addresses written in, as a user does, and their sizes."""
    head, *workers = (hosts.addresses[name] for name in hosts.names)
    text = (REPOSITORY / "grid" / "clusters" / "onprem.yaml").read_text()
    changes = {
        "gpu0.example.org": head,
        "gpu1.example.org, gpu2.example.org": ", ".join(workers),
        "ssh_user: you": "ssh_user: root",
        "/shared": str(SHARED),
        "ray start --head": f"ray start --head {NODE}",
        "ray start --address": f"ray start --num-cpus=1 {NODE} --address",
    }
    for written, meant in changes.items():
        assert written in text
        text = text.replace(written, meant)
    # No package index can be reached from the hosts; they have this environment in place of a new one. As
    # install.sh does, the head writes down its versions, and workers want them.
    here = f"ln -sfn {sys.prefix} ~/hd2s-env"
    versions = {"head": f"hostname > {VERSIONS}", "worker": f"test -s {VERSIONS}"}
    text, count = re.subn(
        r"bash \S+/install\.sh (\w+)", lambda found: f"{here} && {versions[found[1]]}", text
    )
    assert count == 2
    return text


def put_project(folder):
    """Copy the working tree, and beside it what a user's has and no node should get."""
    ignored = shutil.ignore_patterns(".git", ".venv", "runs", "__pycache__", ".*_cache", ".hypothesis")
    shutil.copytree(REPOSITORY, folder, ignore=ignored)
    for path in KEPT:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("large")


@pytest.fixture(scope="module")
def elsewhere(demo_out, tmp_path_factory):
    """The same grid on this machine alone, begun while the cluster comes up; () -> its output folder."""
    out = tmp_path_factory.mktemp("local") / "out"
    give_corpora(demo_out, out)
    (out / "small.yaml").write_text(SPEC)
    words = ["run_grid.py", "--grid", str(out / "small.yaml"), "--demo", "--out", str(out), *SETTINGS]
    process = subprocess.Popen([sys.executable, *words], cwd=REPOSITORY, stdout=subprocess.DEVNULL)
    yield lambda: (process.wait(timeout=400), out)
    process.terminate()
    process.wait()


def give_corpora(demo_out, out):
    out.mkdir()
    for name in ("corpora", "manifests"):
        shutil.copytree(demo_out / name, out / name)


@pytest.fixture(scope="module")
def cluster(hosts, elsewhere, demo_out):
    """The cluster after `ray up`, as README.md says it is called."""
    del elsewhere
    home = hosts.private(hosts.laptop, "")
    put_project(home / "project")
    (home / "project" / "mine.yaml").write_text(cluster_yaml(hosts))
    # On the nodes lies another package of the name, as where Hugging Face's is installed.
    for name in hosts.names:
        other = hosts.private(name, "other/datasets")
        other.mkdir(parents=True)
        (other / "__init__.py").write_text("raise ImportError('not the datasets of this project')")
        hosts.private(name, ".bashrc").write_text('export PYTHONPATH="$PYTHONPATH:$HOME/other"\n')
    give_corpora(demo_out, hosts.shared / "runs")
    file = f"{HOME}/project/mine.yaml"
    laptop = SimpleNamespace(
        file=file,
        ray=lambda *words, **options: hosts.on(
            hosts.laptop, "env", f"--chdir={HOME}/project", "ray", *words, **TOKEN, **options
        ),
    )
    laptop.ray("get-auth-token", "--generate")
    print(laptop.ray("up", "-y", "--no-config-cache", "--disable-usage-stats", file, timeout=300))
    return laptop


@pytest.fixture(scope="module")
def outcome(hosts, cluster):
    """A grid submitted from the laptop, and a worker taken away while both train."""
    # Written after `ray up`: it reaches the head with the job or not at all.
    hosts.private(hosts.laptop, "project/grid/specs/grids/small.yaml").write_text(SPEC)
    out = hosts.shared / "runs"
    tunnel = subprocess.Popen(hosts.command(hosts.laptop, "ray", "dashboard", cluster.file, **TOKEN))
    submit = ["ray", "job", "submit", "--address", DASHBOARD, "--submission-id", "small"]
    submit += ["--working-dir", f"{HOME}/project", "--"]
    grid = ["python", "run_grid.py", "--grid", "small", "--demo", "--out", f"{SHARED}/runs"]
    tracking = ["--tracking-uri", "http://127.0.0.1:5000"]
    try:
        wait_for(lambda: answers(hosts, 8265), "the dashboard through SSH")
        words = hosts.command(hosts.laptop, *submit, *grid, *tracking, *SETTINGS, **TOKEN)
        job = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        # Both have saved a state, so both are in the midst of it.
        wait_for(lambda: len(saving(out)) == 2 or job.poll() is not None, "two trainings' states")
        victim = hosts.names[-1]
        running = hosts.on(victim, "ps", "-eo", "args")
        results = list(out.glob("results/*"))
        hosts.take_away(victim)
        text, _ = job.communicate(timeout=400)
        logs = cluster.ray("job", "logs", "--address", DASHBOARD, "-f", "small")
    finally:
        tunnel.terminate()
        tunnel.wait()
    return SimpleNamespace(
        status=job.returncode, text=text, logs=logs, running=running, before=results, out=out
    )


def saving(out):
    return {state.parent.parent for state in out.glob("resume/*/checkpoint_*/*.pt")}


def answers(hosts, port):
    words = ["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"]
    return not subprocess.run(
        hosts.command(hosts.laptop, *words), capture_output=True, check=False
    ).returncode


def test_a_grid_survives_the_loss_of_a_worker(outcome):
    assert "RayTrainWorker" in outcome.running, outcome.text
    assert outcome.before == [], "the worker was taken away too late"
    assert outcome.status == 0, outcome.text
    assert len(list(outcome.out.glob("results/*.parquet"))) == 4


def test_the_numbers_are_those_of_one_machine(outcome, elsewhere):
    status, local = elsewhere()
    assert status == 0
    assert_same_numbers(outcome.out, local)


def test_manifests_are_brought_and_tables_fetched(hosts, cluster, outcome):
    cluster.ray("rsync-up", cluster.file, f"{HOME}/project/manifests/", f"{HOME}/manifests/")
    assert hosts.private(hosts.names[0], "manifests/DHF1K/clips.parquet").read_text() == "large"
    cluster.ray("rsync-down", cluster.file, f"{SHARED}/runs/tables/", f"{HOME}/tables")
    assert "2 of 2 cells have all their values" in hosts.private(hosts.laptop, "tables/small.md").read_text()


def test_what_the_job_has_said_and_what_the_cluster_is_can_be_asked_for(cluster, outcome):
    assert "DHF1K" in outcome.logs
    assert "Node status" in cluster.ray("exec", cluster.file, "ray status")


def test_mlflow_outlives_the_job_on_loopback_alone(hosts, cluster, outcome):
    head = hosts.names[0]
    places = hosts.on(head, "ss", "-Hltn").split()
    assert {place for place in places if place.endswith((":5000", ":8265"))} == {
        "127.0.0.1:5000",
        "127.0.0.1:8265",
    }
    assert "OK" in hosts.on(head, "python", "-c", ASK)
    words = hosts.command(hosts.laptop, "ray", "attach", cluster.file, "-p", "5000", **TOKEN)
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as tunnel:
        wait_for(lambda: answers(hosts, 5000), "MLflow through SSH", 60)
        assert "OK" in hosts.on(hosts.laptop, "python", "-c", ASK)
        tunnel.terminate()
    assert (hosts.shared / "mlflow" / "mlflow.db").is_file()


def test_large_folders_and_generated_ones_stay_at_home(hosts, outcome):
    head, worker = (hosts.private(name, "hd2s-grid") for name in hosts.names[:2])
    for copied in (head, worker):
        assert (copied / "run_grid.py").is_file()
        assert [path for path in KEPT if (copied / path).exists()] == []
        assert (copied / "versions.txt").read_text().strip() == head.parents[1].name, "the head's"
    packages = list(
        (hosts.folder / hosts.names[1] / "tmp").glob("ray/*/runtime_resources/working_dir_files/*/")
    )
    assert packages, "the code has come with the job"
    for package in packages:
        assert (package / "grid" / "specs" / "grids" / "small.yaml").is_file()
        assert [path for path in KEPT if (package / path).exists()] == []


def test_nothing_of_ray_is_left_after_ray_down(hosts, cluster, outcome):
    cluster.ray("down", "-y", cluster.file, timeout=200)
    for name in hosts.names[:2]:
        wait_for(lambda name=name: "raylet" not in hosts.on(name, "ps", "-eo", "args"), "end of Ray", 90)
