"""The settings with which a Python client connects to the broker that kafka.sh started."""

import os
from pathlib import Path


def setting(name: str) -> str:
    try:
        return os.environ[f"CREDSWAP_KAFKA_{name}"]
    except KeyError:
        raise SystemExit(f'CREDSWAP_KAFKA_{name} is not set: eval "$(tests/real/kafka.sh env)" first') from None


def connection(user: str) -> dict:
    """Returns client settings for SASL_SSL with SCRAM-SHA-512, as on MSK."""
    return {
        "bootstrap_servers": setting("BOOTSTRAP_SERVERS"),
        "security_protocol": "SASL_SSL",
        "ssl_cafile": setting("CA_FILE"),
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": user,
        "sasl_plain_password": Path(setting(f"{user.upper()}_PASSWORD_FILE")).read_text().strip(),
    }
