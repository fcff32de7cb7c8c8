"""Rotates an IAM user's key as a common rotation function does, against the server that ministack.sh started.

    rotate.py DIR setup
    rotate.py DIR run --rotations N --every S --retire-after S [--beside PID]

`setup` creates the IAM users `uploader` (S3), `reader` (may read the secret), `rotator` and `observer`, a bucket, a secret with
the uploader's first key and one with the login of Kafka's publisher, and writes DIR/reader.env, DIR/rotator.env and
DIR/observer.env. `run` performs the four steps of each rotation, publishes the event, and deactivates and deletes the old
key after a fixed time.
DIR/secrets lists every secret key that was created, so that logs can be searched for them.
"""

import argparse
import json
import logging
import os
import sys
import time
import uuid
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from kafka.errors import KafkaError

from publish import event, publish

BUCKET = os.environ.get("CREDSWAP_BUCKET", "credswap-uploads")
SECRET_ID = os.environ.get("CREDSWAP_SECRET_ID", "prod/uploader")
# MSK requires this prefix.
KAFKA_SECRET_ID = "AmazonMSK_publisher"
USER = "uploader"
ROOT = ("test", "test")
# What each user may do. A key that may do more than it needs would hide a missing permission.
POLICIES = {
    "uploader": ["s3:*"],
    "reader": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
    "rotator": ["secretsmanager:*", "iam:*"],
    # For the scripts' own requests: where keys are enforced, there may be no root user.
    "observer": ["secretsmanager:*", "iam:*"],
}
# A new key takes seconds to propagate, at most 2 minutes.
PROPAGATION = 120.0


def client(service: str, keys: tuple[str, str]):
    return boto3.client(
        service,
        endpoint_url=os.environ["CREDSWAP_ENDPOINT_URL"],
        region_name=os.environ["AWS_REGION"],
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        config=Config(connect_timeout=5, read_timeout=20, s3={"addressing_style": "path"}),
    )


def setup(directory: Path) -> None:
    iam = client("iam", ROOT)
    keys = {}
    for name, actions in POLICIES.items():
        iam.create_user(UserName=name)
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        keys[name] = create_key(iam, name, directory)
    client("s3", ROOT).create_bucket(Bucket=BUCKET)
    client("secretsmanager", ROOT).create_secret(Name=SECRET_ID, SecretString=secret_string(keys[USER]))
    password = Path(os.environ["CREDSWAP_KAFKA_PUBLISHER_PASSWORD_FILE"]).read_text().strip()
    publisher = json.dumps({"username": "publisher", "password": password})
    client("secretsmanager", ROOT).create_secret(Name=KAFKA_SECRET_ID, SecretString=publisher)
    for name in ("reader", "rotator", "observer"):
        lines = [f"export AWS_ACCESS_KEY_ID={keys[name][0]}", f"export AWS_SECRET_ACCESS_KEY={keys[name][1]}"]
        (directory / f"{name}.env").write_text("\n".join(lines) + "\n")


def create_key(iam, user: str, directory: Path) -> tuple[str, str]:
    key = iam.create_access_key(UserName=user)["AccessKey"]
    with open(directory / "secrets", "a") as secrets:
        secrets.write(key["SecretAccessKey"] + "\n")
    return key["AccessKeyId"], key["SecretAccessKey"]


def secret_string(keys: tuple[str, str]) -> str:
    return json.dumps({"username": USER, "accesskey": keys[0], "secretkey": keys[1]})


class Rotation:
    """One rotation of the key, and the deletion of the old one."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        keys = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
        self.iam = client("iam", keys)
        self.secrets = client("secretsmanager", keys)
        self.token = str(uuid.uuid4())
        self.old = self.read("AWSCURRENT")

    def read(self, stage: str) -> tuple[str, str]:
        answer = self.secrets.get_secret_value(SecretId=SECRET_ID, VersionStage=stage)
        fields = json.loads(answer["SecretString"])
        return fields["accesskey"], fields["secretkey"]

    def create_secret(self) -> None:
        # IAM allows two keys per user; the server does not enforce that.
        existing = key_ids(self.iam)
        if len(existing) > 1:
            raise SystemExit(f"rotate.py: {USER} has {len(existing)} keys already")
        new = create_key(self.iam, USER, self.directory)
        self.secrets.put_secret_value(
            SecretId=SECRET_ID, ClientRequestToken=self.token, SecretString=secret_string(new), VersionStages=["AWSPENDING"]
        )

    def set_secret(self) -> None:
        """Nothing to set: IAM has created the key itself."""

    def test_secret(self) -> None:
        pending = self.read("AWSPENDING")
        deadline = time.monotonic() + PROPAGATION
        while not accepted(pending):
            if time.monotonic() > deadline:
                raise SystemExit(f"rotate.py: the new key was not accepted within {PROPAGATION:.0f} s")
            time.sleep(0.5)

    def finish_secret(self) -> str:
        versions = self.secrets.describe_secret(SecretId=SECRET_ID)["VersionIdsToStages"]
        current = next(version for version, stages in versions.items() if "AWSCURRENT" in stages)
        self.secrets.update_secret_version_stage(
            SecretId=SECRET_ID, VersionStage="AWSCURRENT", MoveToVersionId=self.token, RemoveFromVersionId=current
        )
        return publish(event("finishSecret"))

    def retire(self) -> None:
        key_id = self.old[0]
        self.iam.update_access_key(UserName=USER, AccessKeyId=key_id, Status="Inactive")
        self.iam.delete_access_key(UserName=USER, AccessKeyId=key_id)
        # With a server that still accepts the old key, every uploader would pass.
        if key_ids(self.iam) != [self.read("AWSCURRENT")[0]] or accepted(self.old):
            raise SystemExit("rotate.py: the old key still exists or is still accepted")


def key_ids(iam) -> list[str]:
    return [key["AccessKeyId"] for key in iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]]


def accepted(keys: tuple[str, str]) -> bool:
    try:
        return client("sts", keys).get_caller_identity()["Arn"].endswith(f":user/{USER}")
    except ClientError as error:
        if error.response["Error"]["Code"] == "InvalidClientTokenId":
            return False
        raise


def wait_for_upload(seconds: float, beside: int) -> None:
    """Waits for the first upload: a rotation before it would prove nothing."""
    s3 = client("s3", ROOT)
    deadline = time.monotonic() + seconds
    while not s3.list_objects_v2(Bucket=BUCKET, MaxKeys=1).get("KeyCount"):
        if time.monotonic() > deadline:
            raise SystemExit(f"rotate.py: nothing was uploaded within {seconds:.0f} s")
        sleep_beside(beside, 0.2)


def sleep_beside(pid: int, seconds: float) -> None:
    """Sleeps; fails if the process `pid` ends meanwhile (0: no process is watched)."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            raise SystemExit("rotate.py: the uploader has ended") from None
        time.sleep(min(left, 0.2))


def run(directory: Path, args: argparse.Namespace) -> None:
    """Rotates every `every` seconds, or as soon as the old key is deleted if that takes longer."""
    wait_for_upload(60, args.beside)
    for number in range(1, args.rotations + 1):
        begun = time.monotonic()
        rotation = Rotation(directory)
        rotation.create_secret()
        rotation.set_secret()
        rotation.test_secret()
        where = rotation.finish_secret()
        print(f"rotation {number}: version {rotation.token[:8]} is current, event at {where}", flush=True)
        sleep_beside(args.beside, args.retire_after)
        rotation.retire()
        print(f"rotation {number}: key ..{rotation.old[0][-4:]} deleted and rejected", flush=True)
        if number < args.rotations:
            sleep_beside(args.beside, begun + args.every - time.monotonic())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("setup")
    runner = commands.add_parser("run")
    runner.add_argument("--rotations", type=int, default=1)
    runner.add_argument("--every", type=float, default=15.0)
    runner.add_argument("--retire-after", type=float, default=12.0)
    runner.add_argument("--beside", type=int, default=0, metavar="PID", help="fail when this process has ended")
    args = parser.parse_args()
    os.umask(0o077)
    logging.disable(logging.CRITICAL)
    args.directory.mkdir(parents=True, exist_ok=True)
    try:
        if args.command == "setup":
            setup(args.directory)
        else:
            run(args.directory, args)
    except (BotoCoreError, ClientError, KafkaError) as error:
        sys.exit(f"rotate.py: {type(error).__name__}: {error}")
    except KeyError as error:
        sys.exit(f"rotate.py: {error} is not set")


if __name__ == "__main__":
    main()
