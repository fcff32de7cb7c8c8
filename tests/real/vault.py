"""What vault.sh asks of ministack.

    vault.py bucket NAME                    creates a bucket
    vault.py wait-for-no-user SECONDS       fails if a user that Vault created is left then
"""

import os
import sys
import time

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


def main() -> None:
    match sys.argv[1:]:
        case ["bucket", name]:
            client("s3").create_bucket(Bucket=name)
        case ["wait-for-no-user", seconds]:
            deadline = time.monotonic() + float(seconds)
            while left := users():
                if time.monotonic() > deadline:
                    sys.exit(f"users are left: {left}")
                time.sleep(0.5)
        case _:
            sys.exit(__doc__)


main()
