"""The hub plays the PBX: a Planfix account is asked who calls, and gives orders to dial."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

import structlog

from switchhook.connectors.planfix import wire
from switchhook.connectors.planfix.deliver import post
from switchhook.connectors.planfix.edge import Command, serve_commands
from switchhook.core.connector import Finding, Hub, Link
from switchhook.core.directory import CallerAnswer
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import (
    BadMessage,
    HubError,
    Misconfigured,
    NotFound,
    PeerDown,
    TooMany,
    Unsupported,
)
from switchhook.core.number import international_digits, read_number

log = structlog.get_logger(__name__)

PATH = "/planfix"
KEYS = ("token",)
# The PBX goes its own way after this: a caller hears silence meanwhile.
CONTACT_SECONDS = 1.2
# The agent who clicked looks at Planfix, which waits for us.
CLICK_SECONDS = 1.8
# Planfix may not have saved its own half yet when it hears that we have.
VERIFY_AFTER_SECONDS = 1.0

# The loop itself keeps no hold of what runs on after the answer.
_running: set[asyncio.Task[object]] = set()


async def serve(request: Request, link: Link, hub: Hub) -> Reply:
    """Answer the account: the key first, then the command, then its fields."""
    return await serve_commands(
        request, link, hub, path=PATH, fields=KEYS, key_name="token", commands=COMMANDS
    )


async def _make_call(form: Mapping[str, str], link: Link, hub: Hub) -> Reply:
    """Pass the click on; answer when the PBX took it, or when it is still thinking after two seconds."""
    click = wire.parse_make_call(form)
    order = _run_on(hub.dial(click.extension, click.number), "click to call", link)
    done, _ = await asyncio.wait({order}, timeout=CLICK_SECONDS)
    if not done:
        return Reply()
    try:
        await order
    except TooMany:
        return Reply()  # a double click: the first one is on its way
    except NotFound as error:
        raise BadMessage(error.reason, field="from") from error
    except (PeerDown, Misconfigured, Unsupported):
        return _refusal("PBX is not available")
    return Reply()


async def _setup(form: Mapping[str, str], link: Link, hub: Hub) -> Reply:
    """Store where calls go from now on. What is answered here Planfix shows to its administrator."""
    setup = wire.parse_setup(form)
    new = {"planfix_url": setup.planfix_url, "planfix_token": setup.planfix_token}
    if all(link.settings.get(name) == value for name, value in new.items()):
        return Reply()
    if not setup.is_https and not link.is_on("allow_private"):
        return _refusal("planfix_url has to start with https://")
    if not link.is_on("accept_setup"):
        return _refusal("Setup is switched off for this connection of Switchhook")
    before, now = wire.host_of(link.settings.get("planfix_url", "")), setup.host
    if before and before != now:
        # Whoever holds our key could point the calls elsewhere this way: it has to be seen.
        log.warning("planfix: setup changed the account", connection=link.id, before=before, now=now)
    try:
        # The changed settings make the hub call `pair`, which pings once this has been answered.
        moved_from = before if before != now else ""
        await hub.pair(settings=new, state={"is_fresh": True, "host_before_setup": moved_from})
    except Misconfigured as error:
        raise BadMessage(error.reason, field=error.field) from error
    return Reply()


COMMANDS: Mapping[str, Command] = {"makeCall": _make_call, "setup": _setup}


async def who_is(number: str, link: Link) -> CallerAnswer | None:
    """Ask the account who calls; None for a stranger, a withheld number or an account not set up.

    Raises:
        PeerDown: it cannot say in time, or not in its own words. It is not asked again.
    """
    read = read_number(number, link.settings.get("region") or "RU")
    phone = international_digits(read) or read.raw.strip()
    if read.is_withheld or not phone or not _is_configured(link):
        return None
    form = wire.render_question(wire.Question(number=phone))
    answer = await post(form, link, connect_seconds=CONTACT_SECONDS, total_seconds=CONTACT_SECONDS)
    if answer.status != 200:
        raise PeerDown(f"Planfix does not say who calls ({answer.status}): {wire.error_text(answer.body)}")
    try:
        return wire.parse_contact_answer(answer.body)
    except BadMessage as error:
        raise PeerDown(f"Planfix does not say who calls: {error.reason}") from error


async def pair(link: Link, hub: Hub) -> None:
    """Make sure, at start and after each change, that the account takes our key: setup changes settings too.

    Raises:
        PeerDown, Misconfigured: it does not, or not yet.
    """
    if not _is_configured(link):
        return
    if link.state.get("is_fresh"):
        await asyncio.sleep(VERIFY_AFTER_SECONDS)
    await _ping(link)
    if link.state.get("is_fresh"):
        await hub.pair(state={"is_fresh": False})


async def probe(link: Link, hub: Hub) -> Sequence[Finding]:
    """Ping the account, and compare what it stores of us with what we are."""
    if not _is_configured(link):
        return [Finding("Planfix address and key", False, "not set: type them in, or let Planfix send setup")]
    try:
        wiring = await _ping(link)
    except HubError as error:
        return [Finding("Planfix address and key", False, error.reason)]
    findings = [Finding("Planfix address and key", True, "answers ping")]
    if before := link.state.get("host_before_setup"):
        now = wire.host_of(link.settings["planfix_url"])
        findings.append(Finding("account", True, f"setup moved this connection from {before} to {now}"))
    has_url = (wiring.pbx_url or "").rstrip("/") == link.urls["pbx"].rstrip("/")
    stored = wiring.pbx_url or "nothing"
    findings.append(Finding("PBX address in Planfix", has_url, "" if has_url else f"Planfix has {stored}"))
    has_key = wiring.pbx_token == link.keys["token"]
    findings.append(Finding("PBX key in Planfix", has_key, "" if has_key else "Planfix has another key"))
    return findings


async def _ping(link: Link) -> wire.Wiring:
    answer = await post(wire.render_ping(), link)
    match answer.status:
        case 200:
            pass
        case 401 | 403:
            raise Misconfigured("Planfix refuses our key", connection=link.name, field="planfix_token")
        case status if status >= 500 or status in (408, 425, 429):
            raise PeerDown(f"Planfix does not answer ping ({status})")
        case status:
            text = f"the Planfix address does not take ping ({status}): {wire.error_text(answer.body)}"
            raise Misconfigured(text, connection=link.name, field="planfix_url")
    try:
        return wire.parse_ping_answer(answer.body)
    except BadMessage as error:
        text = f"the Planfix address does not answer as Planfix: {error.reason}"
        raise Misconfigured(text, connection=link.name, field="planfix_url") from error


def _refusal(text: str) -> Reply:
    return Reply(status=400, body=wire.render_error(text))


def _is_configured(link: Link) -> bool:
    return bool(link.settings.get("planfix_url") and link.settings.get("planfix_token"))


def _run_on(work: Coroutine[Any, Any, object], what: str, link: Link) -> asyncio.Task[object]:
    """Start what may go on after the answer; a failure that nobody waits for is at least logged."""

    def ended(task: asyncio.Task[object]) -> None:
        _running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("planfix: order failed", what=what, connection=link.id, reason=str(error))

    task = asyncio.ensure_future(work)
    _running.add(task)
    task.add_done_callback(ended)
    return task
