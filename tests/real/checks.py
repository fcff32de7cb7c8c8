"""How the scripts report progress, check what must hold, and wait for it."""

import os
import time
from collections.abc import Callable

SERVER = os.environ.get("CREDSWAP_SERVER", "")


def expect(condition: bool, expectation: str) -> None:
    if not condition:
        raise SystemExit(f"lambda_rotation.py ({SERVER}): expectation failed: {expectation}")


def log(message: str) -> None:
    print(f"{SERVER}: {message}", flush=True)


def wait_until(condition: Callable[[], bool], seconds: float, expectation: str) -> None:
    """Returns as soon as the condition holds; fails if it does not within these seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < deadline, f"within {seconds:.0f} s: {expectation}")
        time.sleep(0.1)
