"""Who may use our APIs: the key, the address it comes from, what it is for, and how often."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from switchhook.core.api import Scope
from switchhook.core.errors import HubError, Refused, TooMany
from switchhook.flow.clock import Clock, SystemClock
from switchhook.flow.rates import SlidingWindows, Standing, source_of
from switchhook.store import Store
from switchhook.store.api_keys import ApiKey, find_api_key, note_use
from switchhook.store.secrets import SecretBox
from switchhook.store.times import EPOCH

log = structlog.get_logger(__name__)

# One text for every reason: whoever is refused learns nothing of what was right.
NOT_AUTHORISED = "not authorised"

WRONG_TRIES, WRONG_TRIES_SECONDS = 20, 60
NOTE_USE_EVERY = timedelta(minutes=1)

# Judged in place of a key that there is not, so that the work is the same.
NOBODY = ApiKey(
    id=0,
    account_id=0,
    name="",
    allow=("192.0.2.0/24", "2001:db8::/32"),
    scopes=(),
    created_at=EPOCH,
    last_used_at=None,
    revoked_at=None,
)


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Somebody who was let in."""

    key: ApiKey
    headers: Mapping[str, str]  # what they are told of their rate, on every answer


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why somebody was not let in: for the owner of the keys, never for them."""

    at: datetime
    client: str
    reason: str


class Gate:
    """One for the process. `close` waits for what is still being noted.

    Right keys are let in however many wrong ones came from the same address: many clients share one.
    """

    def __init__(self, store: Store, box: SecretBox, *, clock: Clock | None = None) -> None:
        self._store = store
        self._box = box
        self._clock = clock or SystemClock()
        self._rates = SlidingWindows()
        self._wrong_tries = SlidingWindows()
        self._over: set[int] = set()
        self._noted: dict[int, datetime] = {}
        self._noting: set[asyncio.Task[None]] = set()
        self._refusals: dict[int | None, Refusal] = {}

    async def admit(
        self,
        presented: str | None,
        client: str,
        *,
        scope: Scope,
        requests: int,
        per_seconds: int,
        needs_listed_address: bool = False,
    ) -> Admission:
        """Let a request in, or not. The rate is that of the API; a key may have its own.

        The store is asked each time, so a key that is revoked, here or by a command, opens nothing more.

        Raises:
            Refused: always with the same text; the log, and `last_refusal`, say why.
            TooMany: over the rate, or too many refusals from there; says when to come again.
            StoreDown: the key could not be looked for.
        """
        key = await self._store.read(find_api_key, self._box, presented or "", is_revoked_too=True)
        reason = _why_not(key, client, scope, needs_listed_address=needs_listed_address)
        if key is None or reason is not None:
            raise self._refused(key, client, reason or "")
        return Admission(key=key, headers=_headers(self._counted(key, requests, per_seconds)))

    def last_refusal(self, key_id: int | None) -> Refusal | None:
        """Give why this key was last refused in this process; of None: why a key that there is not was."""
        return self._refusals.get(key_id)

    async def close(self) -> None:
        """Wait for what is being noted."""
        if self._noting:
            await asyncio.wait(self._noting)

    def _refused(self, key: ApiKey | None, client: str, reason: str) -> HubError:
        now = self._clock.now()
        key_id = None if key is None else key.id
        self._refusals[key_id] = Refusal(at=now, client=client, reason=reason)
        tries = self._wrong_tries.take(
            source_of(client), WRONG_TRIES, WRONG_TRIES_SECONDS, now=now.timestamp()
        )
        if tries.is_over:  # and nothing is logged any more: guessers make no noise
            return TooMany("too many refused requests", retry_after_seconds=tries.reset_seconds)
        log.warning("api request refused", reason=reason, client=client)
        return Refused(NOT_AUTHORISED)

    def _counted(self, key: ApiKey, requests: int, per_seconds: int) -> Standing:
        now = self._clock.now()
        # APIs of different rates do not eat up each other's; a key's own rate is for all it does.
        rate = key.rate(requests, per_seconds)
        standing = self._rates.take((key.id, *rate), *rate, now=now.timestamp())
        if standing.is_over:
            if key.id not in self._over:  # once, not with each request until the client slows down
                self._over.add(key.id)
                log.warning("api key is over its rate", name=key.name, requests=rate[0], seconds=rate[1])
            raise TooMany(
                f"expected up to {rate[0]} requests in {rate[1]} seconds",
                retry_after_seconds=standing.reset_seconds,
                limit=standing.limit,
            )
        self._over.discard(key.id)
        self._note_use(key, now)
        return standing

    def _note_use(self, key: ApiKey, now: datetime) -> None:
        last = self._noted.get(key.id)
        if last is not None and last <= now < last + NOTE_USE_EVERY:
            return
        self._noted[key.id] = now
        # Nobody waits for the disk to remember that they came.
        task = asyncio.create_task(self._note(key, now))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _note(self, key: ApiKey, now: datetime) -> None:
        try:
            await self._store.write(note_use, key.account_id, key.id, at=now)
        except HubError as error:
            log.warning("use of a key cannot be noted", reason=error.reason)


def _why_not(key: ApiKey | None, client: str, scope: Scope, *, needs_listed_address: bool) -> str | None:
    """Say why a key opens nothing here, or None. All is looked at, whatever is wrong."""
    judged = key or NOBODY
    faults = (
        (key is None, "no such key"),
        (judged.revoked_at is not None, f"key {judged.name} is revoked"),
        (not judged.allows(client), f"address {client or 'unknown'} is not listed for key {judged.name}"),
        (needs_listed_address and not judged.allow, f"key {judged.name} has no list of addresses"),
        (scope not in judged.scopes, f"key {judged.name} is not for {scope.value}"),
    )
    return next((reason for is_so, reason in faults if is_so), None)


def headers_of_refusal(error: TooMany, seconds: str) -> dict[str, str]:
    """Give the headers that go with the gate's own no. `seconds` are what Retry-After says."""
    limit = {} if error.limit is None else {"RateLimit-Limit": str(error.limit)}
    return {**limit, "RateLimit-Remaining": "0", "RateLimit-Reset": seconds}


def _headers(standing: Standing) -> dict[str, str]:
    return {
        "RateLimit-Limit": str(standing.limit),
        "RateLimit-Remaining": str(standing.remaining),
        "RateLimit-Reset": str(standing.reset_seconds),
    }
