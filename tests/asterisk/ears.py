"""What a real Asterisk says, heard over AMI and over ARI with the codecs of the connector.

Each keeps what it heard as moments: seconds since `began`, a time of the event loop's clock, and the sight.
"""

import asyncio
import base64
import contextlib
import itertools
import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp

from switchhook.connectors.asterisk.listen import from_ami, from_ari
from switchhook.connectors.asterisk.listen.sight import Sight
from switchhook.connectors.asterisk.wire import actions, ari, rest
from switchhook.connectors.asterisk.wire.ami import Frame, FrameReader, Kind
from tests.asterisk.server import AsteriskServer

SECONDS = 30.0  # on the wall: only what is broken takes so long
LOOK_SECONDS = 0.03
LIFE = ("Newchannel", "Hangup")  # first and last word of a channel


T = TypeVar("T")


class NotHeard(Exception):
    """What a test waits for was not said in time."""


class AmiEar:
    """A logged-in manager."""

    def __init__(self, pbx: AsteriskServer, *, user: str = "hub", began: float | None = None) -> None:
        self._pbx, self._user = pbx, user
        self._began = began
        self._numbers = itertools.count(1)
        self._answers: dict[str, asyncio.Future[Frame]] = {}
        self.frames: list[Frame] = []
        self.live: dict[str, Frame] = {}  # the first word of each channel that is there, by its id
        self.moments: list[tuple[float, Sight]] = []
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        if self._began is None:
            self._began = asyncio.get_running_loop().time()
        self._reader, self._writer = await asyncio.open_connection(self._pbx.host, self._pbx.ami_port)
        self._reading = asyncio.create_task(self._read())
        try:
            await self.act(lambda one: actions.login(self._user, self._pbx.secret, action_id=one))
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def act(self, write: Callable[[str], bytes]) -> Frame:
        """Send an action, given an id for it, and give its response.

        Raises: NotHeard: no answer, or one that says no.
        """
        action_id = f"lab-{next(self._numbers)}"
        answer = self._answers[action_id] = asyncio.get_running_loop().create_future()
        self._writer.write(write(action_id))
        await self._writer.drain()
        try:
            frame: Frame = await asyncio.wait_for(answer, SECONDS)
        except TimeoutError:
            raise NotHeard(f"no answer to {action_id}") from None
        if not frame.is_success:
            raise NotHeard(f"{frame.raw('Response')}: {frame.raw('Message')}")
        return frame

    async def until(self, event: str, *, since: int = 0, **begins: str) -> Frame:
        """Wait for an event whose named fields begin as told; the first `since` frames do not count.

        Raises: NotHeard.
        """
        looked = since

        def found() -> Frame | None:
            nonlocal looked
            new, looked = self.frames[looked:], len(self.frames)
            return next((one for one in new if one.event == event and _fits(one, begins)), None)

        return await self._until(found, f"no {event} with {begins}")

    async def until_over(self, is_meant: Callable[[Frame], bool] = lambda frame: True) -> None:
        """Wait until there was a call, and every channel that was heard of, or those meant, is gone.

        Raises: NotHeard: a channel stays.
        """
        await self._until(
            lambda: (
                any(one.event == LIFE[0] for one in self.frames)
                and not any(map(is_meant, self.live.values()))
            ),
            "a channel never went",
        )

    async def _until(self, found: Callable[[], T | None], otherwise: str) -> T:
        try:
            async with asyncio.timeout(SECONDS):
                while not (what := found()):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise NotHeard(
                f"{otherwise}; live: {[one.raw('Channel') for one in self.live.values()]}"
            ) from None
        return what

    async def _read(self) -> None:
        frames = FrameReader()
        while data := await self._reader.read(65536):
            for frame in frames.feed(data):
                self._take(frame)
            self._news.set()

    def _take(self, frame: Frame) -> None:
        if frame.kind is Kind.RESPONSE:
            answer = self._answers.pop(frame.action_id, None)
            if answer is not None and not answer.done():
                answer.set_result(frame)
            return
        self.frames.append(frame)
        if frame.event == LIFE[0]:
            self.live[frame.raw("Uniqueid")] = frame
        elif frame.event == LIFE[1]:
            self.live.pop(frame.raw("Uniqueid"), None)
        sight = from_ami.sight_of(frame)
        if sight is not None:
            assert self._began is not None
            self.moments.append((asyncio.get_running_loop().time() - self._began, sight))


def _fits(frame: Frame, begins: Mapping[str, str]) -> bool:
    return all(frame.raw(key).startswith(text) for key, text in begins.items())


class AriEar:
    """An application's websocket, and requests over HTTP beside it. By default it is told of everything."""

    def __init__(
        self,
        pbx: AsteriskServer,
        *,
        app: str = "ear",
        subscribes_to_all: bool = True,
        began: float | None = None,
    ) -> None:
        self._pbx, self.app = pbx, app
        self._is_for_all = subscribes_to_all
        self._began = began
        self.events: list[ari.Event] = []
        self.moments: list[tuple[float, Sight]] = []
        self.heard = asyncio.Queue[ari.Event]()

    async def __aenter__(self) -> Self:
        if self._began is None:
            self._began = asyncio.get_running_loop().time()
        who = base64.b64encode(f"{self._pbx.user}:{self._pbx.secret}".encode()).decode()
        self._http = aiohttp.ClientSession(
            headers={"Authorization": f"Basic {who}"}, timeout=aiohttp.ClientTimeout(total=SECONDS)
        )
        try:
            await self._connect()
        except BaseException:
            await self._http.close()
            raise
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        await self._socket.close()
        await self._http.close()

    async def ask(self, request: rest.RestRequest) -> tuple[int, Any]:
        """Send a request; give its status and what its body says."""
        headers = {"Content-Type": "application/json"} if request.json is not None else None
        async with self._http.request(
            request.method, self._pbx.ari_url + request.path(), data=request.json, headers=headers
        ) as answer:
            body = await answer.read()
            is_json = body and answer.content_type == "application/json"
            return answer.status, json.loads(body) if is_json else body

    async def must(self, request: rest.RestRequest) -> Any:
        """Send a request that has to succeed; give what its body says.

        Raises: NotHeard: it did not.
        """
        status, body = await self.ask(request)
        if not 200 <= status < 300:
            raise NotHeard(f"{request.method} {request.path()}: {status} {body!r}")
        return body

    async def until_quiet(self) -> None:
        """Wait until no channel is left, and everything that was said of them has been heard.

        Raises: NotHeard: one stays.
        """
        until = asyncio.get_running_loop().time() + SECONDS
        while await self.must(rest.channels()) or not self._is_all_heard():
            if asyncio.get_running_loop().time() > until:
                raise NotHeard("a channel never went")
            await asyncio.sleep(LOOK_SECONDS)

    def _is_all_heard(self) -> bool:
        came, went = set[str](), set[str]()
        for one in self.events:
            match one:
                case ari.ChannelCreated():
                    came.add(one.channel.id)
                case ari.ChannelDestroyed():
                    went.add(one.channel.id)
                case ari.RecordingStarted():
                    came.add(one.recording.name)
                case ari.RecordingFinished():
                    went.add(one.recording.name)
        return came <= went

    async def _connect(self) -> None:
        """Connect until the application stays: Asterisk may take a fresh one away with the last socket's."""
        query = {"app": self.app}
        for _ in range(10):
            self._socket = await self._http.ws_connect(
                f"{self._pbx.ari_url}/events", params=query, max_msg_size=0, autoping=True
            )
            await asyncio.sleep(0.1)
            status, _body = await self.ask(rest.event_filter(self.app))
            if status == 200:
                if self._is_for_all:
                    await self.must(rest.hear_all_calls(self.app))
                return
            await self._socket.close()
        raise NotHeard(f"the application {self.app} does not stay")

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self._take(ari.read_message(message.data).event)

    def _take(self, event: ari.Event) -> None:
        self.events.append(event)
        self.heard.put_nowait(event)
        sight = from_ari.sight_of(event)
        if sight is not None:
            assert self._began is not None
            self.moments.append((asyncio.get_running_loop().time() - self._began, sight))
