"""The door to the pages and the API: security headers on every answer, also on the framework's own."""

from switchhook.net.asgi import AsgiApp, Receive, Scope, Send
from switchhook.web.api.app import ROOT, is_api, make_api
from switchhook.web.api.office import Office
from switchhook.web.hall import Hall
from switchhook.web.headers import page_headers, with_headers
from switchhook.web.pages import make_pages

# The framework remembers a thousand paths, and ours are short.
LONGEST_PATH = 1024


def make_entrance(hall: Hall, office: Office) -> AsgiApp:
    """Make the app behind every path that is no peer's."""
    pages, api = make_pages(hall), make_api(office)
    extra = page_headers(is_tls=hall.is_tls)

    async def entrance(scope: Scope, receive: Receive, send: Send) -> None:
        app = api if is_api(scope["path"]) else pages
        if len(scope["path"]) > LONGEST_PATH:
            scope["path"] = f"{ROOT}/-" if app is api else "/-"  # where nothing is
        await app(scope, receive, with_headers(send, extra))  # type: ignore[arg-type]

    return entrance
