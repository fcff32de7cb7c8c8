"""Lambda's Runtime API: runs a function's binary and invokes it, as Lambda does."""

import json
import os
import queue
import subprocess
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TIMEOUT = 120.0


class Failure(Exception):
    """An error that the function returned."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class Function:
    """A function's process, with only these environment variables and Lambda's own."""

    def __init__(self, binary: Path, variables: dict[str, str], log: Path) -> None:
        self.events: queue.Queue = queue.Queue()
        self.answers: queue.Queue = queue.Queue()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        lambdas = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": binary.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        }
        with open(log, "a") as output:
            self.process = subprocess.Popen([binary], env=variables | lambdas, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def invoke(self, event: dict):
        """Invokes the function and returns its answer, or raises a Failure."""
        self.events.put(event)
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                kind, answer = self.answers.get(timeout=0.2)
                break
            except queue.Empty:
                if self.process.poll() is not None:
                    raise SystemExit("the function's process has ended") from None
                if time.monotonic() > deadline:
                    raise SystemExit(f"no answer from the function within {TIMEOUT:.0f} s") from None
        if kind == "error":
            raise Failure(answer["errorType"], answer["errorMessage"])
        return answer

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.server.shutdown()

    def handler(self):
        function = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                event = json.dumps(function.events.get()).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(event)))
                self.send_header("Lambda-Runtime-Aws-Request-Id", str(uuid.uuid4()))
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + TIMEOUT) * 1000)))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:rotation")
                self.end_headers()
                self.wfile.write(event)

            def do_POST(self) -> None:
                # The body may come in chunks.
                if self.headers.get("Transfer-Encoding") == "chunked":
                    body = b""
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                else:
                    body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                function.answers.put((self.path.rsplit("/", 1)[1], json.loads(body)))

            def log_message(self, *args) -> None:
                pass

        return Handler


def variables(**settings: str) -> dict[str, str]:
    """Returns the environment variables of the AWS SDK, and these."""
    return {name: os.environ[name] for name in ("AWS_REGION", "PATH") if name in os.environ} | settings
