"""Requests to a retailCRM account, and what its answers mean for a delivery."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from switchhook import __version__
from switchhook.connectors.retailcrm.wire.answers import (
    ACCESS_DENIED,
    KEY_MISSING,
    KEY_WRONG,
    NO_ACCOUNT,
)
from switchhook.connectors.retailcrm.wire.fields import Object
from switchhook.core.connector import Link
from switchhook.core.errors import Misconfigured, PeerDown, Refused
from switchhook.core.outcome import Delivered, GiveUp, Locked, Outcome, TryAgain

# Clients match these texts with and without the full stop.
KEY_TEXTS = frozenset(text.rstrip(".") for text in (KEY_MISSING, KEY_WRONG, ACCESS_DENIED))
WAIT_STATUSES = frozenset({408, 425, 429})
LONGEST_REASON = 300


@dataclass(frozen=True)
class AccountAnswer:
    """One answer, read. `success: false` is a failure whatever the status says."""

    status: int
    raw: bytes
    members: Object = field(default_factory=dict)
    is_json: bool = False

    @property
    def is_success(self) -> bool:
        return self.status < 300 and self.members.get("success") is True

    @property
    def is_key_refused(self) -> bool:
        return self.status in (401, 403) or self.error_text.rstrip(".") in KEY_TEXTS

    @property
    def is_no_account(self) -> bool:
        """Some front servers say so by 405 and a page instead of by the text."""
        is_page = self.status == 405 and not self.is_json
        return is_page or self.error_text.rstrip(".") == NO_ACCOUNT.rstrip(".")

    @property
    def error_text(self) -> str:
        text = self.members.get("errorMsg")
        return text if isinstance(text, str) else ""

    @property
    def reason(self) -> str:
        """Say in words what the account said: its text, and which fields it means."""
        errors = self.members.get("errors")
        pairs = (
            errors.items()
            if isinstance(errors, dict)
            else enumerate(errors if isinstance(errors, list) else ())
        )
        details = "; ".join(f"{name}: {text}" for name, text in pairs)
        said = self.error_text or ("no JSON" if not self.is_json else "no reason")
        return f"the CRM said {self.status}: {said}{f' ({details})' if details else ''}"[:LONGEST_REASON]


def base_url(link: Link) -> str:
    """Give the account's address as people type it: with or without scheme, slash and API path.

    Raises:
        Misconfigured: nothing is set.
    """
    typed = link.settings.get("url", "").strip().rstrip("/")
    if not typed:
        raise Misconfigured("expected the address of the account", connection=link.id, field="url")
    if "://" not in typed:
        typed = f"https://{typed}"
    parts = urlsplit(typed)
    path = parts.path.partition("/api")[0]
    return f"{parts.scheme}://{parts.netloc}{path}"


async def ask(
    link: Link, path: str, *, query: Mapping[str, str] | None = None, total_seconds: float = 10
) -> AccountAnswer:
    """GET a method, e.g. `/api/v5/users`. Raises as `HttpPort.send`."""
    answer = await link.http.send(
        "GET", base_url(link) + path, query=query, headers=_headers(link), total_seconds=total_seconds
    )
    return read_answer(answer.status, answer.body)


async def tell(link: Link, path: str, form: Mapping[str, str]) -> AccountAnswer:
    """POST a method with urlencoded parameters. Raises as `HttpPort.send`."""
    answer = await link.http.send("POST", base_url(link) + path, form=form, headers=_headers(link))
    return read_answer(answer.status, answer.body)


def read_answer(status: int, body: bytes) -> AccountAnswer:
    """Read a body that may be a page of some proxy instead of an answer."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return AccountAnswer(status, body)
    return AccountAnswer(status, body, value if isinstance(value, dict) else {}, isinstance(value, dict))


def outcome_of(answer: AccountAnswer) -> Outcome:
    """Read an answer to a delivery."""
    if answer.is_success:
        return Delivered(note=None, status=answer.status, answer=answer.raw)
    if answer.is_key_refused or answer.is_no_account:
        return Locked(answer.reason, answer.status, answer.raw)
    if answer.status in WAIT_STATUSES or answer.status >= 500:
        return TryAgain(answer.reason, None, answer.status, answer.raw)
    return GiveUp(answer.reason, answer.status, answer.raw)


def required(answer: AccountAnswer) -> Object:
    """Give the members of an answer that a set-up step cannot do without.

    Raises:
        Refused: the key.
        PeerDown: the account is failing or asked to wait.
        Misconfigured: it refuses for another reason, told in its words.
    """
    match outcome_of(answer):
        case Delivered():
            return answer.members
        case Locked(reason=reason) if answer.is_key_refused:
            raise Refused(reason)
        case TryAgain(reason=reason):
            raise PeerDown(reason)
        case _:
            raise Misconfigured(answer.reason, field="url")


def _headers(link: Link) -> dict[str, str]:
    return {
        "X-API-KEY": link.settings.get("api_key", ""),
        "Accept": "application/json",
        "User-Agent": f"Switchhook/{__version__}",
    }
