"""The servers, the rotation function, and those who call it."""

import json
import os
import time
import uuid
from pathlib import Path
from typing import NamedTuple

from botocore.exceptions import ClientError
from kafka import KafkaConsumer, TopicPartition

from kafka_env import connection, setting
from outcome import expect, say
from rotate import KAFKA_SECRET_ID, SECRET_ID, USER, client
from runtime_api import Failure, Function, variables

# How long a deactivated key is watched, in seconds: a few looks.
WATCH = 4
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


class World:
    """The servers and the function. A second function with other settings is started beside the first."""

    def __init__(self, directory: Path, binary: Path) -> None:
        self.directory = directory
        # What is printed goes there, and is searched for secrets.
        self.said = directory / "said"
        self.binary = binary
        self.onlooker = env_file(directory / "onlooker.env")
        self.reader = env_file(directory / "reader.env")
        keys = self.onlooker["AWS_ACCESS_KEY_ID"], self.onlooker["AWS_SECRET_ACCESS_KEY"]
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
            "SKEW": "2s",
            # These servers stage nothing before they call.
            "ACCEPT_NEW_TOKENS": "true",
        }
        rotator = env_file(self.directory / "rotator.env")
        return Function(self.binary, variables(**rotator, **settings | others), self.said / f"{name}.log")

    def rotate(self) -> str:
        """As Secrets Manager does: the steps in their order, and all of them again if one fails for a passing reason."""
        token = str(uuid.uuid4())
        self.unstage()
        arn = self.secrets.describe_secret(SecretId=SECRET_ID)["ARN"]
        for left in reversed(range(3)):
            try:
                for step in STEPS:
                    self.function.invoke({"Step": step, "SecretId": arn, "ClientRequestToken": token})
                with open(self.directory / "secrets", "a") as seen:
                    seen.write(self.current()["secret"] + "\n")
                return token
            except Failure as failure:
                if not left or failure.kind not in ("unavailable", "timeout", "not_propagated"):
                    raise
                say(f"again: {failure}")
        raise AssertionError

    def unstage(self) -> None:
        """Takes AWSPENDING from the last rotation's version. Secrets Manager gives it to the new one, and so does its
        PutSecretValue; ministack's leaves it on both."""
        versions = self.secrets.describe_secret(SecretId=SECRET_ID)["VersionIdsToStages"]
        for version, stages in versions.items():
            if "AWSPENDING" in stages:
                self.secrets.update_secret_version_stage(SecretId=SECRET_ID, VersionStage="AWSPENDING", RemoveFromVersionId=version)

    def retire(self, key: str, function: Function | None = None) -> tuple[str, str]:
        """What a look at the old keys did with this one, and why."""
        answer = (function or self.function).invoke({"Step": "retireSecret", "SecretId": SECRET_ID})
        for told in answer["keys"]:
            if told["key"] == "…" + key[-4:]:
                return told["did"], told["why"]
        return "gone", ""

    def look(self, key: str) -> "Look":
        return Look(self.keys().get(key), *self.retire(key), self.keys().get(key))

    def retire_until_gone(self, key: str, seconds: float) -> float:
        """RefreshRequester until the key is gone: deactivated, watched, deleted, in this order. How long that took."""
        begun = time.monotonic()
        did = []
        while key in self.keys():
            expect(time.monotonic() - begun < seconds, f"the key goes: {did}")
            now = self.retire(key)
            if not did or did[-1] != now:
                did.append(now)
            # What comes next after that is to be seen: it is watched, and not for long.
            if now[0] != "deactivated":
                time.sleep(0.5)
        order = [what for what, _ in did if what != "nothing"]
        expect(order == ["deactivated", "deleted"], f"deactivated, watched, deleted: {did}")
        expect("watched until" in did[-2][1], f"watched before it is deleted: {did}")
        return time.monotonic() - begun

    def current(self) -> dict:
        answer = self.secrets.get_secret_value(SecretId=SECRET_ID, VersionStage="AWSCURRENT")
        fields = json.loads(answer["SecretString"])
        return {"version": answer["VersionId"], "key": fields["accesskey"], "secret": fields["secretkey"]}

    def keys(self) -> dict[str, str]:
        keys = self.iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]
        return {key["AccessKeyId"]: key["Status"] for key in keys}

    def expect_only_the_current_key(self, old: dict) -> None:
        expect(set(self.keys()) == {self.current()["key"]}, "the current key is the only one")
        expect(is_refused(old), "the old key is refused")

    def events(self) -> list[dict]:
        """All that was published, in its order."""
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


class Look(NamedTuple):
    """A look at the old keys: what became of one, and its status before and after."""

    before: str | None
    did: str
    why: str
    after: str | None

    def expect_held_by(self, *holders: str) -> None:
        """It did nothing to an active key, and names those who use it."""
        expect((self.before, self.did, self.after) == ("Active", "nothing", "Active"), f"the key is in use: {self}")
        expect(self.why.startswith("used by ") and all(holder in self.why for holder in holders), f"{holders} are named: {self.why}")


def is_refused(key: dict) -> bool:
    try:
        client("sts", (key["key"], key["secret"])).get_caller_identity()
    except ClientError as error:
        return error.response["Error"]["Code"] == "InvalidClientTokenId"
    return False


def env_file(path: Path) -> dict[str, str]:
    lines = (line.removeprefix("export ").split("=", 1) for line in path.read_text().splitlines())
    return dict(lines)
