"""Rotations by the function, as Secrets Manager drives it, and the end of each old key, as a schedule drives it.

    lambda_rotation.py DIR EXAMPLES

DIR is what rotate.py has set up, EXAMPLES where the binaries rotation_lambda, s3_uploader and reporting_consumer are. In
turn:

1. A rotation that nobody consumes: the old key stays, whatever is asked, and so there is no room for a next rotation.
2. Three uploaders begin, and say what they use: the first key goes.
3. A rotation under them, and under a consumer whose job keeps the old key for a while: it is not touched before the job
   has let go, then deactivated, watched, and deleted.
4. A rotation of which one uploader does not hear: it goes on with the old key, which stays until it has moved on.
5. The uploaders end: nothing has failed, and each object is there.
6. A job that keeps its key past the deadline: the key is deactivated, loudly. The job is refused, says so, and is given
   the key back. (Where inactive keys are refused, which is not so on moto.)
"""

import json
import logging
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from kafka_admin import add_acls, remove_acls
from kafka_env import setting
from outcome import MODE, expect, say, until
from programs import Consumer, Uploader
from runtime_api import Failure
from world import World

# How long the job of 3 keeps its key, and the one of 6: longer than anything takes here.
HOLD = 10
FOR_EVER = 3600
# When the hasty function of 6 deactivates a key that is held, in seconds.
DEADLINE = 2
# How long the uploaders may take to read everything back. It takes as long as to upload it.
READ_BACK = 400
# The crate's default is 30.
SETTLE = 35
MAY_READ = f"straggler:read:topic:{setting('TOPIC')}"


def main() -> None:
    directory, examples = map(Path, sys.argv[1:])
    logging.disable(logging.CRITICAL)
    world = World(directory, examples / "rotation_lambda")
    try:
        first = nobody_consumes(world)
        with ExitStack() as stack:
            uploaders = start_uploaders(world, stack, examples / "s3_uploader")
            they_say_what_they_use(world, first)
            with Consumer("job", examples / "reporting_consumer", HOLD, world.said, world.reader) as job:
                a_job_keeps_the_old_key(world, uploaders, job)
            an_uploader_misses_the_event(world, uploaders)
            nothing_has_failed(uploaders)
        if MODE == "moto":
            say("past the deadline: left out, because an inactive key is not refused here")
        else:
            with Consumer("straggler", examples / "reporting_consumer", FOR_EVER, world.said, world.reader) as straggler:
                a_job_is_past_the_deadline(world, straggler)
    finally:
        world.function.stop()


def nobody_consumes(world: World) -> str:
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
    # The rotation that could not begin has left nothing, so the next one is another one.
    return first["key"]


def start_uploaders(world: World, stack: ExitStack, binary: Path) -> list[Uploader]:
    """Each works with the current key when this returns."""
    users = ("consumer", "consumer", "straggler")
    uploaders = [
        stack.enter_context(Uploader(f"uploader-{n}", user, binary, world.said, world.reader)) for n, user in enumerate(users, 1)
    ]
    for uploader in uploaders:
        uploader.until(lambda: uploader.progress().objects > 0, 60, f"{uploader.name} uploads")
        uploader.wait_until_moved_on(world.current()["key"], 60)
    return uploaders


def they_say_what_they_use(world: World, first: str) -> None:
    seconds = world.retire_until_gone(first, 120)
    say(f"three uploaders speak: key ..{first[-4:]} deleted after {seconds:.1f} s")


def a_job_keeps_the_old_key(world: World, uploaders: list[Uploader], job: Consumer) -> None:
    job.wait_for("began", 60)
    old = world.current()
    let_go = f"finished …{old['key'][-4:]}"
    rotated = rotate(world)
    looks = 0
    while True:
        look = world.look(old["key"])
        if job.said(let_go):
            break
        look.expect_held_by(job.instance)
        looks += 1
        moved_on = [uploader.progress()[1:3] == (world.current()["key"][-4:], 0) for uploader in uploaders]
        time.sleep(0.5)
    expect(looks > 0 and all(moved_on), f"the others had moved on long before: {looks} looks, {moved_on}")
    let_go_at = time.monotonic()
    world.retire_until_gone(old["key"], 120)
    gone = time.monotonic() - let_go_at
    world.expect_only_the_current_key(old)
    job.wait_for(f"began …{world.current()['key'][-4:]}", 60)
    job.end()
    say(
        f"a job keeps the old key: rotated in {rotated:.1f} s, {looks} looks while it was held, "
        f"deleted {gone:.1f} s after the job let go"
    )


def an_uploader_misses_the_event(world: World, uploaders: list[Uploader]) -> None:
    *others, straggler = uploaders
    remove_acls([MAY_READ])
    straggler.until(lambda: "no permission to read" in (straggler.progress().deaf or ""), 60, "the straggler says that it hears nothing")
    # It looks once more when it has listened for so long, in case the first look was stale (Bounds::settle).
    listens = "trigger listening"
    straggler.until(lambda: not straggler.said(listens, since=time.monotonic() - SETTLE), 2 * SETTLE, "its last look is over")
    old = world.current()
    rotated = rotate(world)
    for other in others:
        other.wait_until_moved_on(world.current()["key"], 60)
    before = straggler.progress().objects
    looks = 0
    while looks < 3 or straggler.progress().objects <= before:
        world.look(old["key"]).expect_held_by(f"{straggler.instance} (it is live there")
        looks += 1
        expect(looks < 100, "the straggler goes on uploading")
        time.sleep(0.5)
    progress = straggler.progress()
    expect(progress.key == old["key"][-4:] and progress.failures == 0, f"the straggler works with the old key: {progress}")
    add_acls([MAY_READ])
    heard = time.monotonic()
    straggler.wait_until_moved_on(world.current()["key"], 120)
    moved_on = time.monotonic()
    world.retire_until_gone(old["key"], 120)
    gone = time.monotonic() - moved_on
    world.expect_only_the_current_key(old)
    say(
        f"an uploader misses the event: rotated in {rotated:.1f} s, {looks} looks and {progress.objects - before} uploads while it "
        f"used the old key, moved on {moved_on - heard:.1f} s after it could hear again, deleted {gone:.1f} s after that"
    )


def nothing_has_failed(uploaders: list[Uploader]) -> None:
    for uploader in uploaders:
        # It has worked until now, so through all of it.
        uploader.interrupt()
    for uploader in uploaders:
        uploader.wait(READ_BACK)
        for row in ("failures", "lost objects"):
            expect(uploader.total(row) == 0, f"{uploader.name}: no {row}: {uploader.total(row)}")
        expect(uploader.total("rotations") == 2, f"{uploader.name} was there at both rotations: {uploader.total('rotations')}")
    rows = ("objects", "requests", "failures", "lost objects", "replays")
    totals = {row: [uploader.total(row) for uploader in uploaders] for row in rows}
    say("three uploaders: " + ", ".join(f"{row} {' + '.join(map(str, each))}" for row, each in totals.items()))


def a_job_is_past_the_deadline(world: World, job: Consumer) -> None:
    job.wait_for("used", 60)
    old = world.current()
    used, refused = f"used …{old['key'][-4:]}", f"rejected …{old['key'][-4:]}"
    rotate(world)
    hasty = world.start_function("hasty", DEADLINE=f"{DEADLINE}s", WATCH="1s")
    try:
        did, why = world.retire(old["key"], hasty)
        expect(did == "nothing" and job.instance in why, f"the deadline begins: {did}, {why}")
        # Just after the job has used it there is time to look before it does so again.
        begun = time.monotonic()
        while time.monotonic() < begun + DEADLINE + 1:
            job.wait_for(used, 60, since=time.monotonic())
        did, why = world.retire(old["key"], hasty)
        deactivated = time.monotonic()
        expect(did == "deactivated" and "deadline has passed: used by" in why, f"deactivated although held: {did}, {why}")
        expect(job.instance in why, f"the holder is named: {why}")
        expect(world.keys()[old["key"]] == "Inactive", "it is deactivated")
        expect_error(world, "hasty", "key deactivated although it is not released", old)
        looks = 0
        while True:
            did, why = world.retire(old["key"], hasty)
            if job.said(refused):
                break
            expect(did == "nothing" and job.instance in why, f"never deleted while it is held: {did}, {why}")
            looks += 1
            expect(time.monotonic() - deactivated < 60, "the job is refused")
            time.sleep(0.5)
        while did != "reactivated":
            expect(did == "nothing" and time.monotonic() - deactivated < 120, f"the key is given back: {did}, {why}")
            did, why = world.retire(old["key"], hasty)
        expect(f"refused to {job.instance}" in why, f"given back to the one who needs it: {why}")
        given_back = time.monotonic()
        expect(world.keys()[old["key"]] == "Active", "it is active again")
        expect_error(world, "hasty", "key activated again", old)
    finally:
        hasty.stop()
    expect(looks > 0, "there was time to look while it was deactivated")
    job.wait_for(used, 60, since=given_back)
    job.end()
    gone = world.retire_until_gone(old["key"], 120)
    world.expect_only_the_current_key(old)
    say(
        f"a job is past the deadline: key ..{old['key'][-4:]} deactivated although held, kept at {looks} looks, given back after "
        f"{given_back - deactivated:.1f} s and used on, deleted {gone:.1f} s after the job let go"
    )


def rotate(world: World) -> float:
    begun = time.monotonic()
    world.rotate()
    return time.monotonic() - begun


def expect_error(world: World, function: str, message: str, key: dict) -> None:
    """The function has logged it as an error, which raises an alarm."""
    log = world.said / f"{function}.log"

    def logged() -> bool:
        lines = (json.loads(line) for line in log.read_text().splitlines() if line.startswith("{") and line.endswith("}"))
        return any(line["level"] == "ERROR" and message in line["message"] and line["key"] == key["key"][-4:] for line in lines)

    until(logged, 10, f"an error is logged: {message}")


if __name__ == "__main__":
    main()
