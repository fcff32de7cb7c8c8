"""What is said while it runs, how it fails, and how to wait for something."""

import os
import time
from collections.abc import Callable

MODE = os.environ.get("CREDSWAP_SERVER", "")


def expect(true: bool, what: str) -> None:
    if not true:
        raise SystemExit(f"lambda_rotation.py ({MODE}): not so: {what}")


def say(what: str) -> None:
    print(f"{MODE}: {what}", flush=True)


def until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Returns as soon as it is so; fails if it is not within these seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        expect(time.monotonic() < deadline, f"within {seconds:.0f} s: {what}")
        time.sleep(0.1)
