"""A grid on two nodes of a real Ray cluster that share no folder with each other, nor with the driver."""

import json
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from datasets.remote import LOCAL
from grid.evaluation.evaluate import evaluate_part
from grid.planning.prepare import prepare
from grid.results.storage import Storage
from grid.training.loop import fit
from manifests.store import open_manifest
from tests.grid.buckets import KEYS, bucket, upload
from tests.grid.grids import Context, evaluation_job_of, job_of, write_spec
from tests.places import REPOSITORY

CORPORA = {"DHF1K": "dhf1k", "LEDOV": "ledov"}
SETTINGS = [
    *("model.height=32", "model.width=32", "train.micro_batch=2", "test.eight_bit=false"),
    *("train.iterations=4", "train.finetune_iterations=3", "train.validate_every=2"),
    "train.checkpoint_every=1",
]
# `ray start`, which would not join on 127.0.0.1 what it may not join at the machine's own address.
START = """
from ray._private import ray_constants, services
from ray.scripts.scripts import main
ray_constants.ENABLE_RAY_CLUSTER = True
services.get_node_ip_address = lambda *_: "127.0.0.1"
main()
"""
# As tests/cluster/nodes.py says.
ON_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "PYTHONUNBUFFERED": "1"}
# Nodes and driver know each other by it.
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


def free_ports(count):
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def hides_folders():
    """Whether processes can be started here that do not see some folders."""
    probe = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return os.geteuid() == 0 and subprocess.run(probe, capture_output=True, check=False).returncode == 0


@contextmanager
def node(scratch, own, hidden, *options):
    """Start a node of one processor that has a folder of its own and does not see others."""
    ray = [sys.executable, "-c", START, "start", "--block", "--num-cpus=1"]
    ray += ["--memory=4000000000", "--object-store-memory=150000000", "--node-ip-address=127.0.0.1"]
    ray += ["--min-worker-port=0", "--max-worker-port=0", *options]
    command = ["bash", "-c", f"exec {shlex.join(ray)}"]
    if hides_folders():
        mounts = [f"mount -t tmpfs tmpfs {shlex.quote(str(folder))}" for folder in hidden]
        script = " && ".join(["mount --make-rprivate /", *mounts, f"exec {shlex.join(ray)}"])
        command = ["unshare", "--mount", "bash", "-c", script]
    else:
        warnings.warn("folders are not hidden from the nodes: that takes root", stacklevel=2)
    environment = os.environ | KEYS | ON_LOOPBACK | TOKEN | {LOCAL: str(own), "PYTHONPATH": str(REPOSITORY)}
    with (scratch / f"{own.name}.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd="/", text=True)
    try:
        yield process
    finally:
        # Asked to end, it would wait half a minute for its work.
        family = [*psutil.Process(process.pid).children(recursive=True), process]
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        process.wait(30)


@pytest.fixture
def cluster(tmp_path, small_demo, demo_out):
    """The address of a cluster of two such nodes, and their folders."""
    # Sockets have short names, so that this folder lies at the top.
    scratch = Path(tempfile.mkdtemp(prefix="apart-"))
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    seen_by_driver = [small_demo, demo_out]
    port, client = free_ports(2)
    head = ["--head", f"--port={port}", f"--ray-client-server-port={client}", "--include-dashboard=false"]
    address = f"127.0.0.1:{port}"
    try:
        with node(scratch, first, [*seen_by_driver, second], *head, f"--temp-dir={scratch}/ray"):
            wait_until_up(scratch / "first.log")
            with node(scratch, second, [*seen_by_driver, first], f"--address={address}"):
                wait_until_up(scratch / "second.log")
                yield address, (first, second)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def wait_until_up(log, seconds=90):
    deadline = time.monotonic() + seconds
    while "Ray runtime started" not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.3)


def call(out, url, *arguments, **environment):
    spec = write_spec(out, targets="LEDOV", approaches="generalization, transfer")
    command = [
        sys.executable,
        str(REPOSITORY / "run_grid.py"),
        "--grid",
        str(spec),
        "--demo",
        "--out",
        str(out),
    ]
    roots = [f"corpora.{name}.root={under(url, name)}" for name in CORPORA]
    return subprocess.run(
        [*command, *arguments, *SETTINGS, *roots, f"storage.url={under(url, 'results')}"],
        capture_output=True,
        text=True,
        timeout=500,
        env=os.environ | KEYS | ON_LOOPBACK | TOKEN | environment,
        check=False,
    )


def under(url, name):
    return url.replace("?", f"/{name}?")


def rows(out):
    # As text: a frame without a score has NaN, which is not equal to itself.
    return {path.name: str(pq.read_table(path).to_pylist()) for path in (out / "results").iterdir()}


def numbers_of_one_machine(out):
    """Curves of the trainings, and rows of the evaluations, by the names of their files."""
    grid = prepare(str(out / "small.yaml"), SETTINGS, out, demo=True, tell=lambda text: None)
    found = {}
    for approach in ("generalization", "transfer"):
        training, scoring = job_of(grid, approach), evaluation_job_of(grid, approach)
        found[f"training-{training.id}.parquet"] = str(fit(training, Context())["curve"])
        frames, _, _ = scoring.gather([evaluate_part(scoring, 0)])
        order = [("clip", "ascending"), ("frame", "ascending")]
        found[f"evaluation-{scoring.id}.parquet"] = str(frames.sort_by(order).to_pylist())
    return found


@pytest.mark.cluster
@pytest.mark.ray
@pytest.mark.slow
def test_two_nodes_that_share_no_folder_do_a_grid(cluster, small_demo, demo_out, tmp_path):
    address, folders = cluster
    with bucket() as where:
        url = f"s3://bucket/grid{where}"
        for name, word in CORPORA.items():
            manifest = open_manifest(demo_out / "manifests" / word)
            upload(
                manifest,
                [c for split in ("train", "val", "test") for c in manifest.clips(split)],
                under(url, name),
            )
        answer = call(small_demo, url, "--json", RAY_ADDRESS=address)
        errors = [path.read_text() for path in small_demo.glob("logs/*.error.txt")]
        assert answer.returncode == 0, "\n".join([answer.stderr, *errors])
        units = json.loads(answer.stdout)
        assert {unit["status"] for kind in ("trainings", "evaluations") for unit in units[kind]} == {"done"}

        # The child's training and the parent's evaluation ran beside each other, one on each node.
        parent = units["trainings"][0]["id"]
        assert all(list(folder.glob(f"*/checkpoints/{parent}.pt")) for folder in folders)
        kept = {path.relative_to(small_demo).parts[0] for path in small_demo.rglob("*") if path.is_file()}
        assert not kept & {"frames", "checkpoints", "resume", "parts"}, "the driver needs none of it"
        names = Storage(under(url, "results")).files(".")
        left = {name.split("/")[0] for name in names}
        assert left >= {"checkpoints", "manifests", "results"}
        assert not left & {"resume", "parts"}, "nobody needs these any more"

        other = tmp_path / "another"
        other.mkdir()
        for name in ("corpora", "manifests"):
            (other / name).symlink_to(demo_out / name)
        again = call(other, url)
        assert again.returncode == 0, again.stderr
        assert "starting Ray" not in again.stdout + again.stderr
        tables = [(out / "tables" / "small.csv").read_text() for out in (small_demo, other)]
        assert tables[0] == tables[1]
    assert rows(small_demo) == rows(other)
    assert rows(small_demo) == numbers_of_one_machine(small_demo)
