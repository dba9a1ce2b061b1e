"""One manager connection: logged in, its answers given to who asked, its events to the inbox."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from switchhook.connectors.asterisk.link.clock import Clock
from switchhook.connectors.asterisk.link.inbox import Inbox
from switchhook.connectors.asterisk.link.pbx_clock import PbxClock
from switchhook.connectors.asterisk.wire import actions
from switchhook.connectors.asterisk.wire.ami import Frame, FrameReader, Kind
from switchhook.core.errors import PeerDown, Refused
from switchhook.core.sockets import Stream

ANSWER_SECONDS = 10.0
BANNER_SECONDS = 5.0
# A server that never says who it is.
LONGEST_BANNER_BYTES = 1024
MOST_ROWS = 100_000

Write = Callable[[str], bytes]
"""Writes an action, given its ActionID."""


@dataclass(slots=True)
class _Asked:
    """An action under way: its response, and for a list the rows that follow."""

    answer: asyncio.Future[Frame]
    is_list: bool
    rows: list[Frame] = field(default_factory=list)


class AmiClient:
    """`read` has to run for anything to be answered."""

    def __init__(self, stream: Stream, clock: Clock, *, seconds: float = ANSWER_SECONDS) -> None:
        self._stream = stream
        self._clock = clock
        self._seconds = seconds
        self._reader = FrameReader()
        self._pbx_clock = PbxClock()
        self._numbers = itertools.count(1)
        self._asked: dict[str, _Asked] = {}
        self._watchers: list[Callable[[Frame], None]] = []
        self._is_greeted = asyncio.Event()
        self.inbox: Inbox[tuple[Frame, datetime]] = Inbox()

    async def read(self) -> None:
        """Read until the end. Raises: PeerDown: the connection ended, or is to no manager interface."""
        seen = 0
        while True:
            data = await self._stream.read()
            at = self._clock.now()
            frames = self._reader.feed(data)
            if self._reader.banner is not None:
                self._is_greeted.set()
            elif (seen := seen + len(data)) > LONGEST_BANNER_BYTES or frames:
                raise PeerDown("what answers there is no manager interface of an Asterisk")
            for frame in frames:
                for watcher in self._watchers:
                    watcher(frame)
                if not self._is_answer(frame) and frame.kind is Kind.EVENT:
                    happened_at = self._pbx_clock.when(frame.timestamp, at)
                    size_bytes = sum(len(name) + len(one) for name, one in frame.fields)
                    await self.inbox.put((frame, happened_at), size_bytes)

    async def login(self, user: str, password: str, *, events: str) -> None:
        """Log in, with the classes of events to be told of.

        Raises:
            Refused: a wrong user or password.
            PeerDown: no answer, or none of a manager interface.
        """
        try:
            async with asyncio.timeout(BANNER_SECONDS):
                await self._is_greeted.wait()
        except TimeoutError:
            raise PeerDown("what answers there is no manager interface: it does not say who it is") from None
        answer = await self.ask(lambda one: actions.login(user, password, action_id=one, events=events))
        if not answer.is_success:
            raise Refused(f"the manager interface refuses the user: {answer.raw('Message')[:80]}")

    async def ask(self, write: Write) -> Frame:
        """Send an action, once, and give its response, whatever it says.

        Raises: PeerDown: no answer within ten seconds: it may have been done.
        """
        frame, _ = await self._ask(write, is_list=False)
        return frame

    async def ask_list(self, write: Write) -> tuple[Frame, Sequence[Frame]]:
        """Send an action that is answered by a list; give the response and the events of the list."""
        return await self._ask(write, is_list=True)

    def watch(self, watcher: Callable[[Frame], None]) -> Callable[[], None]:
        """Show every frame to somebody as it is read; gives the way to end that."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    async def _ask(self, write: Write, *, is_list: bool) -> tuple[Frame, Sequence[Frame]]:
        action_id = f"a{next(self._numbers)}"
        sent = write(action_id)
        asked = _Asked(asyncio.get_running_loop().create_future(), is_list)
        self._asked[action_id] = asked
        try:
            await self._stream.write(sent)
            async with asyncio.timeout(self._seconds):
                return await asked.answer, asked.rows
        except TimeoutError:
            raise PeerDown(f"the manager interface did not answer in {self._seconds:g} s") from None
        finally:
            del self._asked[action_id]

    def _is_answer(self, frame: Frame) -> bool:
        """Give a frame to who asked for it. Of an Originate the event that tells its result is none."""
        asked = self._asked.get(frame.action_id)
        if asked is None or asked.answer.done():
            return False
        if frame.kind is Kind.RESPONSE:
            if asked.is_list and frame.is_success:
                asked.rows.append(frame)
            else:
                asked.answer.set_result(frame)
            return True
        if not asked.is_list or frame.kind is not Kind.EVENT:
            return False
        if frame.raw("EventList").lower() == "complete":
            response = asked.rows.pop(0) if asked.rows else frame
            asked.answer.set_result(response)
        elif len(asked.rows) <= MOST_ROWS:
            asked.rows.append(frame)
        return True
