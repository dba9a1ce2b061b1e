"""Permanent links of recordings: `/r/{token}`, `/r/{token}/2`, either with the suffix of a file.

`.mp3` gives the recording as mp3, `.json` its waveform (`?buckets=`); with any other it is as it was kept.
"""

import re
from contextlib import aclosing
from dataclasses import dataclass
from math import ceil

import structlog

from switchhook.core.edge import Reply
from switchhook.core.errors import BadMessage, HubError, TooMany
from switchhook.flow.media.jobs import Unplayable
from switchhook.flow.media.waveform import BUCKETS, FEWEST_BUCKETS, MOST_BUCKETS
from switchhook.flow.playback import Form, Opened, Playback
from switchhook.net.asgi import Receive, Scope, Send, send_reply

log = structlog.get_logger(__name__)

# Some peers want to see a file's suffix in a link.
PATH = re.compile(
    r"/r/(?P<token>[A-Za-z0-9_\-]{1,128})(?:/(?P<number>[1-9][0-9]{0,2}))?(?:\.(?P<suffix>[a-z0-9]{1,5}))?"
)
IN_QUERY = re.compile(r"(?:\A|&)buckets=(?P<buckets>[^&]*)")
A_NUMBER = re.compile(r"[0-9]{1,5}")
FORMS = {"mp3": Form.MP3}
WAVEFORM = "json"

NOT_FOUND = Reply(status=404)
NOT_ALLOWED = Reply(status=405, headers={"allow": "GET, HEAD"})
DOWN = Reply(status=503, headers={"retry-after": "30"})


@dataclass(frozen=True)
class Recordings:
    """An ASGI app. Whoever has the link may listen: CRMs open it without a cookie of ours."""

    playback: Playback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wants_body = scope["method"] == "GET"
        if scope["method"] not in ("GET", "HEAD"):
            await send_reply(send, NOT_ALLOWED)
            return
        asked = PATH.fullmatch(scope["path"])
        if asked is None:
            await send_reply(send, NOT_FOUND, is_head=not wants_body)
            return
        try:
            opened = await self._open(scope, asked, wants_body=wants_body)
        except HubError as error:
            await send_reply(send, refusal(error), is_head=not wants_body)
            return
        await give(send, opened)

    async def _open(self, scope: Scope, asked: re.Match[str], *, wants_body: bool) -> Opened:
        headers = dict(scope["headers"])
        token, index = asked["token"], int(asked["number"] or 1) - 1
        if_none_match = _text(headers.get(b"if-none-match"))
        if asked["suffix"] == WAVEFORM:
            return await self.playback.open_peaks(
                token,
                index,
                buckets=read_buckets(scope["query_string"]),
                if_none_match=if_none_match,
                wants_body=wants_body,
            )
        return await self.playback.open_recording(
            token,
            index,
            form=FORMS.get(asked["suffix"], Form.AS_KEPT),
            range_header=_text(headers.get(b"range")),
            if_range=_text(headers.get(b"if-range")),
            if_none_match=if_none_match,
            wants_body=wants_body,
        )


async def give(send: Send, opened: Opened) -> None:
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in opened.headers.items()]
    if opened.chunks is None and "content-length" not in opened.headers and opened.status != 304:
        pairs.append((b"content-length", b"0"))
    await send({"type": "http.response.start", "status": opened.status, "headers": pairs})
    if opened.chunks is not None:
        async with aclosing(opened.chunks) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def read_buckets(query: bytes) -> int:
    """Read how fine a waveform is wanted; what else is in the query is no business of ours.

    Raises:
        BadMessage: it is no number, or outside of the bounds.
    """
    found = IN_QUERY.search(query.decode("latin-1"))
    if found is None:
        return BUCKETS
    said = found["buckets"]
    if not A_NUMBER.fullmatch(said) or not FEWEST_BUCKETS <= int(said) <= MOST_BUCKETS:
        raise BadMessage(f"expected buckets from {FEWEST_BUCKETS} to {MOST_BUCKETS}", field="buckets")
    return int(said)


def refusal(error: HubError) -> Reply:
    """Say no in words: whoever reads them has a link and no key, so no more than what is the matter."""
    match error:
        case TooMany():
            seconds = max(1, ceil(error.retry_after_seconds or 1))
            return Reply(status=503, headers={"retry-after": str(seconds)})
        case Unplayable():
            return _in_words(422, error)
        case BadMessage():
            return _in_words(400, error)
        case _:
            log.warning("recording cannot be served", reason=error.reason)
            return DOWN


def _in_words(status: int, error: HubError) -> Reply:
    return Reply(status=status, body=f"{error.reason}\n".encode(), content_type="text/plain")


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
