"""The hub plays Planfix: a PBX posts its calls here, and we ask it to dial."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence

import structlog

from switchhook.connectors.planfix import wire
from switchhook.connectors.planfix.edge import Command, key_in, serve_commands
from switchhook.core.connector import Answer, DialOrder, Finding, Hub, Link
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import BadMessage, HubError, Misconfigured, PeerDown
from switchhook.core.number import international_digits, read_number

log = structlog.get_logger(__name__)

PATH = "/tel/api"
# The prose of the API names the field `token`, its tables and examples `planfix_token`: the tables win.
KEYS = ("planfix_token", "token")
# A caller is on the line. The seen PBX waits for as long as we let it, so we answer within a second.
CONTACT_SECONDS = 0.8
STRANGER = Reply(body=b"{}")


def presented_key(request: Request) -> str | None:
    """Give the key that a request to `/tel/api` at the root carries: it finds the connection."""
    try:
        form = wire.read_form(request.body, request.headers.get("content-type", ""))
    except BadMessage:
        return None
    key = key_in(form, KEYS)
    return key if key is not None and wire.is_clean(key) else None


async def serve(request: Request, link: Link, hub: Hub) -> Reply:
    """Answer a PBX: the key first, then the command, then its fields."""
    return await serve_commands(
        request, link, hub, path=PATH, fields=KEYS, key_name="planfix_token", commands=COMMANDS
    )


async def _contact(form: Mapping[str, str], link: Link, hub: Hub) -> Reply:
    question = wire.parse_question(form)
    try:
        async with asyncio.timeout(CONTACT_SECONDS):
            caller = await hub.who_is(question.number, call_id=question.call_id)
    except (TimeoutError, HubError) as error:
        log.warning(
            "planfix: no answer to who is calling", connection=link.id, reason=str(error) or "timeout"
        )
        return STRANGER
    except Exception:
        # The caller must get through whatever is wrong with us.
        log.exception("planfix: who is calling failed", connection=link.id)
        return STRANGER
    return Reply(body=wire.render_contact(caller.name, caller.responsible))


async def _event(form: Mapping[str, str], link: Link, hub: Hub) -> Reply:
    await hub.accept([wire.parse_event(form)])
    return Reply()


async def _record(form: Mapping[str, str], link: Link, hub: Hub) -> Reply:
    await hub.accept([wire.parse_record(form)])
    return Reply()


async def _ping(form: Mapping[str, str], link: Link, hub: Hub) -> Reply:
    wiring = wire.Wiring(pbx_token=link.settings.get("pbx_token"), pbx_url=link.settings.get("pbx_url"))
    return Reply(body=wire.render_ping_answer(wiring))


COMMANDS: Mapping[str, Command] = {"event": _event, "record": _record, "contact": _contact, "ping": _ping}


async def dial(order: DialOrder, link: Link, hub: Hub) -> None:
    """Ask the PBX to ring the employee and then the number. Sent once, never repeated.

    Nothing in the answer names the call that follows. PBXs were seen to say `{}` where the API
    has an empty body.

    Raises:
        PeerDown, Misconfigured, BadMessage: what `Hub.dial` documents.
    """
    number = read_number(order.number, link.settings.get("region") or "RU")
    to = international_digits(number) if number.e164 else order.number
    answer = await _post(link, wire.render_make_call(wire.Click(extension=order.extension, number=to)))
    match answer.status:
        case 200:
            return
        case 400:
            raise BadMessage(f"the PBX refuses to dial: {_said(answer)}")
        case _:
            raise _failure(answer, link)


def extensions(link: Link) -> Sequence[str]:
    """Give the extensions that the administrator says this PBX has; the API cannot ask for them."""
    return tuple(part for part in link.settings.get("extensions", "").replace(",", " ").split() if part)


async def pair(link: Link, hub: Hub) -> None:
    """Tell the PBX our address and key once its own are known, and again when any of them changes.

    A PBX that answers 400 does not know `setup`: that is kept to be shown, and the administrator
    types address and key into the PBX by hand.

    Raises:
        PeerDown: it will be tried again.
        Misconfigured: the PBX refuses its own key, or its address is wrong.
    """
    if not _is_configured(link):
        return
    mark = _mark(link)
    if link.state.get("setup_for") == mark:
        return
    answer = await _send_setup(link)
    match answer.status:
        case 200:
            said = ""
        case 400:
            said = _said(answer)
        case _:
            raise _failure(answer, link)
    await hub.pair(state={"setup_for": mark, "setup_said": said})


async def probe(link: Link, hub: Hub) -> Sequence[Finding]:
    """Try the PBX by `setup`, the one command of ours that does nothing when repeated."""
    if not _is_configured(link):
        text = "not set yet: the PBX can send its calls, click to call cannot work"
        return [Finding("PBX address and key", True, text)]
    try:
        answer = await _send_setup(link)
    except (PeerDown, Misconfigured) as error:
        return [Finding("PBX address", False, error.reason)]
    reached = Finding("PBX address", True, f"answered in {answer.seconds:.2f} s")
    match answer.status:
        case 200:
            return [reached, Finding("PBX key", True), Finding("setup", True, "taken")]
        case 400:
            detail = (
                f"the PBX does not take setup ({_said(answer)}): type our address and key into it by hand"
            )
            return [reached, Finding("PBX key", True), Finding("setup", True, detail)]
        case 401:
            return [reached, Finding("PBX key", False, f"refused: {_said(answer)}")]
        case _:
            return [Finding("PBX address", False, _failure(answer, link).reason)]


async def _send_setup(link: Link) -> Answer:
    setup = wire.Setup(planfix_url=link.urls["api"], planfix_token=link.keys["planfix_token"])
    return await _post(link, wire.render_setup(setup))


async def _post(link: Link, form: Mapping[str, str]) -> Answer:
    """Post to the PBX. Its address may hold a query string of its own: it stays."""
    if not _is_configured(link):
        raise Misconfigured("the PBX's address and key are not set", connection=link.name, field="pbx_url")
    return await link.http.send(
        "POST", link.settings["pbx_url"], form={**form, "token": link.settings["pbx_token"]}
    )


def _failure(answer: Answer, link: Link) -> HubError:
    match answer.status:
        case 401 | 403:
            return Misconfigured("the PBX refuses the key", connection=link.name, field="pbx_token")
        case 408 | 425 | 429:
            return PeerDown(f"the PBX asks to wait ({answer.status})")
        case status if status >= 500:
            return PeerDown(f"the PBX is failing ({status}): {_said(answer)}")
        case status:
            text = f"the PBX's address does not take our commands ({status})"
            return Misconfigured(text, connection=link.name, field="pbx_url")


def _said(answer: Answer) -> str:
    # A wrong key was seen to be answered with no text at all.
    return wire.error_text(answer.body) or f"status {answer.status} without a text"


def _is_configured(link: Link) -> bool:
    return bool(link.settings.get("pbx_url") and link.settings.get("pbx_token"))


def _mark(link: Link) -> str:
    """Name what was told to whom without keeping a key in the remembered state."""
    told = (
        link.settings["pbx_url"],
        link.settings["pbx_token"],
        link.urls["api"],
        link.keys["planfix_token"],
    )
    return hashlib.sha256("\n".join(told).encode()).hexdigest()
