"""The hub tells a program of calls: a signed POST for each event, and what its answer means."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from switchhook.connectors.webhook.wire.event import render_event, render_test
from switchhook.connectors.webhook.wire.signature import message_id, signed_headers
from switchhook.connectors.webhook.wire.types import TYPES, chosen
from switchhook.core.call import Call, Change
from switchhook.core.connector import Answer, Finding, Hub, Link
from switchhook.core.errors import Misconfigured, PeerDown
from switchhook.core.outcome import Delivered, GiveUp, Locked, NotSent, Outcome, TryAgain, outcome_of
from switchhook.core.schedule import read_retry_after
from switchhook.core.text import ELLIPSIS, clean_name

SECRET = "secret"
CONNECT_SECONDS, TOTAL_SECONDS = 3.0, 15.0
LONGEST_EXCERPT = 200

# Nothing is sent any more until the administrator has looked. Standard Webhooks, "Status codes": 410 ends it.
LOCKING: Mapping[int, str] = {
    401: "the receiver refuses our signature",
    403: "the receiver refuses our signature",
    410: "the receiver says that it is gone",
}


def hears(change: Change) -> bool:
    return change.kind in TYPES


def hears_for(link: Link) -> Callable[[Change], bool]:
    """Give the question whether the administrator chose this change's type."""
    kinds = chosen(link.settings.get("events", ""))
    return lambda change: change.kind in kinds


async def deliver(change: Change, call: Call, link: Link, hub: Hub) -> Outcome:
    """Send one event. Id and body are the same at each attempt; time and signature are the attempt's own."""
    if not hears_for(link)(change):
        return NotSent(
            f"{TYPES.get(change.kind, change.kind)} is no longer among the events of this receiver"
        )
    body = render_event(change, call, region=link.settings.get("region") or "RU", public_url=link.public_url)
    return await _tell(message_id(link.id, change, call), body, link)


async def probe(link: Link, hub: Hub) -> Sequence[Finding]:
    """Send a signed test event, and say what came back."""
    now = datetime.now(UTC)
    outcome = await _tell(f"msg_{secrets.token_hex(16)}", render_test(link.id, link.name, at=now), link)
    match outcome:
        case Delivered(note):
            findings = [Finding("signed test event", True, note or "")]
        case TryAgain(reason, _, _, answer) | GiveUp(reason, _, answer) | Locked(reason, _, answer):
            said = _excerpt(answer, link)
            findings = [Finding("signed test event", False, f"{reason}: {said}" if said else reason)]
        case _:
            raise AssertionError(f"expected an answer to the test, got {outcome!r}")
    if link.settings["url"].lower().startswith("http:"):
        text = "plain http: whoever is on the way can read the calls, though not forge them"
        findings.append(Finding("transport", True, text))
    return findings


async def _tell(message: str, body: bytes, link: Link) -> Outcome:
    now = datetime.now(UTC)
    try:
        answer = await link.http.send(
            "POST",
            link.settings["url"],
            json=body,
            headers=signed_headers(message, now, body, _secrets(link)),
            connect_seconds=CONNECT_SECONDS,
            total_seconds=TOTAL_SECONDS,
        )
    except PeerDown as error:
        return TryAgain(error.reason)
    except Misconfigured as error:
        return Locked(error.reason)
    return read_outcome(answer, now=now)


def read_outcome(answer: Answer, *, now: datetime) -> Delivered | TryAgain | GiveUp | Locked:
    """Read what the receiver answered: any 2xx is taken, a redirect is never followed."""
    status = answer.status
    if 200 <= status <= 299:
        return Delivered(f"taken ({status}) in {answer.seconds:.2f} s", status, answer.body)
    if 300 <= status <= 399:
        where = clean_name(answer.headers.get("location", "").partition("?")[0], longest=LONGEST_EXCERPT)
        aim = f" to {where}" if where else ""
        text = f"the receiver redirects{aim} ({status}): redirects are not followed, set the url itself"
        return GiveUp(text, status, answer.body)
    if status in LOCKING:
        return Locked(f"{LOCKING[status]} ({status})", status, answer.body)
    wait = read_retry_after(answer.headers.get("retry-after"), now=now)
    return outcome_of(status, retry_after_seconds=wait, answer=answer.body)


def _secrets(link: Link) -> list[str]:
    """The newest first; while a replaced one holds, its signature goes along."""
    return [keys[SECRET] for keys in (link.keys, link.old_keys) if keys.get(SECRET)]


def _excerpt(answer: bytes, link: Link) -> str:
    """Give the beginning of what the receiver said; a secret that it knows and repeats is not shown."""
    text = answer[:4096].decode(errors="replace")
    for secret in _secrets(link):
        text = text.replace(secret, ELLIPSIS).replace(secret.partition("_")[2], ELLIPSIS)
    return clean_name(text, longest=LONGEST_EXCERPT)
