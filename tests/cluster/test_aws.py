"""cluster.yaml as far as it goes without AWS: Ray's own schema, and `ray up` against a simulated account."""

import json
import re
import runpy
import subprocess
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from grid.specs import settings_reader
from tests.cluster.hosts import REPOSITORY

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


def test_the_bucket_and_each_nodes_own_folder_reach_every_shell(tmp_path):
    """What `initialization_commands` leave behind, and environment.sh gives to Ray and its jobs."""
    (line,) = read(CLUSTERS[0])["initialization_commands"]
    shown = f". {REPOSITORY}/grid/clusters/environment.sh && echo $HD2S_STORAGE $HD2S_GRID_LOCAL"
    words = ["env", "-i", f"HOME={tmp_path}", "bash", "-c", f"{line} && {shown}"]
    told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    assert told.split() == ["s3://my-bucket/hd2s", f"{tmp_path}/hd2s-local"]


def test_a_job_takes_the_bucket_from_its_environment(monkeypatch):
    monkeypatch.setenv("HD2S_STORAGE", "s3://my-bucket/hd2s")
    found = settings_reader.load(
        ["storage.url=${oc.env:HD2S_STORAGE}/results", "corpora.DHF1K.root=${oc.env:HD2S_STORAGE}/DHF1K"],
        demo=True,
    )
    assert (found.storage.url, found.corpora["DHF1K"].root) == (
        "s3://my-bucket/hd2s/results",
        "s3://my-bucket/hd2s/DHF1K",
    )


class Recorder(SimpleNamespace):
    """Stands for the ssh and rsync that `ray up` would call: writes down what it is asked for."""

    CalledProcessError = subprocess.CalledProcessError

    def check_call(self, words, **_):
        self.calls.append(" ".join(map(str, words)))

    def check_output(self, words, **_):
        self.check_call(words)
        return b""


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    """A simulated account, and the home of a user who has a token; `aws_account.py` has been run in it."""
    boto3 = pytest.importorskip("boto3")
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
        patch.chdir(REPOSITORY)
        prepare = runpy.run_path(str(REPOSITORY / "grid" / "clusters" / "aws_account.py"))["prepare"]
        # As a call has left it that was not allowed to go on.
        boto3.client("iam").create_role(RoleName="hd2s-grid-worker", AssumeRolePolicyDocument="{}")
        boto3.client("iam").create_instance_profile(InstanceProfileName="hd2s-grid-head")
        # The second time finds all as it should be.
        for _ in range(2):
            prepare(read(CLUSTERS[0]))
        client = lambda name: boto3.client(name, region_name=read(CLUSTERS[0])["provider"]["region"])  # noqa: E731
        yield SimpleNamespace(client=client, home=home)


@pytest.fixture(scope="module")
def launched(account):
    """A dry `ray up`: the configuration as Ray completes it, and what it would run on the head."""
    from ray.autoscaler._private.commands import _bootstrap_config, get_or_create_head_node

    cluster = read(CLUSTERS[0])
    image = account.client("ec2").describe_images()["Images"][0]["ImageId"]
    for kind in cluster["available_node_types"].values():
        kind["node_config"]["ImageId"] = image
    complete = _bootstrap_config(cluster, no_config_cache=True)
    recorder = Recorder(calls=[])
    options = {"no_restart": False, "restart_only": False, "yes": True, "override_cluster_name": None}
    get_or_create_head_node(deepcopy(complete), str(CLUSTERS[0]), _runner=recorder, **options)
    return SimpleNamespace(config=complete, calls=recorder.calls)


@pytest.mark.slow
def test_nothing_but_ssh_is_open_to_the_world(account, launched):
    found = account.client("ec2").describe_security_groups(GroupNames=["hd2s-grid"])
    (group,) = found["SecurityGroups"]
    for kind in launched.config["available_node_types"].values():
        assert kind["node_config"]["SecurityGroupIds"] == [group["GroupId"]]
    opened = [rule for rule in group["IpPermissions"] if any(r["CidrIp"] in WORLD for r in rule["IpRanges"])]
    assert [(rule["FromPort"], rule["ToPort"]) for rule in opened] == [(22, 22)]
    assert not any(rule.get("Ipv6Ranges") for rule in group["IpPermissions"])


@pytest.mark.slow
def test_ray_up_starts_a_head_alone_and_sets_it_up_in_order(account, launched):
    reservations = account.client("ec2").describe_instances()["Reservations"]
    (head,) = [instance for reservation in reservations for instance in reservation["Instances"]]
    assert head["InstanceType"] == "m6i.xlarge"
    assert head["IamInstanceProfile"]["Arn"].endswith("/hd2s-grid-head")
    in_order = [
        "rsync",
        "HD2S_STORAGE=s3://my-bucket/hd2s",
        "clusters/environment.sh",
        "install.sh head",
        "serve_mlflow.sh ~/mlflow",
        "ray start --head",
    ]
    places = [next(n for n, call in enumerate(launched.calls) if words in call) for words in in_order]
    assert places == sorted(places), launched.calls
    assert any(".ray/auth_token" in call for call in launched.calls), "the token goes with it"


@pytest.mark.slow
def test_the_roles_allow_that_bucket_and_the_head_alone_may_start_machines(account):
    iam = account.client("iam")
    assert account.client("s3").head_bucket(Bucket="my-bucket")
    for name, managed in (("hd2s-grid-worker", []), ("hd2s-grid-head", ["AmazonEC2FullAccess"])):
        policy = iam.get_role_policy(RoleName=name, PolicyName="hd2s-grid")["PolicyDocument"]
        policy = policy if isinstance(policy, dict) else json.loads(policy)
        bucket, *others = policy["Statement"]
        assert bucket["Resource"] == ["arn:aws:s3:::my-bucket", "arn:aws:s3:::my-bucket/*"]
        assert [other["Action"] for other in others] == ["iam:PassRole"] * len(managed)
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        assert [found["PolicyName"] for found in attached] == managed
        profile = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
        assert [role["RoleName"] for role in profile["Roles"]] == [name]


@pytest.mark.slow
def test_a_worker_has_the_gpu_that_a_training_asks_for(account, launched, monkeypatch):
    """What Ray leaves on the head is what the grid plans by while no worker runs yet."""
    from grid.running.ray_cluster import nodes

    (account.home / "ray_bootstrap_config.yaml").write_text(yaml.safe_dump(launched.config))
    monkeypatch.setenv("RAY_ADDRESS", "a cluster's")
    ((worker, count),) = nodes.startable()
    assert (worker.gpu, worker.cpu, count) == (1, 8, 8)
    assert worker.memory > 16 * 2**30
