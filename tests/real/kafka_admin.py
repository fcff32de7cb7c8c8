"""Administers the broker of kafka.sh as the user `admin`: waits for it, creates topics, changes ACLs.

    kafka_admin.py wait SECONDS PID
    kafka_admin.py topic NAME PARTITIONS [KEY=VALUE ...]      ... message.timestamp.type=LogAppendTime
    kafka_admin.py acl add|remove USER:OPERATION:RESOURCE:NAME ...      consumer:read:topic:s3.test.secret.manager
    kafka_admin.py acl list
"""

import logging
import os
import sys
import time

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    NewTopic,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)
from kafka.errors import KafkaError, TopicAlreadyExistsError

from kafka_env import connection


def main(args: list[str]) -> None:
    match args:
        case ["wait", seconds, pid]:
            wait(float(seconds), int(pid))
        case ["topic", name, partitions, *settings]:
            create_topic(name, int(partitions), dict(setting.split("=", 1) for setting in settings))
        case ["acl", "add", *specs] if specs:
            add_acls(specs)
        case ["acl", "remove", *specs] if specs:
            remove_acls(specs)
        case ["acl", "list"]:
            list_acls()
        case _:
            print(__doc__, file=sys.stderr)
            raise SystemExit(2)


def admin(**settings) -> KafkaAdminClient:
    return KafkaAdminClient(**connection("admin"), **settings)


def wait(seconds: float, pid: int) -> None:
    """Waits until `admin` can log in and the broker answers."""
    logging.disable(logging.CRITICAL)
    deadline = time.monotonic() + seconds
    while True:
        try:
            admin(bootstrap_timeout_ms=3000).list_topics()
            return
        except (KafkaError, OSError) as error:
            if not alive(pid):
                raise SystemExit("the broker's process ended during its start") from error
            if time.monotonic() > deadline:
                raise SystemExit(f"the broker did not answer within {seconds:.0f} s: {type(error).__name__}") from error
        time.sleep(0.2)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


def create_topic(name: str, partitions: int, settings: dict[str, str]) -> None:
    try:
        admin().create_topics([NewTopic(name, partitions, 1, topic_configs=settings)], wait_for_metadata=True)
    except TopicAlreadyExistsError:
        pass


def add_acls(specs: list[str]) -> None:
    outcome = admin().create_acls([ACL(principal, "*", operation, ACLPermissionType.ALLOW, ResourcePattern(kind, name, literal))
                                   for principal, operation, kind, name, literal in map(parse, specs)])
    if outcome["failed"]:
        raise SystemExit(f"acl rejected: {outcome['failed'][0].__name__}")


def remove_acls(specs: list[str]) -> None:
    outcome = admin().delete_acls([ACLFilter(principal, "*", operation, ACLPermissionType.ALLOW, ResourcePatternFilter(kind, name, literal))
                                   for principal, operation, kind, name, literal in map(parse, specs)])
    for spec, (_, removed, _) in zip(specs, outcome):
        if not removed:
            raise SystemExit(f"no such acl: {spec}")


def list_acls() -> None:
    everything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    acls, _ = admin().describe_acls(ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, everything))
    for acl in acls:
        pattern = acl.resource_pattern
        print(acl.principal.removeprefix("User:"), acl.operation.name.lower(), pattern.resource_type.name.lower(), pattern.resource_name, sep=":")


def parse(spec: str) -> tuple:
    try:
        user, operation, kind, name = spec.split(":", 3)
        return f"User:{user}", ACLOperation[operation.upper()], ResourceType[kind.upper()], name, ACLResourcePatternType.LITERAL
    except (ValueError, KeyError):
        raise SystemExit(f"not USER:OPERATION:RESOURCE:NAME: {spec}") from None


if __name__ == "__main__":
    main(sys.argv[1:])
