"""Where a played side is reached: its connector's paths, and the recordings that it keeps."""

import asyncio
from collections.abc import Callable

import structlog

from switchhook.core.connector import Connector, Side
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import HubError, NotFound
from switchhook.net.asgi import AsgiApp, ClientGone, Receive, Scope, Send, read_request, send_reply
from switchhook.sim.api import PlayedApi
from switchhook.sim.recordings import CONTENT_TYPE
from switchhook.sim.stage import PlayedHub
from switchhook.sim.trouble import Trouble

log = structlog.get_logger(__name__)

RECORDING_PATH = "/r/"

# Gives the bytes behind a token, or None.
Recordings = Callable[[str], bytes | None]


def make_app(
    connector: Connector,
    side: Side,
    hub: PlayedHub,
    trouble: Trouble,
    recordings: Recordings,
    *,
    api: PlayedApi | None = None,
) -> AsgiApp:
    """Make the web side of a played peer; `api` is what it answers beside the connection's own paths."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        is_head = scope["method"] == "HEAD"
        if path.startswith(RECORDING_PATH):
            await send_reply(send, _recording(recordings(path.removeprefix(RECORDING_PATH))), is_head=is_head)
            return
        try:
            request = await read_request(
                scope, receive, path=path, client="", max_body_bytes=connector.max_body_bytes(path)
            )
            reply = await trouble.around(request, serve, connector.sorry)
        except ClientGone:
            return
        except HubError as error:
            reply = connector.sorry(error)
        except Exception as error:
            log.exception("a played side failed", path=path)
            reply = connector.sorry(error)
        await send_reply(send, reply, is_head=is_head)

    async def serve(request: Request) -> Reply:
        if api is not None and api.is_asked(request.path):
            return await api.answer(request)
        if side.serve is None:
            raise NotFound("this side takes no requests")
        return await side.serve(request, hub.link, hub)

    return app


def _recording(body: bytes | None) -> Reply:
    if body is None:
        return Reply(status=404, body=b"not here", content_type="text/plain")
    return Reply(body=body, content_type=CONTENT_TYPE)


async def end_all(tasks: set["asyncio.Task[None]"]) -> None:
    """Cancel tasks and wait for their end."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
