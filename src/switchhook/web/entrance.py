"""The door to the pages: security headers on every answer, also on those of the framework itself."""

from switchhook.net.asgi import AsgiApp, Receive, Scope, Send
from switchhook.web.hall import Hall
from switchhook.web.headers import page_headers, with_headers
from switchhook.web.pages import make_pages


def make_entrance(hall: Hall) -> AsgiApp:
    """Make the app behind every path that is no peer's."""
    pages = make_pages(hall)
    extra = page_headers(is_tls=hall.is_tls)

    async def entrance(scope: Scope, receive: Receive, send: Send) -> None:
        await pages(scope, receive, with_headers(send, extra))  # type: ignore[arg-type]

    return entrance
