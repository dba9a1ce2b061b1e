"""The pages and what they ask for: entrance, live calls, history, one call's details."""

from datetime import UTC, datetime
from typing import Any

from litestar import Litestar, MediaType, Request, Response, get, post
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.response import Redirect, Stream

from switchhook.core.errors import HubError, NotFound, StoreDown
from switchhook.flow.rates import source_of
from switchhook.store.logins import use_link
from switchhook.web import board, sessions
from switchhook.web.hall import Hall
from switchhook.web.render import render, static_files, utc_now
from switchhook.web.stream import Press, stream
from switchhook.web.words import LANGUAGES, choose_language

Asked = Request[sessions.Ticket, None, State]
# What guards and pages see: anybody may ask for those.
Connected = ASGIConnection[Any, Any, Any, Any]
AnyRequest = Request[Any, Any, Any]

LANGUAGE_COOKIE = "switchhook_language"
FOREVER = "public, max-age=31536000, immutable"
NEVER_STORED = {"cache-control": "no-store"}


class LockedOut(Exception):
    """Nobody is signed in: a page that tells how to get in."""


class NotOurs(Exception):
    """The request was made by a page of somebody else."""


def hall_of(request: Connected) -> Hall:
    hall: Hall = request.app.state.hall
    return hall


def language_of(request: Connected) -> str:
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    return choose_language(chosen, request.headers.get("accept-language", ""))


def page(request: Connected, template: str, *, status: int = 200, **values: object) -> Response[str]:
    """Write a page or a piece of one, in the reader's language, never to be kept by caches."""
    language = language_of(request)
    return Response(
        render(template, language, utc_now(), **values),
        status_code=status,
        media_type=MediaType.HTML,
        headers={**NEVER_STORED, "content-language": language},
    )


def is_signed_in(request: Connected, _: BaseRouteHandler) -> None:
    """Guard: whoever has no valid cookie is shown the way in."""
    hall = hall_of(request)
    cookie = request.cookies.get(sessions.cookie_name(is_tls=hall.is_tls), "")
    ticket = hall.signer.read_session(cookie, utc_now())
    if ticket is None:
        raise LockedOut
    request.scope["user"] = ticket


def is_from_us(request: Connected, _: BaseRouteHandler) -> None:
    """Guard: other people's pages may not make a browser do this."""
    hall = hall_of(request)
    if not sessions.is_own_origin(request.headers, hall.public_url):
        raise NotOurs


@get("/", guards=[is_signed_in])
async def calls(request: Asked) -> Response[str]:
    hall, account_id = hall_of(request), request.user.account_id
    cards = await board.read_cards(hall, account_id)
    rows, older = await board.read_rows(hall, account_id)
    return page(request, "calls.html", cards=cards, rows=rows, older=older, is_first=True)


@get("/history", guards=[is_signed_in])
async def history(request: Asked) -> Response[str]:
    rows, older = await board.read_rows(
        hall_of(request), request.user.account_id, before=request.query_params.get("before", "")
    )
    return page(request, "_rows.html", rows=rows, older=older, is_first=False)


@get("/calls/{call_id:str}", guards=[is_signed_in])
async def details(request: Asked) -> Response[str]:
    try:
        shown = await board.read_details(
            hall_of(request), request.user.account_id, request.path_params["call_id"]
        )
    except NotFound:
        shown = None
    return page(request, "_details.html", call=shown)


@get("/live", guards=[is_signed_in, is_from_us])
async def live(request: Asked) -> Stream:
    # Whoever connects anew says when its page was made.
    last: str = request.headers.get("last-event-id") or request.query_params.get("since") or ""
    return Stream(
        stream(hall_of(request), request.app.state.press, request.user, language_of(request), since=last),
        media_type="text/event-stream",
        # Proxies in the manner of nginx gather answers unless they are told not to.
        headers={**NEVER_STORED, "x-accel-buffering": "no"},
    )


@get("/login/{token:str}")
async def login(request: Asked) -> Response[str]:
    hall = hall_of(request)
    source = source_of(hall.proxies.client(dict(request.scope)))
    if hall.wrong_links.is_over(source):
        return page(request, "notice.html", status=429, text="too_many")
    now = utc_now()
    ticket = hall.signer.read_link(request.path_params["token"], now)
    if ticket is None or not await hall.store.write(
        use_link, ticket.nonce, expires_at=datetime.fromtimestamp(ticket.expires, UTC), now=now
    ):
        hall.wrong_links.note(source)
        return page(request, "notice.html", status=401, text="link_used")
    cookie = sessions.set_cookie(
        sessions.cookie_name(is_tls=hall.is_tls),
        hall.signer.session(ticket.account_id, now),
        is_tls=hall.is_tls,
        lasts=sessions.SESSION_LASTS,
    )
    return Response("", status_code=303, headers={**NEVER_STORED, "location": "/", "set-cookie": cookie})


@post("/logout", guards=[is_from_us], status_code=303)
async def logout(request: AnyRequest) -> Response[str]:
    hall = hall_of(request)
    name = sessions.cookie_name(is_tls=hall.is_tls)
    gone = sessions.set_cookie(name, "", is_tls=hall.is_tls, lasts=sessions.NO_TIME)
    return Response("", status_code=303, headers={**NEVER_STORED, "location": "/", "set-cookie": gone})


@post("/language", guards=[is_from_us], status_code=303)
async def language(request: Asked) -> Redirect:
    form = await request.form()
    chosen = str(form.get("to", ""))
    reply = Redirect("/", status_code=303)
    if chosen in LANGUAGES:
        reply.set_cookie(
            LANGUAGE_COOKIE,
            chosen,
            max_age=31_536_000,
            samesite="lax",
            httponly=True,
            secure=hall_of(request).is_tls,
        )
    return reply


@get("/static/{path:path}")
async def static(request: AnyRequest) -> Response[bytes]:
    found = static_files().get(str(request.path_params["path"]).lstrip("/"))
    if found is None:
        raise NotFound("no such file")
    content, kind, version = found
    return Response(content, headers={"content-type": kind, "cache-control": FOREVER, "etag": f'"{version}"'})


def not_signed_in(request: AnyRequest, _: Exception) -> Response[str]:
    return page(request, "notice.html", status=401, text="locked_out")


def not_ours(request: AnyRequest, _: Exception) -> Response[str]:
    return page(request, "notice.html", status=403, text="not_found")


def refused(request: AnyRequest, error: HubError) -> Response[str]:
    text, status = ("store_down", 503) if isinstance(error, StoreDown) else ("not_found", 404)
    return page(request, "notice.html", status=status, text=text)


def http_error(request: AnyRequest, error: HTTPException) -> Response[str]:
    return page(request, "notice.html", status=error.status_code, text="not_found")


def went_wrong(request: AnyRequest, error: Exception) -> Response[str]:
    board.log.error("page failed", path=request.scope["path"], exc_info=error)
    return page(request, "notice.html", status=500, text="went_wrong")


def make_pages(hall: Hall) -> Litestar:
    """Make the app behind every path that is no peer's."""
    return Litestar(
        [calls, history, details, live, login, logout, language, static],
        exception_handlers={
            LockedOut: not_signed_in,
            NotOurs: not_ours,
            HubError: refused,
            HTTPException: http_error,
            Exception: went_wrong,
        },
        state=State({"hall": hall, "press": Press(hall)}),
        request_max_body_size=64 * 1024,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
