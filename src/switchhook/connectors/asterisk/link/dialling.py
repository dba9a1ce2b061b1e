"""Click to call: an employee's phone rings, then the number, by the dialplan or by the hub. Never sent twice.

Once an order is done the phone rings; busy, no answer and failure after that are told by the call's own
events. The id of the phone's channel is made of the order's, so a second sending could not ring again.
"""

import asyncio
from typing import NoReturn

from msgspec import ValidationError as NotConverted
from msgspec import convert

from switchhook.connectors.asterisk.drive.requests import shown_name
from switchhook.connectors.asterisk.drive.runner import Runner
from switchhook.connectors.asterisk.link.ami_client import AmiClient
from switchhook.connectors.asterisk.link.requests import Asker
from switchhook.connectors.asterisk.settings import Mode, Settings, read_settings
from switchhook.connectors.asterisk.wire import actions, rest, values
from switchhook.connectors.asterisk.wire.ami import Frame
from switchhook.core.connector import DialOrder, Hub, Link
from switchhook.core.errors import BadMessage, LinkLost, Misconfigured, NotFound, PeerDown
from switchhook.core.link_hub import LinkHub, LinkOrder

DIAL = "dial"
# How long to wait for a first sign of the phone: that it is not registered is told within milliseconds.
FIRST_SIGN_SECONDS = 1.5
# Longer than the PBX is waited for, so that the reason is told by whoever knows it.
DIAL_SECONDS = 13.0
# The line to show, for the dialplan that dials out; inherited by what the phone's channel dials.
LINE_VARIABLE = "__SWITCHHOOK_LINE"
RINGING = frozenset({"Ringing", "Up"})


async def dial(order: DialOrder, link: Link, hub: Hub) -> None:
    """Have the holder of the link ring the employee, then the number.

    Raises:
        Misconfigured: surely not dialled: the settings do not say how, or no phone could be rung.
        PeerDown: nobody holds the link, or no answer: then a phone may ring all the same.
    """
    settings = read_settings(link.settings)
    if not settings.context and (settings.mode is Mode.AMI or not settings.trunk):
        field = "context" if settings.mode is Mode.AMI else "trunk"
        raise Misconfigured(f"expected a value for {field}, to call out by", connection=link.id, field=field)
    body = {"id": order.id, "extension": order.extension, "number": order.number, "did": order.did}
    await hub.ask_link(DIAL, body, seconds=DIAL_SECONDS)


def read_order(order: LinkOrder) -> DialOrder:
    """Give the click that an order is about, judged again: it came by way of the store.

    Raises: BadMessage: it is none.
    """
    try:
        read = convert(order.body, DialOrder)
    except NotConverted as error:
        raise BadMessage(f"expected a click, got something else: {error}") from None
    values.dialled(read.number)
    values.dialled(read.extension, field="extension")
    if read.did:
        values.dialled(read.did, field="did")
    return read


class ByDriver:
    """The hub rings both sides itself."""

    def __init__(self, runner: Runner, hub: LinkHub) -> None:
        self._runner = runner
        self._hub = hub

    async def dial(self, order: LinkOrder) -> None:
        """Ring. Raises: as `dial`."""
        click = read_order(order)
        try:
            await self._runner.dial(click, await name_of(click, self._hub))
        except NotFound as error:
            raise Misconfigured(error.reason, field="extension") from error


class ByAri:
    """The phone is rung by ARI and goes on in the dialplan."""

    def __init__(self, asker: Asker, settings: Settings, hub: LinkHub) -> None:
        self._asker = asker
        self._settings = settings
        self._hub = hub

    async def dial(self, order: LinkOrder) -> None:
        """Ring. Raises: as `dial`."""
        click, settings = read_order(order), self._settings
        request = rest.originate_into_dialplan(
            endpoint=settings.phone_of(click.extension),
            channel_id=channel_of(click),
            context=settings.context,
            number=click.number,
            caller_name=await name_of(click, self._hub),
            timeout_seconds=settings.ring_seconds,
            variables=variables_of(click, settings),
        )
        await check_held(self._hub)
        answer = await self._asker.send(request)
        if answer.status == 500:
            raise unregistered(click)
        if not answer.is_success:
            raise Misconfigured(f"Asterisk does not ring {click.extension}: it answered {answer.status}")


class ByAmi:
    """The phone is rung by the manager interface and goes on in the dialplan."""

    def __init__(self, client: AmiClient, settings: Settings, hub: LinkHub) -> None:
        self._client = client
        self._settings = settings
        self._hub = hub

    async def dial(self, order: LinkOrder) -> None:
        """Ring, and wait for a first sign of the phone. Raises: as `dial`."""
        click, settings = read_order(order), self._settings
        tech, _, endpoint = settings.phone_of(click.extension).partition("/")
        name = await name_of(click, self._hub)
        sign = _FirstSign(channel_of(click))
        unwatch = self._client.watch(sign.see)

        def write(action_id: str) -> bytes:
            sign.action_id = action_id
            return actions.originate(
                action_id=action_id,
                channel_id=sign.channel_id,
                tech=tech,
                endpoint=endpoint,
                number=click.number,
                context=settings.context,
                caller_name=name,
                timeout_seconds=settings.ring_seconds,
                variables=variables_of(click, settings),
            )

        try:
            await check_held(self._hub)
            answer = await self._client.ask(write)
            if not answer.is_success:
                _refused(click, answer)
            await sign.wait(click)
        finally:
            unwatch()


class _FirstSign:
    """What the first events of a phone's channel say: it rings, or it cannot."""

    def __init__(self, channel_id: str) -> None:
        self.channel_id = channel_id
        self.action_id = ""
        self._is_made = False
        self._rings: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def see(self, frame: Frame) -> None:
        if self._rings.done():
            return
        if frame.event == "OriginateResponse" and frame.action_id == self.action_id:
            self._rings.set_result(frame.raw("Response") == "Success")
        elif frame.event in ("Newchannel", "Newstate") and frame.raw("Uniqueid") == self.channel_id:
            self._is_made = True
            if frame.raw("ChannelStateDesc") in RINGING:
                self._rings.set_result(True)

    async def wait(self, click: DialOrder) -> None:
        try:
            async with asyncio.timeout(FIRST_SIGN_SECONDS):
                rings = await self._rings
        except TimeoutError:
            return  # slow to ring, as phones behind a Local channel are; what comes of it events tell
        if not rings:
            raise _unwilling(click) if self._is_made else unregistered(click)


def channel_of(click: DialOrder) -> str:
    """Name the phone's channel, and so the call."""
    return values.identifier(f"swd-{click.id}", field="id")


def variables_of(click: DialOrder, settings: Settings) -> dict[str, str]:
    """Give the dialplan the line that is to be shown."""
    line = click.did or settings.caller_id
    return {LINE_VARIABLE: line} if line else {}


async def name_of(click: DialOrder, hub: LinkHub) -> str:
    """Give the name of whoever will be called, as a phone may show it."""
    caller = await hub.who_is(click.number, did=click.did)
    return shown_name(caller.name or "")


async def check_held(hub: LinkHub) -> None:
    """Raises: LinkLost: the link is not surely ours any more, so nothing may be commanded."""
    if not await hub.still_held():
        raise LinkLost("another process holds the link to this Asterisk")


def unregistered(click: DialOrder) -> Misconfigured:
    return Misconfigured(
        f"phone {click.extension} cannot be rung: it is not registered, or unknown to the PBX",
        field="extension",
    )


def _unwilling(click: DialOrder) -> Misconfigured:
    return Misconfigured(
        f"phone {click.extension} does not take the call: busy, or set to refuse", field="extension"
    )


def _refused(click: DialOrder, answer: Frame) -> NoReturn:
    said = answer.raw("Message")[:80]
    if "ermission" in said:
        raise Misconfigured(
            "the user of the manager interface may not dial: give it write = originate", field="user"
        )
    if "xtension does not exist" in said:
        reason = f"the dialplan cannot dial {click.number}: nothing matches it in the context"
        raise Misconfigured(reason, field="context")
    raise PeerDown(f"Asterisk does not ring {click.extension}: {said}")
