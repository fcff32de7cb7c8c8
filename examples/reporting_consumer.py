"""A consumer in Python that reports which version of the secret it uses, as `docs::reporting` of credswap describes.

    pip install boto3 kafka-python
    python reporting_consumer.py SECRET_ID REPORTS_TOPIC '{"bootstrap_servers": "b-1.….amazonaws.com:9096", …}' [POLL_SECONDS]

The third argument has the settings of kafka-python's `KafkaProducer`. Ends at Ctrl-C.
"""

import json
import secrets
import socket
import sys
import time

TTL = 90  # How long a report counts, in seconds: send one at least every third of that, and at each change.


class Reporter:
    """Reports for one secret. `send(key=…, value=…)` returns when the brokers have the record."""

    def __init__(self, send, secret_id, instance=None):
        self.send, self.secret, self.sequence = send, secret_id, 0
        self.instance = instance or socket.gethostname()
        self.incarnation = f"{time.time_ns() // 1_000_000:016x}-{secrets.randbits(64):016x}"  # this start

    def report(self, live=None, age=0.0, draining=(), released=(), rejected=()):
        """Reports what is in use; without a live version, that this process ends and uses nothing any more.

        `released` and `rejected` have the version and the time.monotonic() of each; the newest eight count."""
        self.sequence += 1
        released, rejected = (
            [{"version": version, "age": time.monotonic() - at} for version, at in list(events)[-8:]] for events in (released, rejected)
        )
        value = {"v": 1, "kind": "alive" if live else "final", "instance": self.instance, "incarnation": self.incarnation}
        value |= {"sequence": self.sequence, "secret": self.secret, "ttl": TTL}
        value |= {"draining": list(draining), "released": released, "rejected": rejected}
        if live:
            value["live"] = {"version": live, "age": age}
        key = f"{self.instance}|{self.incarnation}|{self.secret}"
        self.send(key=key.encode(), value=json.dumps(value).encode())


def main():
    import boto3
    from kafka import KafkaProducer

    secret_id, topic, settings, *poll = sys.argv[1:]
    producer = KafkaProducer(**json.loads(settings), acks="all", max_in_flight_requests_per_connection=1)
    reporter = Reporter(lambda **record: producer.send(topic, **record).get(30), secret_id)
    print(f"reports as {reporter.instance}", flush=True)
    secretsmanager, version, released = boto3.client("secretsmanager"), None, []
    try:
        while True:
            secret = secretsmanager.get_secret_value(SecretId=secret_id, VersionStage="AWSCURRENT")
            if secret["VersionId"] != version:
                # Create new clients with json.loads(secret["SecretString"]) here, and finish what uses the old ones.
                if version:
                    released.append((version, time.monotonic()))
                version, since = secret["VersionId"], time.monotonic()
                print(f"uses {version}", flush=True)
            reporter.report(version, time.monotonic() - since, released=released)
            print(f"reported {version}", flush=True)
            time.sleep(float(poll[0]) if poll else TTL / 3)
    except KeyboardInterrupt:
        reporter.report(released=released + [(version, time.monotonic())])


if __name__ == "__main__":
    main()
