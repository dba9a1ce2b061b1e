"""A played CRM: takes calls and remembers them, says who is calling, clicks to call, fetches recordings."""

import asyncio
import hashlib
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from switchhook.core.call import Call, Change, ChangeKind, RecordingKept
from switchhook.core.connector import DialOrder, HttpPort
from switchhook.core.errors import HubError, Unsupported
from switchhook.flow.clock import Clock, SystemClock
from switchhook.net.asgi import Receive, Scope, Send
from switchhook.net.server import Server
from switchhook.sim.book import PlayedBook
from switchhook.sim.listener import end_all, make_app
from switchhook.sim.settings import Part
from switchhook.sim.stage import PlayedHub
from switchhook.sim.trouble import Trouble

MAX_RECORDING_BYTES = 20 * 1024 * 1024
FETCH_SECONDS = 10.0
# A link may be told before there is anything behind it.
FETCH_GAPS_SECONDS = (0.5, 2.0, 5.0, 10.0, 20.0, 30.0)


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A recording as it came over its link."""

    url: str
    body: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


class PlayedCrm:
    """Use as `async with`. What was heard is in `hub.ledger`: the news as they came, and folded calls."""

    def __init__(
        self,
        part: Part,
        http: HttpPort,
        *,
        name: str = "crm",
        clock: Clock | None = None,
        people: PlayedBook | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        trouble: Trouble | None = None,
        fetches: bool = True,
    ) -> None:
        self.part = part
        self.name = name
        self.people = people or PlayedBook()
        self.trouble = trouble or Trouble()
        self.changes: list[tuple[str, Change]] = []  # by call id, in the order in which they became true
        self.recordings: dict[str, list[Fetched]] = {}
        self.not_fetched: dict[str, str] = {}  # url, and why
        self._clock = clock or SystemClock()
        self._http = http
        self._fetches = fetches
        self._fetching: set[asyncio.Task[None]] = set()
        self._server = Server(self._serve, host=host, port=port, stop_seconds=1)
        self._clicks = 0
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._server)
        link = self.part.link(self._server.url, self._http, name=self.name)
        self.hub = PlayedHub(link=link, clock=self._clock, people=self.people, listener=self._changed)
        self._stack.push_async_callback(end_all, self._fetching)
        self._stack.push_async_callback(end_all, {asyncio.create_task(self.hub.ledger.run())})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def url(self) -> str:
        return self._server.url

    async def pair(self) -> None:
        """Tell the peer our address and key, where the protocol has words for it. Raises: HubError."""
        if self.part.side.pair is not None:
            await self.part.side.pair(self.hub.link, self.hub)

    async def poll(self) -> float | None:
        """Read what the peer does not tell by itself; gives the seconds until the next time, None for never.

        Raises: HubError: it did not work.
        """
        poll = self.part.side.poll
        return None if poll is None else await poll(self.hub.link, self.hub)

    async def click(self, extension: str, number: str) -> None:
        """Click to call. Raises: HubError: the peer did not take it."""
        if self.part.side.dial is None:
            raise Unsupported(f"a {self.part.connector.key} CRM cannot click to call")
        self._clicks += 1
        order = DialOrder(id=f"{self.name}-{self._clicks}", extension=extension, number=number)
        await self.part.side.dial(order, self.hub.link, self.hub)

    def changes_of(self, call_id: str, *kinds: ChangeKind) -> list[Change]:
        """Give what became true of a call, in order; of these kinds, or all."""
        return [
            change for one, change in self.changes if one == call_id and (not kinds or change.kind in kinds)
        ]

    def _changed(self, call: Call, changes: tuple[Change, ...]) -> None:
        self.changes.extend((call.call_id, change) for change in changes)
        for change in changes:
            if change.kind is ChangeKind.RECORDING_HEARD and self._fetches:
                url = call.recordings[change.recording or 0].url
                task = asyncio.create_task(self._fetch(call.call_id, url))
                self._fetching.add(task)
                task.add_done_callback(self._fetching.discard)

    async def _fetch(self, call_id: str, url: str) -> None:
        """Keep a copy, as an account that is set to does; come back while there is nothing yet."""
        for gap in (*FETCH_GAPS_SECONDS, None):
            body, reason = await self._download(url)
            if body is not None:
                self.recordings.setdefault(call_id, []).append(Fetched(url=url, body=body))
                self.not_fetched.pop(url, None)
                break
            self.not_fetched[url] = reason
            if gap is not None:
                await self._clock.sleep(gap)
        is_kept = url not in self.not_fetched
        self.hub.ledger.take(RecordingKept(call_id=call_id, url=url, is_kept=is_kept))

    async def _download(self, url: str) -> tuple[bytes | None, str]:
        try:
            async with self._http.download(
                url, max_bytes=MAX_RECORDING_BYTES, total_seconds=FETCH_SECONDS
            ) as download:
                body = b"".join([chunk async for chunk in download.chunks()])
                return (body, "") if download.status == 200 else (None, f"status {download.status}")
        except HubError as error:
            return None, error.reason

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = make_app(self.part.connector, self.part.side, self.hub, self.trouble, lambda token: None)
        await app(scope, receive, send)
