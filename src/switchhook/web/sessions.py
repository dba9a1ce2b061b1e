"""Who may read the pages: one-time links and the signed cookie that they turn into.

Time comes in as an argument; which links have been used up is the store's business.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from switchhook.store.secrets import KEY_FILE, derive, read_key_file

LINK_LASTS = timedelta(minutes=15)
SESSION_LASTS = timedelta(days=7)
NO_TIME = timedelta(0)
COOKIE = "switchhook_session"
SECURE_COOKIE = "__Host-switchhook"

# What is signed says what it is for: a link is no cookie.
LINK, SESSION = b"link", b"session"
LONGEST_TOKEN = 300


class Ticket(Struct, frozen=True, kw_only=True, array_like=True):
    """What a link or a cookie says."""

    account_id: int
    expires: int  # seconds since 1970
    nonce: str


class Signer:
    """Makes and reads tokens. The secret is derived from the key file and belongs to nothing else."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Make one for the data folder, from the current key of its key file.

        Raises:
            Misconfigured: see `read_key_file`.
        """
        return cls(derive(next(iter(read_key_file(folder / KEY_FILE).values())), b"pages"))

    def link(self, account_id: int, now: datetime) -> str:
        """Make the token of a one-time link."""
        return self._make(LINK, account_id, now + LINK_LASTS)

    def session(self, account_id: int, now: datetime) -> str:
        """Make the value of a session cookie."""
        return self._make(SESSION, account_id, now + SESSION_LASTS)

    def read_link(self, token: str, now: datetime) -> Ticket | None:
        """Read a link's token; None for one that is not ours or too old. Its use is checked elsewhere."""
        return self._read(LINK, token, now)

    def read_session(self, token: str, now: datetime) -> Ticket | None:
        """Read a cookie; None for one that is not ours or too old."""
        return self._read(SESSION, token, now)

    def _make(self, purpose: bytes, account_id: int, until: datetime) -> str:
        ticket = Ticket(
            account_id=account_id, expires=int(until.timestamp()), nonce=secrets.token_urlsafe(18)
        )
        said = msgspec.json.encode(ticket)
        return urlsafe_b64encode(self._sign(purpose, said) + said).rstrip(b"=").decode()

    def _read(self, purpose: bytes, token: str, now: datetime) -> Ticket | None:
        if len(token) > LONGEST_TOKEN or not token.isascii():
            return None
        try:
            raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (Base64Error, ValueError):
            return None
        signature, said = raw[:32], raw[32:]
        if not hmac.compare_digest(signature, self._sign(purpose, said)):
            return None
        ticket = msgspec.json.decode(said, type=Ticket)
        return ticket if ticket.expires > now.timestamp() else None

    def _sign(self, purpose: bytes, said: bytes) -> bytes:
        return hmac.digest(self._secret, purpose + b"\0" + said, hashlib.sha256)


def cookie_name(*, is_tls: bool) -> str:
    """Browsers hold a `__Host-` cookie to its promises: Secure, this host only, the whole site."""
    return SECURE_COOKIE if is_tls else COOKIE


def set_cookie(name: str, value: str, *, is_tls: bool, lasts: timedelta) -> str:
    """Write a Set-Cookie header."""
    secure = "; Secure" if is_tls else ""
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={int(lasts.total_seconds())}{secure}"


def is_own_origin(headers: Mapping[str, str], public_url: str) -> bool:
    """Judge a request that changes something or opens a stream: it must come from our own pages.

    Browsers send Origin with every POST, and Sec-Fetch-Site with everything; what sends neither is no
    browser and has no cookie that it did not steal. Our own are those of the host that was asked, which
    the cookie is bound to, and of the public address.
    """
    origin = headers.get("origin")
    if origin is not None:
        host = urlsplit(origin).netloc.lower()
        return bool(host) and host in (headers.get("host", "").lower(), urlsplit(public_url).netloc.lower())
    return headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
