"""What vault.sh asks of ministack, and the tokens of the logins.

    vault.py bucket NAME                    creates a bucket
    vault.py wait-for-users NUMBER SECONDS  fails unless there are so many users that Vault created, within these seconds
    vault.py jwt KEY CLAIMS                 prints a token with these claims, and an end in an hour, signed with an RSA key
    vault.py token-review PORT              answers as a Kubernetes API that accepts every token of a service account
"""

import base64
import json
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
from botocore.config import Config


def client(service: str):
    return boto3.client(
        service,
        endpoint_url=os.environ["CREDSWAP_ENDPOINT_URL"],
        region_name=os.environ["AWS_REGION"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "path"}),
    )


def users() -> list[str]:
    names = [user["UserName"] for user in client("iam").list_users()["Users"]]
    return [name for name in names if name.startswith("vault-")]


def wait_for_users(number: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while len(found := users()) != number:
        if time.monotonic() > deadline:
            sys.exit(f"{number} users of Vault's are expected, and these exist: {found}")
        time.sleep(0.2)


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def jwt(key: str, claims: dict) -> str:
    header = {"alg": "RS256", "typ": "JWT"}
    claims = claims | {"iat": int(time.time()), "exp": int(time.time()) + 3600}
    signed = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    sign = ["openssl", "dgst", "-sha256", "-sign", key]
    signature = subprocess.run(sign, input=signed.encode(), capture_output=True, check=True).stdout
    return f"{signed}.{encoded(signature)}"


class TokenReview(BaseHTTPRequestHandler):
    """Says whose token it is: what the token itself says."""

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        payload = review["spec"]["token"].split(".")[1]
        pod = json.loads(base64.urlsafe_b64decode(payload + "=="))["kubernetes.io"]
        account = pod["serviceaccount"]
        user = {"username": f"system:serviceaccount:{pod['namespace']}:{account['name']}", "uid": account["uid"]}
        review["status"] = {"authenticated": True, "user": user | {"groups": ["system:serviceaccounts"]}}
        body = json.dumps(review).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    match sys.argv[1:]:
        case ["bucket", name]:
            client("s3").create_bucket(Bucket=name)
        case ["wait-for-users", number, seconds]:
            wait_for_users(int(number), float(seconds))
        case ["jwt", key, claims]:
            print(jwt(key, json.loads(claims)))
        case ["token-review", port]:
            HTTPServer(("127.0.0.1", int(port)), TokenReview).serve_forever()
        case _:
            sys.exit(__doc__)


main()
