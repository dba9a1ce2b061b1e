"""A played PBX: tells its peer of scripted calls, asks who is calling, dials when it is asked to."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from switchhook.core.call import Call, CallEvent, Change, Direction, Happening, Phase, RecordingKept
from switchhook.core.connector import HttpPort
from switchhook.core.directory import CallerAnswer
from switchhook.core.errors import HubError, NotFound
from switchhook.flow.clock import Clock, SystemClock
from switchhook.net.asgi import Receive, Scope, Send
from switchhook.net.server import Server
from switchhook.sim.api import PlayedApi
from switchhook.sim.book import LINES, STRANGERS, PlayedBook
from switchhook.sim.listener import end_all, make_app
from switchhook.sim.recordings import CONTENT_TYPE, SECONDS, make_recording
from switchhook.sim.scenarios import CLICK_TO_CALL, Cast, Scenario, Step
from switchhook.sim.scenarios.script import Act, Ask, Record, Tell
from switchhook.sim.settings import API_KEY, Part
from switchhook.sim.stage import PlayedHub
from switchhook.sim.teller import Sent, Teller
from switchhook.sim.trouble import Trouble
from switchhook.sim.wires import CLEAN, Faults, FaultyHttp

# Between a click and the call that it makes the employee picks up their own phone.
PICKS_UP_SECONDS = 1.5
CAMPAIGNS = ("spring", "autumn", "brand")
# So much of the callers are known to somebody.
KNOWN = 0.7


@dataclass(kw_only=True)
class Played:
    """One call as it was played, and what the peer said to it."""

    scenario: str
    cast: Cast
    call: Call
    sent: Sequence[Sent]
    answer: CallerAnswer | None = None  # to "who is calling"
    question_failed: str | None = None

    @property
    def failures(self) -> list[str]:
        failed = [f"{one.change.kind}: {one.outcome}" for one in self.sent if one.has_failed]
        return failed + ([f"who is calling: {self.question_failed}"] if self.question_failed else [])


class PlayedPbx:
    """Use as `async with`. Calls may be played side by side; the same seed plays the same ones."""

    def __init__(
        self,
        part: Part,
        http: HttpPort,
        *,
        name: str = "pbx",
        clock: Clock | None = None,
        seed: int = 1,
        people: PlayedBook | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        attempts: int = 1,
        faults: Faults = CLEAN,
        trouble: Trouble | None = None,
    ) -> None:
        self.part = part
        self.name = name
        self.people = people or PlayedBook()
        self._clicked: asyncio.Queue[Played] = asyncio.Queue()
        self.orders: list[tuple[str, str]] = []
        self._clock = clock or SystemClock()
        self._seed = seed
        self._http = http
        if faults != CLEAN:
            self._http = FaultyHttp(http, faults, rng=random.Random(seed))
        self._attempts = attempts
        self._late_seconds = faults.late_seconds
        self._trouble = trouble or Trouble()
        self._server = Server(self._serve, host=host, port=port, stop_seconds=1)
        self._played = 0
        self._final: dict[str, asyncio.Event] = {}
        self._recordings: dict[str, bytes] = {}
        self._fetched: set[str] = set()
        self._clicks: set[asyncio.Task[None]] = set()
        self._api: PlayedApi | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._server)
        link = self.part.link(self._server.url, self._http, name=self.name)
        self.hub = PlayedHub(
            link=link, clock=self._clock, people=self.people, listener=self._changed, on_dial=self._dial
        )
        if self.part.api is not None:
            key = self.part.keys[API_KEY.name]
            self._api = PlayedApi(api=self.part.api, hub=self.hub, key=key)
        self.teller = Teller(
            self.part.side,
            self.hub,
            clock=self._clock,
            attempts=self._attempts,
            late_seconds=self._late_seconds,
            rng=random.Random(self._seed),
        )
        self._stack.push_async_callback(self.teller.close)
        ticking = asyncio.create_task(self.hub.ledger.run())
        self._stack.push_async_callback(end_all, {ticking})
        self._stack.push_async_callback(end_all, self._clicks)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def url(self) -> str:
        return self._server.url

    async def pair(self) -> None:
        """Shake hands with the peer. Raises: HubError: it did not work."""
        if self.part.side.pair is not None:
            await self.part.side.pair(self.hub.link, self.hub)

    def cast(self, *, number: str | None = None, extension: str | None = None) -> Cast:
        """Choose who is in the next call."""
        self._played += 1
        rng = self._rng()
        known = [phone for contact in self.people.known for phone in contact.phones]
        own = [one.extension for one in self.people.staff]
        rng.shuffle(own)
        if extension is not None:
            own = [extension, *(one for one in own if one != extension)]
        is_known = rng.random() < KNOWN
        tagged = {"utm_source": rng.choice(("ads", "mail")), "utm_campaign": rng.choice(CAMPAIGNS)}
        return Cast(
            call_id=f"{self.name}-{self._seed}-{self._played}",
            number=number or rng.choice(known if is_known else STRANGERS),
            did=rng.choice(LINES).number,
            extensions=tuple(own),
            custom=tagged if rng.random() < 0.5 else {},
        )

    async def play(self, scenario: Scenario, cast: Cast | None = None) -> Played:
        """Play one call; returns when its record is complete and everything has been told."""
        cast = cast or self.cast()
        steps = scenario.play(random.Random(f"{self._seed} {cast.call_id}"), cast)
        over = self._final[cast.call_id] = asyncio.Event()
        scene = _Scene(self, cast, self._clock)
        await scene.play(steps)
        await over.wait()
        await self.teller.done(cast.call_id)
        return Played(
            scenario=scenario.name,
            cast=cast,
            call=self.hub.ledger.calls[cast.call_id],
            sent=[one for one in self.teller.sent if one.call_id == cast.call_id],
            answer=scene.answer,
            question_failed=scene.question_failed,
        )

    async def next_click(self) -> Played:
        """Wait for the next call that somebody asked for by a click, played to its end."""
        return await self._clicked.get()

    async def ask(self, number: str) -> CallerAnswer | None:
        """Ask the peer who is calling. Raises: HubError: it cannot say."""
        who_is = self.part.side.who_is
        return None if who_is is None else await who_is(number, self.hub.link)

    def recording_of(self, call: Call) -> bytes | None:
        return self._recordings.get(call.recording_token)

    @property
    def has_unfetched(self) -> bool:
        """Somebody may still come for a recording."""
        return not self._recordings.keys() <= self._fetched

    def record(self, call_id: str) -> None:
        """Make the recording of a call and tell of it."""
        call = self.hub.ledger.calls[call_id]
        body = self._recordings[call.recording_token] = make_recording(call_id)
        url = self.hub.link.public_url + call.recording_path()
        self.hub.ledger.take(
            CallEvent(
                call_id=call_id,
                happening=Happening.RECORDED,
                direction=Direction.UNKNOWN,
                recording_url=url,
                is_recorded=True,
            )
        )
        kept = RecordingKept(
            call_id=call_id,
            url=url,
            is_kept=True,
            content_type=CONTENT_TYPE,
            size_bytes=len(body),
            seconds=SECONDS,
        )
        self.hub.ledger.take(kept)

    def _changed(self, call: Call, changes: tuple[Change, ...]) -> None:
        self.teller.tell(call, changes)
        if call.phase is Phase.FINAL and call.call_id in self._final:
            self._final[call.call_id].set()

    async def _dial(self, extension: str, number: str, did: str | None) -> str:
        if all(one.extension != extension for one in self.people.staff):
            raise NotFound(f"no extension {extension} here")
        self.orders.append((extension, number))
        cast = self.cast(number=number, extension=extension)
        task = asyncio.create_task(self._play_click(cast))
        self._clicks.add(task)
        task.add_done_callback(self._clicks.discard)
        return cast.call_id

    async def _play_click(self, cast: Cast) -> None:
        await self._clock.sleep(PICKS_UP_SECONDS)
        self._clicked.put_nowait(await self.play(CLICK_TO_CALL, cast))

    def _rng(self) -> random.Random:
        return random.Random(f"{self._seed} {self._played}")

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        part = self.part
        app = make_app(
            part.connector, part.side, self.hub, self._trouble, self._give_recording, api=self._api
        )
        await app(scope, receive, send)

    def _give_recording(self, token: str) -> bytes | None:
        self._fetched.add(token)
        return self._recordings.get(token)


class _Scene:
    """One call while it is played."""

    def __init__(self, pbx: PlayedPbx, cast: Cast, clock: Clock) -> None:
        self._pbx = pbx
        self._cast = cast
        self._clock = clock
        self._stands_in: dict[str, str] = {}
        self.answer: CallerAnswer | None = None
        self.question_failed: str | None = None

    async def play(self, steps: Sequence[Step]) -> None:
        began = self._clock.now()
        for step in steps:
            at = began + timedelta(seconds=step.at_seconds)
            await self._clock.sleep((at - self._clock.now()).total_seconds())
            asked = await self._act(step.act)
            if asked:  # the caller waits for the answer, and so does everything after it
                began = self._clock.now() - timedelta(seconds=step.at_seconds)

    async def _act(self, act: Act) -> bool:
        match act:
            case Ask():
                await self._ask()
                return True
            case Tell(news):
                extension = self._stands_in.get(news.extension or "", news.extension)
                self._pbx.hub.ledger.take(replace(news, extension=extension))
            case Record():
                self._pbx.record(self._cast.call_id)
        return False

    async def _ask(self) -> None:
        try:
            self.answer = await self._pbx.ask(self._cast.number)
        except HubError as error:
            self.question_failed = error.reason
            return
        wanted = self.answer.responsible if self.answer else None
        if wanted in self._cast.extensions and wanted is not None:
            first = self._cast.first
            self._stands_in = {first: wanted, wanted: first}
