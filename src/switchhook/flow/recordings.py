"""Recordings: each is fetched once and kept, and its call is told what became of it.

Intake notes them in the transaction that heard of them (store/recordings.py); what is noted is
worked off here, by whichever node is first.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from switchhook.core.call import ChangeKind, News, RecordingKept
from switchhook.core.errors import HubError, StoreDown
from switchhook.flow.clock import Clock, SystemClock, wait_for_either
from switchhook.flow.media.fetch import Failed, Policy, fetch, is_last_soon, next_attempt
from switchhook.flow.media.shelf import Shelf
from switchhook.flow.registry import Registry
from switchhook.flow.taking import Taken
from switchhook.store import Store
from switchhook.store.recordings import (
    FetchState,
    KeptRecording,
    StoredFile,
    claim,
    mark_told,
    next_due,
    postpone,
    release,
    settle,
)

log = structlog.get_logger(__name__)

# Other processes note recordings too, and do not wake us.
LOOK_EVERY_SECONDS = 0.5
# However often we are nudged.
LOOK_GAP_SECONDS = 0.05
# Beyond the longest download: who has not come back by then is dead.
LEASE_SLACK_SECONDS = 60.0


class Teller(Protocol):
    """The part of intake that is needed here."""

    async def tell(self, account_id: int, call_row: str, news: Sequence[News]) -> object: ...


# Asked at every event. See core/call.py on why these have names of their own.
_HEARD = ChangeKind.RECORDING_HEARD


class RecordingFetcher:
    """One for the process."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        intake: Teller,
        shelf: Shelf,
        *,
        policy: Policy | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._registry = registry
        self._intake = intake
        self._shelf = shelf
        self._policy = policy or Policy()
        self._clock = clock or SystemClock()
        self._nudged = asyncio.Event()
        self._working: dict[asyncio.Task[None], KeptRecording] = {}

    def note(self, taken: Taken) -> None:
        """A listener of intake: look at once when a recording was heard of."""
        for told in taken.told:
            for change in told.changes:
                if change.kind is _HEARD:
                    self.nudge()

    def nudge(self) -> None:
        """A recording was noted, or one has been dealt with: look now."""
        self._nudged.set()

    async def run(self) -> None:
        """Work until cancelled; fetches under way are then given back."""
        try:
            while True:
                self._nudged.clear()
                try:
                    await self._start_due()
                except StoreDown as error:
                    log.warning("recordings wait for the store", reason=error.reason)
                await self._clock.sleep(LOOK_GAP_SECONDS)
                await wait_for_either(self._clock, self._nudged, LOOK_EVERY_SECONDS)
        finally:
            await self._stop()

    async def _start_due(self) -> None:
        while self._room() > 0:
            now = self._clock.now()
            due = await self._store.read(next_due)
            if due is None or due > now:
                return
            lease = timedelta(seconds=self._policy.total_seconds + LEASE_SLACK_SECONDS)
            claimed = await self._store.write(
                claim,
                at=now,
                until=now + lease,
                # Counted together and now: what has ended meanwhile makes room for one and no more.
                limit=self._room(),
                busy=self._busy(),
                in_hand=[one.id for one in self._working.values()],
            )
            if not claimed:
                return
            for recording in claimed:
                task = asyncio.create_task(self._work(recording))
                self._working[task] = recording
                task.add_done_callback(self._finished)

    def _room(self) -> int:
        """How many may be claimed, even if all of them turn out to be one connection's."""
        limit = self._policy.at_once_per_connection
        fullest = max((n for n in self._in_hand().values() if n < limit), default=0)
        return min(self._policy.at_once - len(self._working), limit - fullest)

    def _busy(self) -> tuple[str, ...]:
        limit = self._policy.at_once_per_connection
        return tuple(connection for connection, n in self._in_hand().items() if n >= limit)

    def _in_hand(self) -> Counter[str]:
        return Counter(recording.connection_id for recording in self._working.values())

    def _finished(self, task: asyncio.Task[None]) -> None:
        del self._working[task]
        self.nudge()

    async def _stop(self) -> None:
        """Give back what is under way, so that the next start need not wait for the leases."""
        working = dict(self._working)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    async def _work(self, recording: KeptRecording) -> None:
        try:
            match recording.state:
                case FetchState.HEARD:
                    await self._plan(recording)
                case FetchState.WAITING:
                    await self._fetch(recording)
                case _:
                    await self._tell(recording, recording.state, recording.file)
        except asyncio.CancelledError:
            await self._give_back(recording)
            raise
        except HubError as error:  # the lease runs out, and it is tried again
            log.warning("recording has to wait", recording=recording.id, reason=error.reason)
        except Exception:
            log.exception("recording cannot be dealt with", recording=recording.id)

    async def _plan(self, recording: KeptRecording) -> None:
        attached = self._registry.get(recording.connection_id)
        if attached is None:
            await self._end(recording, "its connection was removed")
            return
        if attached.link.settings.get("recordings") == "link":
            await self._end(recording, "this connection is set to keep links only")
            return
        wait = self._policy.temp_first_seconds if recording.is_temp else self._policy.first_seconds
        first = recording.heard_at + timedelta(seconds=wait)
        await self._postpone(recording, first, None)

    async def _fetch(self, recording: KeptRecording) -> None:
        attached = self._registry.get(recording.connection_id)
        if attached is None:
            await self._end(recording, "its connection was removed")
            return
        opens = attached.side.recording_headers
        got = await fetch(
            attached.link.http,
            recording.url,
            self._shelf,
            recording.account_id,
            self._policy,
            takes_part=recording.is_temp or is_last_soon(self._policy, recording.attempts),
            headers=None if opens is None else opens(recording.url, attached.link),
        )
        if isinstance(got, StoredFile):
            log.info("recording kept", recording=recording.id, size_bytes=got.size_bytes)
            await self._settle(recording, FetchState.KEPT, None, got)
            return
        now = self._clock.now()
        again = next_attempt(
            got,
            self._policy,
            attempts=recording.attempts,
            is_temp=recording.is_temp,
            heard_at=recording.heard_at,
            now=now,
        )
        log.info(
            "recording not fetched", recording=recording.id, reason=got.reason, tries_again=again is not None
        )
        if again is None:
            await self._end(recording, got.reason)
        else:
            await self._postpone(recording, again, got)

    async def _postpone(self, recording: KeptRecording, at: datetime, failed: Failed | None) -> None:
        reason = failed.reason if failed else None
        await self._store.write(postpone, recording.account_id, recording.id, at=at, reason=reason)

    async def _end(self, recording: KeptRecording, reason: str) -> None:
        """We have no copy and never will: the peer's own link is all there is, if that lasts."""
        state = FetchState.LOST if recording.is_temp else FetchState.LINKED
        await self._settle(recording, state, reason, None)

    async def _settle(
        self, recording: KeptRecording, state: FetchState, reason: str | None, file: StoredFile | None
    ) -> None:
        # Should we die before the call is told, this is due again then.
        due = self._clock.now() + timedelta(seconds=LEASE_SLACK_SECONDS)
        await self._store.write(
            settle, recording.account_id, recording.id, state, at=due, reason=reason, file=file
        )
        await self._tell(recording, state, file)

    async def _tell(self, recording: KeptRecording, state: FetchState, file: StoredFile | None) -> None:
        news = RecordingKept(
            call_id=recording.call_id,
            url=recording.url,
            is_kept=state is FetchState.KEPT,
            content_type=file.content_type if file else None,
            size_bytes=file.size_bytes if file else None,
            seconds=file.seconds if file else None,
        )
        await self._intake.tell(recording.account_id, recording.call_row, [news])
        await self._store.write(mark_told, recording.account_id, recording.id)

    async def _give_back(self, recording: KeptRecording) -> None:
        try:
            await self._store.write(release, recording.account_id, recording.id, at=self._clock.now())
        except HubError as error:
            log.warning("recording waits for its lease", recording=recording.id, reason=error.reason)
