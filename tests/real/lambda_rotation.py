"""Rotations by the function, invoked as Secrets Manager does, and retirements of old keys, invoked as a schedule does.

    lambda_rotation.py DIR EXAMPLES

DIR is what rotate.py has set up; EXAMPLES contains the binaries rotation_lambda, s3_uploader and reporting_consumer.
In this order:

1. A rotation without consumers: the old key is kept by every retirement, so that there is no room for another rotation.
2. Three uploaders start and report which key they use: the first key is deleted.
3. A rotation under them, under a consumer whose job keeps the old key for a while, and under one in Python that polls: the
   key is kept until both have released it, then deactivated, watched and deleted.
4. A rotation whose event one uploader cannot receive: it keeps using the old key, which is kept until the uploader has
   the new one.
5. The uploaders end: nothing has failed, and every object exists.
6. A job that keeps its key past the deadline: the key is deactivated, with an error in the log. The job's requests are
   rejected, it reports that, and the key is activated again. (Only where inactive keys are rejected, not on moto.)
"""

import json
import logging
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import texts
from checks import SERVER, expect, log, wait_until
from environment import Environment
from kafka_admin import add_acls, remove_acls
from kafka_env import setting
from programs import Consumer, PythonConsumer, Uploader
from runtime_api import Failure

# How long the jobs of 3 and of 6 keep their keys, in seconds: the latter longer than anything here takes.
JOB = 10
ENDLESS_JOB = 3600
# How often the consumer in Python asks for the current version, in seconds.
POLL = 15
PYTHON_CONSUMER = Path(__file__).resolve().parents[2] / "examples" / "reporting_consumer.py"
# After how long the function of 6 deactivates a key that is in use, in seconds.
DEADLINE = 2
# How long the uploaders may take to read everything back: as long as uploading it takes.
READ_BACK = 400
# How long a refreshable may take until a stale read is ruled out, in seconds: the crate's default is 30.
STALE_READS = 35
MAY_READ = f"straggler:read:topic:{setting('TOPIC')}"


def main() -> None:
    directory, examples = map(Path, sys.argv[1:])
    logging.disable(logging.CRITICAL)
    environment = Environment(directory, examples / "rotation_lambda")
    try:
        first = rotation_without_consumers(environment)
        with ExitStack() as stack:
            uploaders = start_uploaders(environment, stack, examples / "s3_uploader")
            first_key_is_released(environment, first)
            with (
                Consumer("job", examples / "reporting_consumer", JOB, environment.logs, environment.reader) as job,
                PythonConsumer("python", PYTHON_CONSUMER, POLL, environment.logs, environment.reader) as python,
            ):
                rotation_under_a_job(environment, uploaders, job, python)
            rotation_with_a_missed_event(environment, uploaders)
            nothing_has_failed(uploaders)
        if SERVER == "moto":
            log("past the deadline: skipped, because moto accepts inactive keys")
        else:
            with Consumer("straggler", examples / "reporting_consumer", ENDLESS_JOB, environment.logs, environment.reader) as straggler:
                job_past_the_deadline(environment, straggler)
    finally:
        environment.function.stop()


def rotation_without_consumers(environment: Environment) -> str:
    """Returns the first key, which is kept."""
    first = environment.current()
    version = environment.rotate()
    event = environment.events()[-1]
    expect(event["versionId"] == version and event["previousVersionId"] == first["version"], f"the event names both versions: {event}")
    expect(set(environment.keys()) == {first["key"], environment.current()["key"]}, "both keys exist")
    for _ in range(3):
        action, reason = environment.retire(first["key"])
        expect(action == "kept" and texts.NOT_REPORTED in reason, f"without reports the key is kept: {action}, {reason}")
    expect(environment.keys()[first["key"]] == "Active", "the old key is still active")
    try:
        environment.rotate()
    except Failure as failure:
        expect(failure.kind == "in_use" and texts.NOT_REPORTED in str(failure), f"the rotation names the reason: {failure}")
    else:
        raise SystemExit("a key was removed without a report")
    expect(len(environment.keys()) == 2, "both keys still exist")
    log(f"without consumers: key ..{first['key'][-4:]} is kept, and blocks the next rotation")
    # The rotation that failed has left nothing behind, so the next one has a new token.
    return first["key"]


def start_uploaders(environment: Environment, stack: ExitStack, binary: Path) -> list[Uploader]:
    """Each uses only the current key when this returns."""
    users = ("consumer", "consumer", "straggler")
    uploaders = [
        stack.enter_context(Uploader(f"uploader-{n}", user, binary, environment.logs, environment.reader))
        for n, user in enumerate(users, 1)
    ]
    for uploader in uploaders:
        uploader.wait_until(lambda: uploader.progress().objects > 0, 60, f"{uploader.name} uploads")
        uploader.wait_until_it_uses_only(environment.current()["key"], 60)
    return uploaders


def first_key_is_released(environment: Environment, first: str) -> None:
    seconds = environment.retire_until_gone(first, 120)
    log(f"three uploaders report: key ..{first[-4:]} deleted after {seconds:.1f} s")


def rotation_under_a_job(environment: Environment, uploaders: list[Uploader], job: Consumer, python: PythonConsumer) -> None:
    old = environment.current()
    python.wait_for_output(texts.PYTHON_REPORTED + old["version"], 60)
    job.wait_for_output(texts.JOB_BEGAN, 60, since=time.monotonic())
    job_finished = texts.JOB_FINISHED + old["key"][-4:]
    started = time.monotonic()
    rotated = rotate(environment)
    new = environment.current()["version"]
    retirements = 0
    while True:
        retirement = environment.try_to_retire(old["key"])
        if job.printed(job_finished, since=started):
            break
        retirement.expect_in_use_by(job.instance)
        if not python.printed(texts.PYTHON_USES + new):
            retirement.expect_in_use_by(python.instance + texts.LIVE)
        retirements += 1
        current = environment.current()["key"]
        on_the_new_key = [uploader.uses_only(current) for uploader in uploaders]
        time.sleep(0.5)
    expect(
        retirements > 0 and all(on_the_new_key),
        f"the uploaders use the new key before the job has finished: {retirements} retirements, {on_the_new_key}",
    )
    finished = time.monotonic()
    environment.retire_until_gone(old["key"], 120)
    gone = time.monotonic() - finished
    environment.expect_only_the_current_key(old)
    job.wait_for_output(texts.JOB_BEGAN + environment.current()["key"][-4:], 60)
    expect(python.printed(texts.PYTHON_REPORTED + new), "the old key is kept until the consumer in Python uses the new one")
    job.end()
    python.interrupt()
    python.wait_for_success(30)
    log(
        f"a job keeps the old key: rotated in {rotated:.1f} s, {retirements} retirements while it was in use, "
        f"deleted {gone:.1f} s after the job finished"
    )


def rotation_with_a_missed_event(environment: Environment, uploaders: list[Uploader]) -> None:
    *others, straggler = uploaders
    remove_acls([MAY_READ])
    straggler.wait_until(
        lambda: texts.NO_PERMISSION in (straggler.progress().disconnected or ""), 60, "the straggler reports that it is disconnected"
    )
    # After it has connected, it fetches again for some time, in case a read was stale (Timeouts::stale_reads).
    straggler.wait_until(
        lambda: not straggler.printed(texts.TRIGGER_LISTENS, since=time.monotonic() - STALE_READS),
        2 * STALE_READS,
        "the straggler's last fetch is over",
    )
    old = environment.current()
    rotated = rotate(environment)
    for other in others:
        other.wait_until_it_uses_only(environment.current()["key"], 60)
    before = straggler.progress().objects
    retirements = 0
    while retirements < 3 or straggler.progress().objects <= before:
        environment.try_to_retire(old["key"]).expect_in_use_by(straggler.instance + texts.LIVE)
        retirements += 1
        expect(retirements < 100, "the straggler continues to upload")
        time.sleep(0.5)
    progress = straggler.progress()
    expect(progress.key == old["key"][-4:] and progress.failures == 0, f"the straggler uses the old key: {progress}")
    add_acls([MAY_READ])
    permitted = time.monotonic()
    straggler.wait_until_it_uses_only(environment.current()["key"], 120)
    swapped = time.monotonic()
    environment.retire_until_gone(old["key"], 120)
    gone = time.monotonic() - swapped
    environment.expect_only_the_current_key(old)
    log(
        f"an uploader misses the event: rotated in {rotated:.1f} s, {retirements} retirements and {progress.objects - before} uploads "
        f"while it used the old key, new key {swapped - permitted:.1f} s after it could read again, deleted {gone:.1f} s after that"
    )


def nothing_has_failed(uploaders: list[Uploader]) -> None:
    for uploader in uploaders:
        # It is still running, so it has uploaded during all of the above.
        uploader.interrupt()
    for uploader in uploaders:
        uploader.wait_for_success(READ_BACK)
        for row in ("failures", "lost objects"):
            expect(uploader.total(row) == 0, f"{uploader.name}: no {row}: {uploader.total(row)}")
        expect(uploader.total("rotations") == 2, f"{uploader.name} has seen both rotations: {uploader.total('rotations')}")
    rows = ("objects", "requests", "failures", "lost objects", "replays")
    totals = {row: [uploader.total(row) for uploader in uploaders] for row in rows}
    log("three uploaders: " + ", ".join(f"{row} {' + '.join(map(str, each))}" for row, each in totals.items()))


def job_past_the_deadline(environment: Environment, job: Consumer) -> None:
    job.wait_for_output(texts.KEY_USED, 60)
    old = environment.current()
    used, rejected = texts.KEY_USED + old["key"][-4:], texts.KEY_REJECTED + old["key"][-4:]
    rotate(environment)
    function = environment.start_function("short-deadline", DEADLINE=f"{DEADLINE}s", WATCH="1s")
    try:
        action, reason = environment.retire(old["key"], function)
        expect(action == "kept" and job.instance in reason, f"the deadline starts: {action}, {reason}")
        # Right after the job has used the key, there is time for a retirement before it uses the key again.
        started = time.monotonic()
        while time.monotonic() < started + DEADLINE + 1:
            job.wait_for_output(used, 60, since=time.monotonic())
        action, reason = environment.retire(old["key"], function)
        deactivated = time.monotonic()
        expect(action == "deactivated" and texts.PAST_DEADLINE in reason, f"the key is deactivated although it is in use: {action}, {reason}")
        expect(job.instance in reason, f"the consumer is named: {reason}")
        expect(environment.keys()[old["key"]] == "Inactive", "the key is inactive")
        expect_error(environment, "short-deadline", texts.DEACTIVATED_IN_USE, old)
        retirements = 0
        while True:
            action, reason = environment.retire(old["key"], function)
            if job.printed(rejected):
                break
            expect(action == "kept" and job.instance in reason, f"a key in use is never deleted: {action}, {reason}")
            retirements += 1
            expect(time.monotonic() - deactivated < 60, "the job's key is rejected")
            time.sleep(0.5)
        while action != "reactivated":
            expect(action == "kept" and time.monotonic() - deactivated < 120, f"the key is activated again: {action}, {reason}")
            action, reason = environment.retire(old["key"], function)
        expect(f"{texts.REJECTED_FOR}{job.instance}" in reason, f"the consumer that needs the key is named: {reason}")
        reactivated = time.monotonic()
        expect(environment.keys()[old["key"]] == "Active", "the key is active again")
        expect_error(environment, "short-deadline", texts.REACTIVATED, old)
    finally:
        function.stop()
    expect(retirements > 0, "there was a retirement while the key was inactive")
    job.wait_for_output(used, 60, since=reactivated)
    job.end()
    gone = environment.retire_until_gone(old["key"], 120)
    environment.expect_only_the_current_key(old)
    log(
        f"a job past the deadline: key ..{old['key'][-4:]} deactivated although in use, kept by {retirements} retirements, active "
        f"again after {reactivated - deactivated:.1f} s and used, deleted {gone:.1f} s after the job ended"
    )


def rotate(environment: Environment) -> float:
    started = time.monotonic()
    environment.rotate()
    return time.monotonic() - started


def expect_error(environment: Environment, function: str, message: str, key: dict) -> None:
    """Checks that the function has logged this as an error, on which an alarm can be set."""
    log_file = environment.logs / f"{function}.log"

    def is_logged() -> bool:
        lines = (json.loads(line) for line in log_file.read_text().splitlines() if line.startswith("{") and line.endswith("}"))
        return any(line["level"] == "ERROR" and message in line["message"] and line["key"] == key["key"][-4:] for line in lines)

    wait_until(is_logged, 10, f"an error is logged: {message}")


if __name__ == "__main__":
    main()
