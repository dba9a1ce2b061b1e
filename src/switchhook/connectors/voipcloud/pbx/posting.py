"""One POST to a CRM: who we are, which message it is, and our signature on it."""

import base64
import binascii
from datetime import datetime

from standardwebhooks import Webhook

from switchhook import __version__
from switchhook.connectors.voipcloud.wire.notice import SECRET_HEADER
from switchhook.core.connector import Answer, Link
from switchhook.core.errors import BadMessage, Misconfigured

SIGNING_SECRET = "signing_secret"
SECRET_PREFIX = "whsec_"
# Standard Webhooks: a secret has 24 to 64 bytes.
SECRET_BYTES = range(24, 65)
CONNECT_SECONDS, TOTAL_SECONDS = 3.0, 10.0


async def post(url: str, body: bytes, link: Link, *, delivery_id: str, at: datetime) -> Answer:
    """Send a body once; redirects are answers and are not followed.

    `delivery_id` is the same whenever this message is sent again; the signature has the time of
    sending in it, so that it cannot be replayed later.

    Raises:
        Misconfigured: the signing secret is none; the rest as `HttpPort.send`.
    """
    return await link.http.send(
        "POST",
        url,
        json=body,
        headers=_headers(body, link, delivery_id=delivery_id, at=at),
        connect_seconds=CONNECT_SECONDS,
        total_seconds=TOTAL_SECONDS,
    )


def _headers(body: bytes, link: Link, *, delivery_id: str, at: datetime) -> dict[str, str]:
    headers = {
        "User-Agent": f"Switchhook/{__version__}",
        SECRET_HEADER: link.settings.get("token", ""),
        "x-pbx-delivery": delivery_id,
    }
    secret = link.settings.get(SIGNING_SECRET, "").strip()
    if not secret:
        return headers
    try:
        signature = Webhook(signing_key(secret)).sign(delivery_id, at, body.decode())
    except BadMessage as error:
        raise Misconfigured(error.reason, connection=link.id, field=SIGNING_SECRET) from error
    return {
        **headers,
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }


def signing_key(secret: str) -> bytes:
    """Read a secret of Standard Webhooks: `whsec_` and base64 of 24 to 64 bytes.

    Raises:
        BadMessage: it is something else; the text does not repeat it.
    """
    text = secret.removeprefix(SECRET_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) not in SECRET_BYTES:
        sizes = f"{SECRET_BYTES[0]} to {SECRET_BYTES[-1]} bytes"
        raise BadMessage(f"expected {SECRET_PREFIX} and base64 of {sizes}", field=SIGNING_SECRET)
    return key


def check_signing_secret(secret: str) -> None:
    """Raises: BadMessage: as `signing_key`."""
    signing_key(secret)
