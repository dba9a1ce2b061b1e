"""One attempt to fetch a recording, and when the next one is due.

A PBX sends the link before the file is whole, then serves it once or for a week; so what came
instead of a recording is a reason to come back soon, and a PBX that is away one to come back later.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from switchhook.core.connector import HttpPort
from switchhook.core.errors import BadMessage, HubError, Misconfigured, PeerDown, TooLarge
from switchhook.flow.media.measure import measure_seconds
from switchhook.flow.media.shelf import NewFile, Shelf, key_of
from switchhook.flow.media.sniff import is_whole, sniff
from switchhook.store.recordings import StoredFile


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How recordings are fetched: docs/connectors/planfix.md, decision 19."""

    first_seconds: float = 3.0
    # One that can be fetched only once is worth most at once, and its PBX knows.
    temp_first_seconds: float = 0.5
    gaps_seconds: tuple[float, ...] = (10.0, 30.0, 120.0)
    later_seconds: float = 3600.0
    window_seconds: float = 86_400.0
    max_bytes: int = 200 * 1024 * 1024
    total_seconds: float = 300.0
    at_once: int = 8
    at_once_per_connection: int = 4


class Failure(StrEnum):
    PASSING = "passing"  # the peer is away or failing
    EARLY = "early"  # the peer answers, but not with the recording
    FINAL = "final"  # no attempt will do


@dataclass(frozen=True)
class Failed:
    """An attempt that brought nothing to keep."""

    kind: Failure
    reason: str
    has_bytes: bool = False  # of the file: a link that is good for once is used up


async def fetch(
    http: HttpPort,
    url: str,
    shelf: Shelf,
    account_id: int,
    policy: Policy,
    *,
    takes_part: bool,
    headers: Mapping[str, str] | None = None,
) -> StoredFile | Failed:
    """Fetch a recording by one GET, judge it by its own bytes and put it on the shelf.

    `takes_part`: a file shorter than its header says is kept all the same. `headers` stay behind when a
    redirect leaves the server.
    """
    with shelf.new_file() as file:
        try:
            failed = await _download(http, url, file, policy, headers)
            if failed is not None:
                return failed
            kind = sniff(file.head)
            if not takes_part and not is_whole(file.head, file.size_bytes):
                return Failed(Failure.EARLY, "the recording is not whole yet", has_bytes=True)
        except HubError as error:
            return Failed(_kind_of(error), error.reason, has_bytes=file.size_bytes > 0)
        sha256 = await file.finish()
        seconds = await measure_seconds(file.path, kind.demuxer)
        key = key_of(account_id, sha256)
        await shelf.keep(file, key)
    return StoredFile(
        key=key,
        sha256=sha256,
        size_bytes=file.size_bytes,
        content_type=kind.content_type,
        seconds=seconds,
    )


def next_attempt(
    failed: Failed, policy: Policy, *, attempts: int, is_temp: bool, heard_at: datetime, now: datetime
) -> datetime | None:
    """Say when to try again after so many attempts (1 or more), or None: that was the last."""
    if failed.kind is Failure.FINAL:
        return None
    if is_temp:
        may_be_there = attempts < 2 and not failed.has_bytes
        return now + timedelta(seconds=policy.gaps_seconds[0]) if may_be_there else None
    if attempts <= len(policy.gaps_seconds):
        return now + timedelta(seconds=policy.gaps_seconds[attempts - 1])
    later = now + timedelta(seconds=policy.later_seconds)
    is_in_window = later - heard_at <= timedelta(seconds=policy.window_seconds)
    return later if failed.kind is Failure.PASSING and is_in_window else None


def is_last_soon(policy: Policy, attempts: int) -> bool:
    """Say whether a file that is short by now will not grow any more."""
    return attempts > len(policy.gaps_seconds)


async def _download(
    http: HttpPort, url: str, file: NewFile, policy: Policy, headers: Mapping[str, str] | None
) -> Failed | None:
    async with http.download(
        url, max_bytes=policy.max_bytes, total_seconds=policy.total_seconds, headers=headers
    ) as download:
        if download.status != 200:
            passing = download.status in (408, 425, 429) or download.status >= 500
            kind = Failure.PASSING if passing else Failure.EARLY
            return Failed(kind, f"expected a recording, got status {download.status}")
        async for piece in download.chunks():
            await file.write(piece)
    return None


def _kind_of(error: HubError) -> Failure:
    match error:
        case PeerDown():
            return Failure.PASSING
        case TooLarge() | Misconfigured():
            return Failure.FINAL
        case BadMessage():
            return Failure.EARLY
        case _:
            return Failure.FINAL
