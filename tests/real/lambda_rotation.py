"""A rotation by the function, as Secrets Manager drives it, and the end of the old key, as a schedule drives it.

    lambda_rotation.py DIR FUNCTION CONSUMER

DIR is what rotate.py has set up. FUNCTION and CONSUMER are the binaries of the examples rotation_lambda and
reporting_consumer. In turn:

1. A rotation that nobody consumes: the old key stays, whatever is asked, and so there is no room for a next rotation.
2. A consumer begins and says what it uses: the first key goes.
3. A rotation under the consumer, whose job keeps the old key for a while: it is not touched before the job has let go,
   then deactivated, watched, and deleted.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

from botocore.exceptions import ClientError
from kafka import KafkaConsumer, TopicPartition

from kafka_env import connection, setting
from rotate import KAFKA_SECRET_ID, SECRET_ID, USER, client
from runtime_api import Failure, Function, variables

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
REPORTS = os.environ["CREDSWAP_REPORTS_TOPIC"]
# How long the consumer's job keeps its key.
HOLD = 12
MODE = os.environ["CREDSWAP_SERVER"]


def main() -> None:
    directory, function, consumer = map(Path, sys.argv[1:])
    logging.disable(logging.CRITICAL)
    world = World(directory, function)
    try:
        nobody_consumes(world)
        with Consumer(directory, consumer) as working:
            a_consumer_speaks(world)
            a_job_keeps_the_old_key(world, working)
    finally:
        world.function.stop()


def nobody_consumes(world: "World") -> None:
    first = world.current()
    version = world.rotate()
    event = world.events()[-1]
    expect(event["versionId"] == version and event["previousVersionId"] == first["version"], f"the event names both versions: {event}")
    expect(set(world.keys()) == {first["key"], world.current()["key"]}, "both keys are there")
    for _ in range(3):
        did, why = world.retire(first["key"])
        expect(did == "nothing" and "no consumer has ever said a word" in why, f"nobody has said a word: {did}, {why}")
    expect(world.keys()[first["key"]] == "Active", "the old key is as it was")
    try:
        world.rotate()
    except Failure as failure:
        expect(failure.kind == "in_use" and "no consumer has ever said a word" in str(failure), f"no room, and why: {failure}")
    else:
        raise SystemExit("a key was removed on a guess")
    expect(len(world.keys()) == 2, "nothing is lost")
    say(f"nobody consumes: key ..{first['key'][-4:]} stays, and blocks the next rotation")
    # As a person would: the rotation that could not begin has left nothing, so the next one is another one.
    world.first = first["key"]


def a_consumer_speaks(world: "World") -> None:
    seconds = world.retire_until_gone(world.first, 60)
    say(f"a consumer speaks: key ..{world.first[-4:]} deleted after {seconds:.1f} s")


def a_job_keeps_the_old_key(world: "World", consumer: "Consumer") -> None:
    # A job that has just begun, so that there is time to look.
    consumer.wait_for("began", 30, new=True)
    old = world.current()
    begun = time.monotonic()
    world.rotate()
    rotated = time.monotonic() - begun
    looks = 0
    while not consumer.said(f"let go …{old['key'][-4:]}", since=begun):
        state = world.keys().get(old["key"])
        did, why = world.retire(old["key"])
        if consumer.said(f"let go …{old['key'][-4:]}", since=begun):
            break
        expect(state == "Active" and did == "nothing", f"the job uses the key: {state}, {did}, {why}")
        looks += 1
        expect(time.monotonic() - begun < 60, "the job ends")
        time.sleep(0.5)
    expect(looks >= 3, f"there was time to look: {looks}")
    let_go = time.monotonic()
    world.retire_until_gone(old["key"], 60)
    gone = time.monotonic() - let_go
    expect(set(world.keys()) == {world.current()["key"]}, "the current key is the only one")
    expect(refused(old), "the old key is refused")
    consumer.wait_for("let go …" + world.current()["key"][-4:], 60)
    say(f"a job keeps the old key: rotated in {rotated:.1f} s, {looks} looks while it was held, deleted {gone:.1f} s after the job let go")


class World:
    """The servers and the function."""

    def __init__(self, directory: Path, binary: Path) -> None:
        self.iam = client("iam", onlooker(directory))
        self.secrets = client("secretsmanager", onlooker(directory))
        rotator = env_file(directory / "rotator.env")
        self.function = Function(
            binary,
            variables(
                **rotator,
                AWS_ENDPOINT_URL=os.environ["CREDSWAP_ENDPOINT_URL"],
                BOOTSTRAP_SERVERS=setting("BOOTSTRAP_SERVERS"),
                TOPIC=setting("TOPIC"),
                KAFKA_SECRET_ID=KAFKA_SECRET_ID,
                KAFKA_CA_FILE=setting("CA_FILE"),
                REPORTS_TOPIC=REPORTS,
                REPORTS_SETTLE="2s",
                REPORTS_GRACE="2s",
                WATCH="3s",
                SKEW="2s",
                # These servers stage nothing before they call.
                ACCEPT_NEW_TOKENS="true",
            ),
            directory / "function.log",
        )
        self.secrets_seen = directory / "secrets"
        self.first = ""

    def rotate(self) -> str:
        """As Secrets Manager does: the steps in their order, and all of them again if one fails for a passing reason."""
        token = str(uuid.uuid4())
        self.unstage()
        arn = self.secrets.describe_secret(SecretId=SECRET_ID)["ARN"]
        for left in reversed(range(3)):
            try:
                for step in STEPS:
                    self.function.invoke({"Step": step, "SecretId": arn, "ClientRequestToken": token})
                with open(self.secrets_seen, "a") as seen:
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

    def retire(self, key: str) -> tuple[str, str]:
        answer = self.function.invoke({"Step": "retireSecret", "SecretId": SECRET_ID})
        for told in answer["keys"]:
            if told["key"] == "…" + key[-4:]:
                return told["did"], told["why"]
        return "gone", ""

    def retire_until_gone(self, key: str, seconds: float) -> float:
        begun = time.monotonic()
        did = []
        while key in self.keys():
            expect(time.monotonic() - begun < seconds, f"the key goes: {did}")
            now = self.retire(key)
            if not did or did[-1] != now:
                did.append(now)
            time.sleep(0.5)
        order = [what for what, _ in did if what != "nothing"]
        expect(order == ["deactivated", "deleted"], f"deactivated, watched, deleted: {did}")
        return time.monotonic() - begun

    def current(self) -> dict:
        answer = self.secrets.get_secret_value(SecretId=SECRET_ID, VersionStage="AWSCURRENT")
        fields = json.loads(answer["SecretString"])
        return {"version": answer["VersionId"], "key": fields["accesskey"], "secret": fields["secretkey"]}

    def keys(self) -> dict[str, str]:
        keys = self.iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]
        return {key["AccessKeyId"]: key["Status"] for key in keys}

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


class Consumer:
    """The example reporting_consumer, and what it has said."""

    def __init__(self, directory: Path, binary: Path) -> None:
        self.lines: list[tuple[float, str]] = []
        self.heard = threading.Condition()
        arguments = {
            "secret-id": SECRET_ID,
            "bootstrap-servers": setting("BOOTSTRAP_SERVERS"),
            "topic": setting("TOPIC"),
            "reports-topic": REPORTS,
            "username": "consumer",
            "password-file": setting("CONSUMER_PASSWORD_FILE"),
            "ca-file": setting("CA_FILE"),
            "hold": str(HOLD),
            "ttl": "15",
        }
        self.log = open(directory / "consumer.log", "a")
        self.process = subprocess.Popen(
            [binary, *(word for name, value in arguments.items() for word in ("--" + name, value))],
            env=variables(**env_file(directory / "reader.env"), AWS_ENDPOINT_URL=os.environ["CREDSWAP_ENDPOINT_URL"]),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True,
        )

    def __enter__(self) -> "Consumer":
        threading.Thread(target=self.listen, daemon=True).start()
        self.wait_for("began", 30)
        return self

    def __exit__(self, kind, *_) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(timeout=20)
        finally:
            self.process.kill()
        if kind is None:
            expect(status == 0 and self.said("goodbye"), "the consumer has failed at nothing, and said goodbye")

    def listen(self) -> None:
        for line in self.process.stdout:
            with self.heard:
                self.lines.append((time.monotonic(), line.strip()))
                self.heard.notify_all()
        with self.heard:
            self.heard.notify_all()

    def said(self, words: str, since: float = 0.0) -> bool:
        with self.heard:
            return any(at >= since and words in line for at, line in self.lines)

    def wait_for(self, words: str, seconds: float, new: bool = False) -> None:
        since = time.monotonic() if new else 0.0
        deadline = time.monotonic() + seconds
        while not self.said(words, since):
            expect(self.process.poll() is None, "the consumer works")
            expect(time.monotonic() < deadline, f"the consumer says `{words}`")
            with self.heard:
                self.heard.wait(0.2)


def refused(old: dict) -> bool:
    try:
        client("sts", (old["key"], old["secret"])).get_caller_identity()
    except ClientError as error:
        return error.response["Error"]["Code"] == "InvalidClientTokenId"
    return False


def onlooker(directory: Path) -> tuple[str, str]:
    keys = env_file(directory / "onlooker.env")
    return keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"]


def env_file(path: Path) -> dict[str, str]:
    lines = (line.removeprefix("export ").split("=", 1) for line in path.read_text().splitlines())
    return dict(lines)


def expect(true: bool, what: str) -> None:
    if not true:
        raise SystemExit(f"lambda_rotation.py ({MODE}): not so: {what}")


def say(what: str) -> None:
    print(f"{MODE}: {what}", flush=True)


if __name__ == "__main__":
    main()
