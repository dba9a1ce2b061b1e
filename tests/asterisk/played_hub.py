"""The least that an application of ARI does with calls, to have such calls to listen to.

Inbound: the caller is named, phones ring together, the first to answer is bridged and recorded, the others
hear that it was answered elsewhere. Click: the phone rings, then the client is called.
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from switchhook.connectors.asterisk.wire import ari, rest
from tests.asterisk.ears import AriEar
from tests.asterisk.server import AsteriskServer

OURS = "74950000001"
APP = "switchhook"
SECONDS = 30.0


@dataclass(kw_only=True)
class Held:
    """A call in our hands: the caller's or the clicking phone's channel, and those that ring for it."""

    first: str
    number: str
    legs: dict[str, str] = field(default_factory=dict)  # channel: whose
    winner: str = ""

    @property
    def bridge(self) -> str:
        return f"br-{self.first}"


class PlayedHub:
    """Serves the application `switchhook`. `phones_for` says whom a number of ours rings."""

    def __init__(
        self, pbx: AsteriskServer, *, phones_for: Callable[[str], Sequence[str]], names: dict[str, str]
    ) -> None:
        self._ear = AriEar(pbx, app=APP, subscribes_to_all=False)
        self._phones_for, self._names = phones_for, names
        self._calls: dict[str, Held] = {}  # by each of its channels
        self.joined_at: dict[str, float] = {}  # when a number was put together with a phone, on the wall
        self._recorded: set[str] = set()  # numbers whose talk is being recorded
        self._news = asyncio.Event()
        self.faults: list[str] = []

    async def __aenter__(self) -> Self:
        await self._ear.__aenter__()
        self._serving = asyncio.create_task(self._serve())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._serving
        await self._ear.__aexit__(kind, error, trace)

    async def click(self, phone: str, number: str) -> None:
        """Ring a phone, and call the number when it is answered."""
        call = Held(first=str(uuid.uuid4()), number=number)
        self._calls[call.first] = call
        await self._originate(
            call, call.first, f"PJSIP/{phone}", ("manager",), number=number, name=number, originator=""
        )

    async def until_recorded(self, number: str) -> None:
        """Wait until the talk with somebody outside is being recorded. Raises: TimeoutError."""
        async with asyncio.timeout(SECONDS):
            while number not in self._recorded:
                self._news.clear()
                await self._news.wait()

    async def _serve(self) -> None:
        while True:
            event = await self._ear.heard.get()
            match event:
                case ari.StasisStart(channel=channel, args=("inbound", did, *_)):
                    await self._inbound(channel, did)
                case ari.StasisStart(channel=channel, args=(part, *_)) if channel.id in self._calls:
                    await self._entered(self._calls[channel.id], channel.id, part)
                case ari.StasisEnd(channel=channel) | ari.ChannelDestroyed(channel=channel):
                    await self._gone(channel.id)

    async def _inbound(self, channel: ari.Channel, did: str) -> None:
        number = channel.caller.number
        name = self._names.get(number, "")
        call = self._calls[channel.id] = Held(first=channel.id, number=number)
        if name:
            await self._ask(rest.set_variable(channel.id, variable="CALLERID(name)", value=name))
        await self._ask(rest.ring(channel.id))
        for phone in self._phones_for(did):
            leg = str(uuid.uuid4())
            call.legs[leg] = phone
            self._calls[leg] = call
            await self._originate(
                call, leg, f"PJSIP/{phone}", ("agent",), number=number, name=name, originator=call.first
            )

    async def _entered(self, call: Held, channel: str, part: str) -> None:
        if part == "manager":
            await self._ask(rest.create_bridge(call.bridge))
            await self._ask(rest.add_to_bridge(call.bridge, [channel]))
            leg = str(uuid.uuid4())
            call.legs[leg] = "client"
            self._calls[leg] = call
            endpoint = f"PJSIP/{call.number}@trunk"
            await self._originate(
                call, leg, endpoint, ("client",), number=OURS, name="", originator=call.first
            )
            return
        if call.winner:
            await self._ask(rest.hangup(channel, reason_code=26))
            return
        call.winner = channel
        for other in call.legs:
            if other != channel:
                await self._ask(rest.hangup(other, reason_code=26))
        if part == "agent":
            await self._ask(rest.answer(call.first))
            await self._ask(rest.create_bridge(call.bridge))
        await self._ask(rest.add_to_bridge(call.bridge, [call.first, channel]))
        self.joined_at[call.number] = time.time()
        await self._ask(rest.record_bridge(call.bridge, recording=f"rec-{call.first}"))
        self._recorded.add(call.number)
        self._news.set()

    async def _gone(self, channel: str) -> None:
        call = self._calls.pop(channel, None)
        if call is None:
            return
        call.legs.pop(channel, None)
        if channel not in (call.first, call.winner) and (call.legs or call.winner):
            return
        for other in (call.first, *call.legs):
            if other in self._calls:
                await self._ask(rest.hangup(other))
        if call.winner:
            await self._ask(rest.destroy_bridge(call.bridge))
            call.winner = ""

    async def _originate(
        self,
        call: Held,
        channel: str,
        endpoint: str,
        arguments: Sequence[str],
        *,
        number: str,
        name: str,
        originator: str,
    ) -> None:
        request = rest.originate(
            endpoint=endpoint,
            channel_id=channel,
            app=APP,
            app_args=arguments,
            caller_number=number,
            caller_name=name,
            timeout_seconds=20,
            originator=originator,
            variables={"HUB_CALLID": call.first},
        )
        await self._ask(request)

    async def _ask(self, request: rest.RestRequest) -> None:
        status, body = await self._ear.ask(request)
        # What is hung up may be gone already.
        if status >= 400 and not (status == 404 and request.method == "DELETE"):
            self.faults.append(f"{request.method} {request.path()}: {status} {body!r}")
