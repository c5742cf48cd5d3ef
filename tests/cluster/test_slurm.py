"""grid/clusters/slurm.sh without SLURM: what it asks for, and how it ends."""

import os
import shutil
import subprocess

from tests.cluster.hosts import REPOSITORY

TOOLS = {
    "srun": 'echo "$SRUN_CPUS_PER_TASK" "$@" >> asked; case "$*" in *hostname*) echo 127.0.0.1;; esac',
    "scontrol": "echo node1; echo node2",
    "ray": "",
    "seq": "echo 1",
    # Ray's nodes are started beside it.
    "python": 'until [ "$(grep -c "ray start" asked)" = 2 ]; do sleep 0.1; done; echo "$@" > called; exit 7',
}


def test_all_processors_of_a_task_are_rays_and_the_drivers_status_is_the_jobs(tmp_path):
    """srun alone gives a task one processor since SLURM 22.05, which all trainings of a node would share."""
    tools = tmp_path / ".venv" / "bin"
    tools.mkdir(parents=True)
    for name, body in TOOLS.items():
        (tools / name).write_text(f"#!/bin/bash\n{body}\n")
        (tools / name).chmod(0o755)
    scripts = tmp_path / "grid" / "clusters"
    scripts.mkdir(parents=True)
    for name in ("environment.sh", "slurm.sh"):
        shutil.copy(REPOSITORY / "grid" / "clusters" / name, scripts)
    of_job = {
        "SLURM_SUBMIT_DIR": str(tmp_path),
        "SLURM_JOB_NODELIST": "node[1-2]",
        "SLURM_JOB_ID": "12345",
        "SLURM_CPUS_PER_TASK": "8",
        "SLURM_GPUS_ON_NODE": "1",
        "SLURM_JOB_NUM_NODES": "2",
    }
    command = ["bash", str(scripts / "slurm.sh"), "--grid", "paper"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **of_job}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
    started = [line for line in (tmp_path / "asked").read_text().splitlines() if "ray start" in line]
    assert len(started) == 2
    assert all(line.startswith("8 ") and "--num-cpus=8 --num-gpus=1" in line for line in started)
    assert any("ray start --address=127.0.0.1:22345" in line for line in started)
    assert (tmp_path / "called").read_text() == "run_grid.py --grid paper\n"
