"""The consumers: processes that use the key while it is rotated, and what they say."""

import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import NamedTuple

from kafka_env import setting
from outcome import expect, until
from rotate import BUCKET, SECRET_ID
from runtime_api import variables

REPORTS = os.environ.get("CREDSWAP_REPORTS_TOPIC", "")
# For how long a report of theirs is a sign of life: one comes in a third of it.
TTL = 15


class Program:
    """A process. Each line of its output is kept with the time at which it came, and goes to a log."""

    def __init__(self, name: str, command: list, environment: dict[str, str], directory: Path) -> None:
        self.name = name
        self.lines: list[tuple[float, str]] = []
        self.log = open(directory / f"{name}.log", "a")
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
        )
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self) -> None:
        for line in self.process.stdout:
            self.lines.append((time.monotonic(), line.rstrip()))
            self.log.write(line)
            self.log.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.wait()

    def runs(self) -> bool:
        return self.process.poll() is None

    def said(self, words: str, since: float = 0.0) -> bool:
        return any(at >= since and words in line for at, line in list(self.lines))

    def last(self, pattern: str) -> re.Match | None:
        matches = (re.search(pattern, line) for _, line in reversed(list(self.lines)))
        return next(filter(None, matches), None)

    def wait_for(self, words: str, seconds: float, since: float = 0.0) -> None:
        self.until(lambda: self.said(words, since), seconds, f"{self.name} says `{words}`")

    def until(self, true, seconds: float, what: str) -> None:
        def true_while_it_runs() -> bool:
            # In this order: what it has said before its end counts.
            ended = not self.runs()
            return true() or expect(not ended, f"{self.name} works")

        until(true_while_it_runs, seconds, what)

    def interrupt(self) -> None:
        expect(self.runs(), f"{self.name} works to its end")
        self.process.send_signal(signal.SIGINT)

    def wait(self, seconds: float) -> None:
        """Returns when it has ended, and that well."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            expect(False, f"{self.name} ends within {seconds:.0f} s")
        expect(status == 0, f"{self.name} has failed at nothing: exit status {status}")

    @property
    def instance(self) -> str:
        """The name under which it reports."""
        return self.last(r"(?:reports as |usage reporting started.*instance=)([\w:-]+)").group(1)


class Consumer(Program):
    """The example reporting_consumer: each job holds the key that it began with for so long."""

    def __init__(self, name: str, binary: Path, hold: int, directory: Path, reader: dict[str, str]) -> None:
        command = [binary, *options(kafka("consumer", "username", "password-file")), *options({"job-seconds": hold, "ttl": TTL})]
        environment = variables(**reader, AWS_ENDPOINT_URL=os.environ["CREDSWAP_ENDPOINT_URL"])
        super().__init__(name, command, environment, directory)

    def end(self) -> None:
        self.interrupt()
        self.wait(30)
        expect(self.said("final report sent"), f"{self.name} has sent its final report")


class Progress(NamedTuple):
    """What an uploader says each second."""

    objects: int
    key: str
    on_an_old_key: int
    failures: int
    deaf: str | None


class Uploader(Program):
    """The example s3_uploader, with one consumer in it. It works until it is interrupted, and then reads all back."""

    def __init__(self, name: str, user: str, binary: Path, directory: Path, reader: dict[str, str]) -> None:
        arguments = kafka(user, "kafka-username", "kafka-password-file") | {
            "bucket": BUCKET,
            "endpoint-url": os.environ["CREDSWAP_ENDPOINT_URL"],
            "reports-ttl": TTL,
            "instances": 1,
            "concurrency": 2,
            # Two parts: the smallest upload in parts.
            "made-file": 9,
            "duration": 1800,
            "plot": directory / f"{name}.svg",
        }
        # Of the crate's log, its name among the reports is what is needed here.
        environment = variables(**reader, RUST_LOG="credswap=info", NO_COLOR="1")
        super().__init__(name, [binary, *options(arguments), Path(__file__).parent], environment, directory)

    def progress(self) -> Progress:
        said = self.last(r"^credswap .* s: (\d+) objects, .* key …(\w+), in flight (\d+) on .*, (\d+) failures(?:, deaf: (.*))?$")
        return Progress(int(said[1]), said[2], int(said[3]), int(said[4]), said[5]) if said else Progress(0, "", 0, 0, None)

    def wait_until_moved_on(self, key: str, seconds: float) -> None:
        """Returns when it uses this key, and no other."""
        self.until(lambda: self.progress()[1:3] == (key[-4:], 0), seconds, f"{self.name} has moved on to …{key[-4:]}")

    def total(self, row: str) -> int:
        """A row of the table that it prints at its end."""
        return int(self.last(rf"^│ {row}\s+┆\s+(\d+)")[1])


def kafka(user: str, username: str, password_file: str) -> dict[str, object]:
    """What each consumer is told: where its secret is, and what tells it of changes."""
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
    return [word for name, value in named.items() for word in (f"--{name}", str(value))]
