"""The servers, the rotation function, and those who invoke it: Secrets Manager and a schedule."""

import json
import os
import time
import uuid
from pathlib import Path
from typing import NamedTuple

from botocore.exceptions import ClientError
from kafka import KafkaConsumer, TopicPartition

import texts
from checks import expect, log
from kafka_env import connection, setting
from rotate import KAFKA_SECRET_ID, SECRET_ID, USER, client
from runtime_api import Failure, Function, variables

# How long a deactivated key is watched, in seconds: long enough for a few retirements.
WATCH = 4
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


class Environment:
    """The servers and the function. A second function with other settings can be started beside the first."""

    def __init__(self, directory: Path, binary: Path) -> None:
        self.directory = directory
        # All output goes there, and is searched for secrets.
        self.logs = directory / "logs"
        self.binary = binary
        self.observer = env_file(directory / "observer.env")
        self.reader = env_file(directory / "reader.env")
        keys = self.observer["AWS_ACCESS_KEY_ID"], self.observer["AWS_SECRET_ACCESS_KEY"]
        self.iam = client("iam", keys)
        self.secrets = client("secretsmanager", keys)
        self.function = self.start_function("function")

    def start_function(self, name: str, **others: str) -> Function:
        settings = {
            "AWS_ENDPOINT_URL": os.environ["CREDSWAP_ENDPOINT_URL"],
            "BOOTSTRAP_SERVERS": setting("BOOTSTRAP_SERVERS"),
            "TOPIC": setting("TOPIC"),
            "KAFKA_SECRET_ID": KAFKA_SECRET_ID,
            "KAFKA_CA_FILE": setting("CA_FILE"),
            "REPORTS_TOPIC": os.environ["CREDSWAP_REPORTS_TOPIC"],
            "REPORTS_SETTLE": "2s",
            "REPORTS_GRACE": "2s",
            "WATCH": f"{WATCH}s",
            "CLOCK_SKEW": "2s",
            "ALL_CONSUMERS_REPORT": "true",
            # These servers do not stage the token before they invoke the function.
            "ACCEPT_NEW_TOKENS": "true",
        }
        rotator = env_file(self.directory / "rotator.env")
        return Function(self.binary, variables(**rotator, **settings | others), self.logs / f"{name}.log")

    def rotate(self) -> str:
        """Rotates as Secrets Manager does: the steps in order, all of them again after a transient failure. Returns the new version."""
        token = str(uuid.uuid4())
        self.unstage()
        arn = self.secrets.describe_secret(SecretId=SECRET_ID)["ARN"]
        for left in reversed(range(3)):
            try:
                for step in STEPS:
                    self.function.invoke({"Step": step, "SecretId": arn, "ClientRequestToken": token})
                with open(self.directory / "secrets", "a") as secrets:
                    secrets.write(self.current()["secret"] + "\n")
                return token
            except Failure as failure:
                if not left or failure.kind not in ("unavailable", "timeout", "not_propagated"):
                    raise
                log(f"retrying the rotation: {failure}")
        raise AssertionError

    def unstage(self) -> None:
        """Removes AWSPENDING from the last rotation's version. Secrets Manager and its PutSecretValue move the label to the
        new version; ministack's PutSecretValue leaves it on both."""
        versions = self.secrets.describe_secret(SecretId=SECRET_ID)["VersionIdsToStages"]
        for version, stages in versions.items():
            if "AWSPENDING" in stages:
                self.secrets.update_secret_version_stage(SecretId=SECRET_ID, VersionStage="AWSPENDING", RemoveFromVersionId=version)

    def retire(self, key: str, function: Function | None = None) -> tuple[str, str]:
        """Invokes a retirement once. Returns what it did with this key, and why."""
        answer = (function or self.function).invoke({"Step": "retireSecret", "SecretId": SECRET_ID})
        for report in answer["keys"]:
            if report["key"] == "…" + key[-4:]:
                return report["action"], report["reason"]
        return "gone", ""

    def try_to_retire(self, key: str) -> "Retirement":
        return Retirement(self.keys().get(key), *self.retire(key), self.keys().get(key))

    def retire_until_gone(self, key: str, seconds: float) -> float:
        """Retires until the key is deactivated, watched and deleted, in this order. Returns how long that took."""
        started = time.monotonic()
        history = []
        while key in self.keys():
            expect(time.monotonic() - started < seconds, f"the key is deleted: {history}")
            now = self.retire(key)
            if not history or history[-1] != now:
                history.append(now)
            # The time after a deactivation is short: the key must be found watched in it.
            if now[0] != "deactivated":
                time.sleep(0.5)
        actions = [action for action, _ in history if action != "kept"]
        expect(actions == ["deactivated", "deleted"], f"the key is deactivated, then deleted: {history}")
        expect(texts.WATCHED in history[-2][1], f"the key is watched before it is deleted: {history}")
        return time.monotonic() - started

    def current(self) -> dict:
        answer = self.secrets.get_secret_value(SecretId=SECRET_ID, VersionStage="AWSCURRENT")
        fields = json.loads(answer["SecretString"])
        return {"version": answer["VersionId"], "key": fields["accesskey"], "secret": fields["secretkey"]}

    def keys(self) -> dict[str, str]:
        keys = self.iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]
        return {key["AccessKeyId"]: key["Status"] for key in keys}

    def expect_only_the_current_key(self, old: dict) -> None:
        expect(set(self.keys()) == {self.current()["key"]}, "the current key is the only one")
        expect(is_rejected(old), "the old key is rejected")

    def events(self) -> list[dict]:
        """Returns all published events, in order."""
        reader = KafkaConsumer(**connection("consumer"), group_id=None)
        partitions = [TopicPartition(setting("TOPIC"), n) for n in reader.partitions_for_topic(setting("TOPIC"))]
        reader.assign(partitions)
        reader.seek_to_beginning()
        ends = reader.end_offsets(partitions)
        records = []
        while any(reader.position(partition) < end for partition, end in ends.items()):
            records += [record for batch in reader.poll(timeout_ms=500).values() for record in batch]
        reader.close()
        return [json.loads(record.value) for record in sorted(records, key=lambda record: record.timestamp)]


class Retirement(NamedTuple):
    """What one retirement did with a key, and the key's status before and after."""

    before: str | None
    action: str
    reason: str
    after: str | None

    def expect_in_use_by(self, *consumers: str) -> None:
        """Checks that it kept an active key, and names the consumers that use it."""
        expect((self.before, self.action, self.after) == ("Active", "kept", "Active"), f"the key is in use: {self}")
        named = self.reason.startswith(texts.IN_USE) and all(consumer in self.reason for consumer in consumers)
        expect(named, f"{consumers} are named: {self.reason}")


def is_rejected(key: dict) -> bool:
    try:
        client("sts", (key["key"], key["secret"])).get_caller_identity()
    except ClientError as error:
        return error.response["Error"]["Code"] == "InvalidClientTokenId"
    return False


def env_file(path: Path) -> dict[str, str]:
    lines = (line.removeprefix("export ").split("=", 1) for line in path.read_text().splitlines())
    return dict(lines)
