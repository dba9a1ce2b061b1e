"""The stream behind a page: pieces of HTML, each the newest state of one call, whatever came before.

A piece put in twice changes nothing, so a page that was away is told what it missed and a little more.
    card    a call that goes on
    row     a call of the history; its card goes
    reload  too much has happened: the page asks for everything again
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import structlog

from switchhook.core.call import Call
from switchhook.core.errors import HubError
from switchhook.flow.live import Resync, Subscription, Update
from switchhook.web import board
from switchhook.web.hall import Hall
from switchhook.web.render import render, utc_now
from switchhook.web.sessions import Ticket
from switchhook.web.views import card_of, is_live

log = structlog.get_logger(__name__)

# A browser draws no faster than it can be seen; what comes meanwhile is told at once.
TICK_SECONDS = 0.04
# Proxies and browsers give up on a stream that says nothing.
BEAT_SECONDS = 15.0
# Deliveries tell nobody when they are done: rows that wait for one are looked at again.
LOOK_AGAIN_SECONDS = 1.5
LOOK_AGAIN_FOR_SECONDS = 60.0
MOST_WATCHED = 50
KEPT_PIECES = 1000

BEAT = b": still here\n\n"


@dataclass
class Press:
    """Makes each piece once for all browsers of an account that read the same language."""

    hall: Hall
    _pieces: "OrderedDict[tuple[object, ...], asyncio.Task[Piece | None]]" = field(
        default_factory=OrderedDict
    )

    async def piece(self, account_id: int, language: str, call: Call, edition: object) -> "Piece | None":
        """Give what is to be told of a call in this edition of it; None: nothing."""
        key = (account_id, language, call.id, edition)
        task = self._pieces.get(key)
        if task is None:
            task = self._pieces[key] = asyncio.create_task(self._make(account_id, language, call))
            if len(self._pieces) > KEPT_PIECES:
                self._pieces.popitem(last=False)
        return await asyncio.shield(task)

    async def _make(self, account_id: int, language: str, call: Call) -> "Piece | None":
        if call.is_shadow:
            return None
        try:
            names = await self.hall.names(account_id, [call])
            if is_live(call):
                html = render("_card.html", language, utc_now(), card=card_of(call, names))
                return Piece("card", html, is_waiting=False)
            row = await board.read_row(self.hall, account_id, call, names)
        except HubError as error:
            log.warning("a page misses a change", call=call.id, reason=error.reason)
            return None
        html = render("_row.html", language, utc_now(), row=row)
        return Piece("row", html, is_waiting=any(chip.state == "waiting" for chip in row.chips))


@dataclass(frozen=True, slots=True)
class Piece:
    """One fragment for the page."""

    kind: str
    html: str
    is_waiting: bool  # it will soon look otherwise, without any news of its call


async def stream(
    hall: Hall, press: Press, ticket: Ticket, language: str, *, since: str
) -> AsyncIterator[bytes]:
    """Tell one browser everything from `since` on, until its session or the hub ends."""
    account_id = ticket.account_id
    watched: OrderedDict[str, tuple[Call, float]] = OrderedDict()
    with hall.live.subscribe(account_id) as subscription:
        yield b"retry: 1000\n\n"
        if since.isascii() and since.isdigit() and len(since) < 16:
            updates = await hall.live.missed(account_id, int(since))
        else:
            updates = [Resync(id=0)]
        while not hall.is_closing.is_set() and time.time() < ticket.expires:
            for update in updates:
                if isinstance(update, Resync):
                    yield message("reload", "", update.id)
                    continue
                piece = await press.piece(account_id, language, update.call, update.id)
                if piece is None:
                    continue
                yield message(piece.kind, piece.html, update.id)
                watch(watched, update.call, piece)
            if not updates:
                yield BEAT
            async for look in look_again(press, account_id, language, watched):
                yield look
            await asyncio.sleep(TICK_SECONDS)
            updates = await wait_for_news(hall, subscription, is_watching=bool(watched))


async def wait_for_news(
    hall: Hall, subscription: Subscription, *, is_watching: bool
) -> list[Update | Resync]:
    """Wait for changes, the end of the hub, or the next look or beat."""
    news = asyncio.ensure_future(subscription.next())
    closing = asyncio.ensure_future(hall.is_closing.wait())
    seconds = LOOK_AGAIN_SECONDS if is_watching else BEAT_SECONDS
    try:
        await asyncio.wait((news, closing), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return news.result() if news.done() else []
    finally:
        news.cancel()
        closing.cancel()


def watch(watched: "OrderedDict[str, tuple[Call, float]]", call: Call, piece: Piece) -> None:
    watched.pop(call.id, None)
    if piece.is_waiting:
        watched[call.id] = (call, time.monotonic() + LOOK_AGAIN_FOR_SECONDS)
        while len(watched) > MOST_WATCHED:
            watched.popitem(last=False)


async def look_again(
    press: Press, account_id: int, language: str, watched: "OrderedDict[str, tuple[Call, float]]"
) -> AsyncIterator[bytes]:
    """Tell the rows whose deliveries have been made since the last look."""
    now = time.monotonic()
    # One edition per while, so that all browsers share one look.
    edition = ("look", int(now / LOOK_AGAIN_SECONDS))
    for call, until in list(watched.values()):
        piece = await press.piece(account_id, language, call, edition)
        if piece is not None and not piece.is_waiting:
            yield message(piece.kind, piece.html, None)
        if piece is None or not piece.is_waiting or now > until:
            del watched[call.id]


def message(kind: str, html: str, update_id: int | None) -> bytes:
    """Write one server-sent event."""
    lines = [f"event: {kind}"]
    if update_id is not None:
        lines.append(f"id: {update_id}")
    # An empty event would not be dispatched at all.
    lines += [f"data: {line}" for line in html.splitlines() if line.strip()] or ["data:  "]
    return ("\n".join(lines) + "\n\n").encode()
