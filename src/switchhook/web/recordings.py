"""Permanent links of recordings: `/r/{token}`, `/r/{token}/2`, either with the suffix of a file."""

import re
from contextlib import aclosing
from dataclasses import dataclass

import structlog

from switchhook.core.edge import Reply
from switchhook.core.errors import HubError
from switchhook.flow.playback import Playback
from switchhook.net.asgi import Receive, Scope, Send, send_reply

log = structlog.get_logger(__name__)

# Some peers want to see a file's suffix in a link.
PATH = re.compile(r"/r/(?P<token>[A-Za-z0-9_\-]{1,128})(?:/(?P<number>[1-9][0-9]{0,2}))?(?:\.[a-z0-9]{1,5})?")
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
        headers = dict(scope["headers"])
        try:
            opened = await self.playback.open_recording(
                asked["token"],
                int(asked["number"] or 1) - 1,
                range_header=_text(headers.get(b"range")),
                if_range=_text(headers.get(b"if-range")),
                wants_body=wants_body,
            )
        except HubError as error:
            log.warning("recording cannot be served", reason=error.reason)
            await send_reply(send, DOWN, is_head=not wants_body)
            return
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in opened.headers.items()]
        if opened.chunks is None and "content-length" not in opened.headers:
            pairs.append((b"content-length", b"0"))
        await send({"type": "http.response.start", "status": opened.status, "headers": pairs})
        if opened.chunks is not None:
            async with aclosing(opened.chunks) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
