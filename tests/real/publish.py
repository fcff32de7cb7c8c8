"""Publishes one rotation event as a common rotation function does: kafka-python, SASL_SSL, SCRAM-SHA-512, JSON bytes.

    publish.py                       {"eventDateTime": <now>, "step": "finishSecret"}
    publish.py --step createSecret   another step
    publish.py --raw TEXT            any bytes, to test how consumers handle them
    publish.py --user nobody         as another user of the broker
"""

import argparse
import json
import logging
import sys
import time

from kafka import KafkaProducer
from kafka.errors import KafkaError

from kafka_env import connection, setting


def event(step: str) -> bytes:
    return json.dumps({"eventDateTime": time.time(), "step": step}).encode()


def publish(value: bytes, user: str = "publisher") -> str:
    """Publishes the value, and returns its position as PARTITION:OFFSET."""
    producer = KafkaProducer(**connection(user), max_block_ms=20_000, request_timeout_ms=10_000, delivery_timeout_ms=20_000)
    try:
        record = producer.send(setting("TOPIC"), value).get(timeout=30)
        return f"{record.partition}:{record.offset}"
    finally:
        producer.close(timeout=5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--step", default="finishSecret")
    parser.add_argument("--raw")
    parser.add_argument("--user", default="publisher")
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    value = event(args.step) if args.raw is None else args.raw.encode()
    try:
        print(publish(value, args.user))
    except KafkaError as error:
        sys.exit(f"publish.py: not published: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
