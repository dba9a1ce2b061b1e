"""WebSockets that peers open to us: judged like their requests, then handed to whoever holds the link."""

from collections.abc import Awaitable, Callable

import structlog

from switchhook.core.connector import Connector
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import HubError, Refused, TooMany, Unsupported
from switchhook.core.sockets import Socket
from switchhook.flow.rates import source_of
from switchhook.flow.registry import Attached, Registry
from switchhook.net.asgi import Receive, Scope, Send, read_headers, read_query
from switchhook.net.inbound_socket import TRY_AGAIN_LATER, InboundSocket
from switchhook.web.headers import PLAIN_HEADERS
from switchhook.web.limits import WINDOW_SECONDS, WrongTries

log = structlog.get_logger(__name__)

CONNECTION_PATH = "/x/"
CAN_ANSWER = "websocket.http.response"

UNKNOWN = Reply(status=404, body=b'{"error":"Not found"}')
FAILED = Reply(status=500, body=b'{"error":"Internal error"}')
# RFC 9110, 11.6.1: says how to present the key.
CHALLENGE = (b"www-authenticate", b'Basic realm="switchhook"')

HandOver = Callable[[int, str, Socket], Awaitable[None]]
"""Give a socket to the holder of a connection's link: account, connection, socket."""
ClientOf = Callable[[Scope], str]
"""The address of whoever really asks."""


class SocketDoor:
    """An ASGI app for WebSockets at `/x/{url key}/…`; its tries are counted with those of requests."""

    def __init__(
        self, registry: Registry, hand_over: HandOver, *, client_of: ClientOf, wrong_keys: WrongTries
    ) -> None:
        self._registry = registry
        self._hand_over = hand_over
        self._client_of = client_of
        self._wrong_keys = wrong_keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # "websocket.connect": there is nothing in it
        client = self._client_of(scope)
        attached, path = self._find(scope["path"], client)
        if attached is None or attached.side.admit is None:
            await refuse(scope, send, UNKNOWN)
            return
        try:
            subprotocol = admit(attached, _request_of(scope, path, client))
        except HubError as error:
            log.info("socket refused", connection=attached.id, error=error.id, reason=error.reason)
            await refuse(scope, send, _sorry(attached.connector, self._counted(attached, client, error)))
            return
        except Exception as error:
            log.exception("connector failed to judge a socket", connection=attached.id)
            await refuse(scope, send, _sorry(attached.connector, error))
            return
        await self._take(attached, InboundSocket(receive, send, client), subprotocol)

    async def _take(self, attached: Attached, socket: InboundSocket, subprotocol: str) -> None:
        """Accept a socket, hand it over, and stay until it has ended: then the server closes it."""
        try:
            await socket.accept(subprotocol)
            await self._hand_over(attached.row.account_id, attached.id, socket)
        except HubError as error:
            log.warning("socket cannot be taken", connection=attached.id, reason=error.reason)
            await socket.close(TRY_AGAIN_LATER)
            return
        log.info("socket taken", connection=attached.id)
        await socket.ended.wait()

    def _find(self, path: str, client: str) -> tuple[Attached | None, str]:
        if not path.startswith(CONNECTION_PATH):
            return None, path
        url_key, slash, rest = path[len(CONNECTION_PATH) :].partition("/")
        attached = self._registry.by_url_key(url_key)
        if attached is None:
            self._wrong_keys.note(source_of(client))  # as for requests: right keys are served all the same
        return attached, slash + rest or "/"

    def _counted(self, attached: Attached, client: str, error: HubError) -> HubError:
        """Count a wrong key of somebody who knows the address of the connection."""
        if not isinstance(error, Refused):
            return error
        name = f"{attached.id} {source_of(client)}"
        self._wrong_keys.note(name)
        if not self._wrong_keys.is_over(name):
            return error
        return TooMany("too many wrong keys", retry_after_seconds=WINDOW_SECONDS)


def admit(attached: Attached, request: Request) -> str:
    """Have the connector judge a socket. Raises: HubError."""
    if attached.side.admit is None or attached.is_paused:
        raise Unsupported("this connection takes no sockets now")
    return attached.side.admit(request, attached.link)


async def refuse(scope: Scope, send: Send, reply: Reply) -> None:
    """Answer in HTTP instead of opening the socket, where the server can; else it says 403."""
    if CAN_ANSWER not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [
        *PLAIN_HEADERS,
        (b"content-type", reply.content_type.encode("latin-1")),
        *[(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()],
    ]
    if reply.status == 401 and not any(name == CHALLENGE[0] for name, _ in headers):
        headers.append(CHALLENGE)
    await send({"type": "websocket.http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": reply.body})


async def no_sockets(scope: Scope, receive: Receive, send: Send) -> None:
    """Stand in for the door where nobody holds links."""
    await receive()
    await refuse(scope, send, UNKNOWN)


def _request_of(scope: Scope, path: str, client: str) -> Request:
    """Raises: TooLarge: headers or query."""
    query = scope["query_string"]
    return Request(
        method="GET",
        path=path,
        query=read_query(query) if query else {},
        headers=read_headers(scope["headers"]),
        client=client,
        raw_query=query.decode("latin-1") if query else "",
    )


def _sorry(connector: Connector, error: Exception) -> Reply:
    try:
        reply = connector.sorry(error)
    except Exception:
        log.exception("connector has no words for an error", connector=connector.key)
        return FAILED
    return reply if reply.status >= 400 else FAILED  # some vendors say no with 200, which opens no socket
