"""cluster.yaml as far as it goes without AWS: Ray's own schema, and `ray up` against a simulated EC2."""

import re
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml
from hosts import REPOSITORY
from ray.autoscaler._private.util import prepare_config, validate_config

CLUSTERS = [REPOSITORY / "cluster.yaml", REPOSITORY / "grid" / "clusters" / "onprem.yaml"]
WORLD = ("0.0.0.0/0", "::/0")


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.fixture(params=CLUSTERS, ids=lambda path: path.stem)
def cluster(request):
    return read(request.param)


def commands(cluster):
    return [line for key, lines in cluster.items() if key.endswith("commands") for line in lines]


def test_ray_accepts_it(cluster):
    validate_config(prepare_config(cluster))


def test_ray_would_not_accept_a_slip(cluster):
    cluster["idle_timeout_minuts"] = 10
    with pytest.raises(jsonschema.ValidationError, match="idle_timeout_minuts"):
        validate_config(prepare_config(cluster))


def test_large_folders_and_the_environment_are_not_copied(cluster):
    assert {".git", ".venv", "runs", "data"} <= set(cluster["rsync_exclude"])
    assert cluster["rsync_filter"] == [".gitignore"]
    assert cluster["file_mounts"]["~/hd2s-grid"] == "."


def test_every_script_that_is_called_is_there_and_is_bash(cluster):
    scripts = {name for line in commands(cluster) for name in re.findall(r"~/hd2s-grid/(\S+\.sh)", line)}
    assert {Path(name).name for name in scripts} == {"environment.sh", "install.sh", "serve_mlflow.sh"}
    for name in scripts | {"grid/clusters/slurm.sh"}:
        subprocess.run(["bash", "-n", REPOSITORY / name], check=True)


def test_no_server_listens_to_the_world(cluster):
    serving = (REPOSITORY / "grid" / "clusters" / "serve_mlflow.sh").read_text()
    assert "--host 127.0.0.1" in serving
    text = serving + "\n".join(commands(cluster))
    assert "0.0.0.0" not in text
    assert "--dashboard-host" not in text


def test_gpu_workers_start_from_zero_and_end_when_idle():
    cluster = read(CLUSTERS[0])
    kinds = cluster["available_node_types"]
    assert kinds["head"]["resources"] == {"CPU": 0}
    workers = [kind for name, kind in kinds.items() if name != cluster["head_node_type"]]
    assert [kind["min_workers"] for kind in workers] == [0, 0]
    assert ["InstanceMarketOptions" in kind["node_config"] for kind in workers] == [True, False]
    assert cluster["idle_timeout_minutes"] > 0
    assert cluster["provider"]["cache_stopped_nodes"] is False


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """What `ray up` prepares in a simulated account for the head, that account, and the user's home."""
    pytest.importorskip("boto3")
    moto = pytest.importorskip("moto")
    home = tmp_path_factory.mktemp("home")
    # Ray puts the key that it makes into one, and the token is in the other.
    for folder in (".ssh", ".ray"):
        (home / folder).mkdir()
    (home / ".ray" / "auth_token").write_text("token")
    with (
        pytest.MonkeyPatch.context() as patch,
        moto.mock_aws(config={"iam": {"load_aws_managed_policies": True}}),
    ):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "none")
        patch.setenv("HOME", str(home))
        yield *prepared(), home


def prepared():
    import boto3
    from ray.autoscaler._private.commands import _bootstrap_config

    cluster = read(CLUSTERS[0])
    ec2 = boto3.client("ec2", region_name=cluster["provider"]["region"])
    image = ec2.describe_images()["Images"][0]["ImageId"]
    for kind in cluster["available_node_types"].values():
        kind["node_config"]["ImageId"] = image
    return _bootstrap_config(cluster, no_config_cache=True), ec2


@pytest.mark.slow
def test_nothing_but_ssh_is_open_to_the_world(simulated):
    config, ec2, _ = simulated
    (group,) = ec2.describe_security_groups(GroupNames=["hd2s-grid"])["SecurityGroups"]
    for kind in config["available_node_types"].values():
        assert kind["node_config"]["SecurityGroupIds"] == [group["GroupId"]]
    opened = [rule for rule in group["IpPermissions"] if any(r["CidrIp"] in WORLD for r in rule["IpRanges"])]
    assert [(rule["FromPort"], rule["ToPort"]) for rule in opened] == [(22, 22)]
    assert not any(rule.get("Ipv6Ranges") for rule in group["IpPermissions"])


@pytest.mark.slow
def test_a_worker_has_the_gpu_that_a_training_asks_for(simulated, monkeypatch):
    """What Ray leaves on the head is what the grid plans by while no worker runs yet."""
    from grid import cluster as ours

    config, _, home = simulated
    (home / "ray_bootstrap_config.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.setenv("RAY_ADDRESS", "a cluster's")
    ((worker, count),) = ours._startable()
    assert (worker.gpu, worker.cpu, count) == (1, 8, 8)
    assert worker.memory > 16 * 2**30
