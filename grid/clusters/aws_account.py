"""Prepares an AWS account for cluster.yaml: the bucket, and the roles that let its machines use it.

    python grid/clusters/aws_account.py [cluster.yaml]

Run it once, and again after a change of bucket or region; it changes only what is not as it should be. AWS
takes some seconds to know new roles everywhere: should `ray up` not find one, call it again. To clean up,
delete roles, their instance profiles and the bucket in the console: nothing is deleted here.
"""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.exceptions import ClientError

_BUCKET = re.compile(r"HD2S_STORAGE=s3://([^/\s]+)")
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
_MACHINES = "arn:aws:iam::aws:policy/AmazonEC2FullAccess"


def prepare(cluster: dict[str, Any]) -> None:
    """Make a cluster's bucket and roles, as far as they are missing.

    Args:
        cluster: what cluster.yaml says.

    Raises:
        ClientError: AWS refuses, for example because somebody else has a bucket of this name.
        ValueError: the cluster names no bucket.
    """
    region = cluster["provider"]["region"]
    found = _BUCKET.search("\n".join(cluster["initialization_commands"]))
    if found is None:
        raise ValueError("expected HD2S_STORAGE=s3://… in the cluster's initialization_commands, found none")
    bucket = found[1]
    _make_bucket(boto3.client("s3", region_name=region), bucket, region)
    kinds = cluster["available_node_types"]
    head = kinds.pop(cluster["head_node_type"])["node_config"]["IamInstanceProfile"]["Name"]
    workers = {kind["node_config"]["IamInstanceProfile"]["Name"] for kind in kinds.values()}
    iam = boto3.client("iam")
    arns = [_make_role(iam, name, [_may_use(bucket)]) for name in sorted(workers)]
    # The head starts machines, and gives them their role.
    gives = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": arns}
    _make_role(iam, head, [_may_use(bucket), gives], _MACHINES)


def _may_use(bucket: str) -> dict[str, Any]:
    actions = ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    arn = f"arn:aws:s3:::{bucket}"
    return {"Effect": "Allow", "Action": actions, "Resource": [arn, f"{arn}/*"]}


def _make_bucket(s3: Any, bucket: str, region: str) -> None:
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "404":
            raise
        # The oldest region has no name here.
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket, **place)


def _make_role(iam: Any, name: str, may: list[dict[str, Any]], *managed: str) -> str:
    """Make a role that machines can have by its name, with these rights and no others; return its ARN."""
    # Each by itself: an earlier call may have been refused the one and not the other.
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_instance_profile(InstanceProfileName=name)
    iam.get_waiter("role_exists").wait(RoleName=name)
    iam.get_waiter("instance_profile_exists").wait(InstanceProfileName=name)
    if not iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]:
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    arn = iam.get_role(RoleName=name)["Role"]["Arn"]
    rights = json.dumps({"Version": "2012-10-17", "Statement": may})
    iam.put_role_policy(RoleName=name, PolicyName="hd2s-grid", PolicyDocument=rights)
    for policy in managed:
        iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    return arn


if __name__ == "__main__":
    prepare(yaml.safe_load(Path(*(sys.argv[1:] or ["cluster.yaml"])).read_text(encoding="utf-8")))
