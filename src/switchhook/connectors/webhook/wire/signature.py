"""Ids and signatures of messages, as Standard Webhooks has them (standardwebhooks.com, "Webhook headers")."""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from datetime import datetime

import msgspec
from standardwebhooks import Webhook

from switchhook.core.call import Call, Change
from switchhook.core.errors import BadMessage

SECRET_PREFIX = "whsec_"
# Standard Webhooks, "Signature scheme": between 24 and 64 bytes of randomness.
SHORTEST_SECRET_BYTES, LONGEST_SECRET_BYTES = 24, 64


def secret_of(random: bytes) -> str:
    """Write a secret in the standard's form."""
    return SECRET_PREFIX + base64.b64encode(random).decode()


def check_secret(secret: str) -> None:
    """Judge a secret that somebody brings along.

    Raises:
        BadMessage: it has another form, or is too easy to guess. The text shows nothing of it.
    """
    try:
        size = len(base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if not secret.startswith(SECRET_PREFIX) or not SHORTEST_SECRET_BYTES <= size <= LONGEST_SECRET_BYTES:
        raise BadMessage(
            f"expected {SECRET_PREFIX} and {SHORTEST_SECRET_BYTES} to {LONGEST_SECRET_BYTES} bytes in base64",
            field="secret",
        )


def message_id(connection_id: str, change: Change, call: Call) -> str:
    """Name a message: the same at each attempt and when it is sent again by hand, and never another's."""
    told = msgspec.json.encode((connection_id, change, call), order="deterministic")
    return "msg_" + hashlib.sha256(told).hexdigest()[:32]


def signed_headers(message: str, at: datetime, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """Give the three headers: a signature for each secret, the newest first.

    `at` is the moment of this attempt, aware: receivers refuse what is older than some minutes.
    """
    signatures = [Webhook(secret).sign(message, at, body.decode()) for secret in secrets]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
