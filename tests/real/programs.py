"""The consumers: processes that use the key while it is rotated, and their output."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import texts
from checks import expect, wait_until
from kafka_env import connection, setting
from rotate import BUCKET, SECRET_ID
from runtime_api import variables

REPORTS = os.environ.get("CREDSWAP_REPORTS_TOPIC", "")
# How long their usage reports are valid, in seconds: they report three times as often.
TTL = 15


class Program:
    """A process. Each line of its output is kept with the time at which it was read, and written to a log."""

    def __init__(self, name: str, command: list, environment: dict[str, str], directory: Path) -> None:
        self.name = name
        self.lines: list[tuple[float, str]] = []
        self.log = open(directory / f"{name}.log", "a")
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
        )
        threading.Thread(target=self.read_output, daemon=True).start()

    def read_output(self) -> None:
        for line in self.process.stdout:
            self.lines.append((time.monotonic(), line.rstrip()))
            self.log.write(line)
            self.log.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.wait()

    def is_running(self) -> bool:
        return self.process.poll() is None

    def printed(self, text: str, since: float = 0.0) -> bool:
        return any(at >= since and text in line for at, line in list(self.lines))

    def last_match(self, pattern: str) -> re.Match | None:
        matches = (re.search(pattern, line) for _, line in reversed(list(self.lines)))
        return next(filter(None, matches), None)

    def wait_for_output(self, text: str, seconds: float, since: float = 0.0) -> None:
        self.wait_until(lambda: self.printed(text, since), seconds, f"{self.name} prints `{text}`")

    def wait_until(self, condition: Callable[[], bool], seconds: float, expectation: str) -> None:
        def holds_while_running() -> bool:
            # In this order: what it printed before its end counts.
            ended = not self.is_running()
            return condition() or expect(not ended, f"{self.name} is running")

        wait_until(holds_while_running, seconds, expectation)

    def interrupt(self) -> None:
        expect(self.is_running(), f"{self.name} is running until it is interrupted")
        self.process.send_signal(signal.SIGINT)

    def wait_for_success(self, seconds: float) -> None:
        """Returns when it has ended with exit status 0."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            expect(False, f"{self.name} ends within {seconds:.0f} s")
        expect(status == 0, f"{self.name} ends with exit status 0, not {status}")

    @property
    def instance(self) -> str:
        """The name under which it reports."""
        return self.last_match(texts.INSTANCE).group(1)


class Consumer(Program):
    """The example reporting_consumer: each job keeps the key that it began with for `job_seconds`."""

    def __init__(self, name: str, binary: Path, job_seconds: int, directory: Path, reader: dict[str, str]) -> None:
        arguments = kafka("consumer", "username", "password-file") | {"job-seconds": job_seconds, "ttl": TTL}
        environment = variables(**reader, AWS_ENDPOINT_URL=os.environ["CREDSWAP_ENDPOINT_URL"])
        super().__init__(name, [binary, *options(arguments)], environment, directory)

    def end(self) -> None:
        self.interrupt()
        self.wait_for_success(30)
        expect(self.printed(texts.CONSUMER_ENDED), f"{self.name} has sent its final report")


class PythonConsumer(Program):
    """The example reporting_consumer.py: it asks for the current version every `poll_seconds`, and uses the old one until then."""

    def __init__(self, name: str, script: Path, poll_seconds: int, directory: Path, reader: dict[str, str]) -> None:
        command = [sys.executable, script, SECRET_ID, REPORTS, json.dumps(connection("consumer")), str(poll_seconds)]
        region = os.environ["AWS_REGION"]
        environment = variables(**reader, AWS_ENDPOINT_URL=os.environ["CREDSWAP_ENDPOINT_URL"], AWS_DEFAULT_REGION=region)
        super().__init__(name, command, environment, directory)


class Progress(NamedTuple):
    """What an uploader prints each second."""

    objects: int
    key: str
    on_an_old_key: int
    failures: int
    disconnected: str | None


class Uploader(Program):
    """The example s3_uploader with one consumer. It uploads until it is interrupted, and then reads all objects back."""

    def __init__(self, name: str, user: str, binary: Path, directory: Path, reader: dict[str, str]) -> None:
        arguments = kafka(user, "kafka-username", "kafka-password-file") | {
            "bucket": BUCKET,
            "endpoint-url": os.environ["CREDSWAP_ENDPOINT_URL"],
            "reports-ttl": TTL,
            "instances": 1,
            "concurrency": 2,
            # Two parts: the smallest upload in parts.
            "generated-file": 9,
            "duration": 1800,
            "plot": directory / f"{name}.svg",
        }
        # The crate's log has the name under which it reports.
        environment = variables(**reader, RUST_LOG="credswap=info", NO_COLOR="1")
        super().__init__(name, [binary, *options(arguments), Path(__file__).parent], environment, directory)

    def progress(self) -> Progress:
        match = self.last_match(texts.PROGRESS)
        return Progress(int(match[1]), match[2], int(match[3]), int(match[4]), match[5]) if match else Progress(0, "", 0, 0, None)

    def uses_only(self, key: str) -> bool:
        progress = self.progress()
        return (progress.key, progress.on_an_old_key) == (key[-4:], 0)

    def wait_until_it_uses_only(self, key: str, seconds: float) -> None:
        self.wait_until(lambda: self.uses_only(key), seconds, f"{self.name} uses only …{key[-4:]}")

    def total(self, row: str) -> int:
        """Returns the number in a row of the table that it prints at its end."""
        return int(self.last_match(rf"^│ {row}\s+┆\s+(\d+)")[1])


def kafka(user: str, username: str, password_file: str) -> dict[str, object]:
    """Returns the arguments that all consumers share: the secret, and how to reach Kafka as this user."""
    return {
        "secret-id": SECRET_ID,
        "bootstrap-servers": setting("BOOTSTRAP_SERVERS"),
        "topic": setting("TOPIC"),
        "reports-topic": REPORTS,
        "ca-file": setting("CA_FILE"),
        username: user,
        password_file: setting(f"{user.upper()}_PASSWORD_FILE"),
    }


def options(named: dict[str, object]) -> list[str]:
    return [argument for name, value in named.items() for argument in (f"--{name}", str(value))]
