"""The numbered decisions of docs/connectors/planfix.md: who may come in, which way, in what clothes."""

from urllib.parse import urlencode

import pytest

from switchhook.connectors.planfix import CONNECTOR
from switchhook.core.edge import Request
from switchhook.core.errors import NotFound, TooLarge
from tests.connectors.planfix.ask import (
    INCOMING,
    PARAMETERS,
    TOKEN,
    ask_crm,
    ask_pbx,
)
from tests.connectors.planfix.calls import CALLER
from tests.connectors.planfix.hub import ScriptedHub
from tests.connectors.planfix.sent import FORM, PBX_KEY, PLANFIX_KEY, post, to_crm, to_pbx


@pytest.mark.parametrize(
    "fields", [{}, {"cmd": "nonsense"}, {"cmd": "event"}, {"cmd": "makeCall", "from": "1"}]
)
@pytest.mark.parametrize("key", [{}, {"planfix_token": "x", "token": "x"}])
async def test_01_the_key_is_judged_before_command_and_fields(
    fields: dict[str, str], key: dict[str, str]
) -> None:
    body = urlencode(fields | key).encode()

    replies = [await ask_crm(post("/tel/api", body)), await ask_pbx(post("/planfix", body))]

    assert [(reply.status, reply.body) for reply in replies] == [(401, TOKEN)] * 2


async def test_01_the_key_is_read_from_the_body_only() -> None:
    body = urlencode(INCOMING).encode()
    request = Request(
        method="POST",
        path="/tel/api",
        query={"planfix_token": PLANFIX_KEY},
        headers={"content-type": FORM, "authorization": f"Bearer {PLANFIX_KEY}"},
        body=body,
    )

    reply = await ask_crm(request)

    assert reply.status == 401


async def test_01_token_is_taken_when_planfix_token_is_absent() -> None:
    by_prose = post("/tel/api", urlencode(INCOMING | {"token": PLANFIX_KEY}).encode())
    both = post("/tel/api", urlencode(INCOMING | {"token": PLANFIX_KEY, "planfix_token": "x"}).encode())

    replies = [await ask_crm(by_prose), await ask_crm(both)]

    assert [reply.status for reply in replies] == [200, 401]


async def test_01_a_wrong_key_beats_bytes_that_cannot_be_text() -> None:
    reply = await ask_crm(post("/tel/api", b"cmd=event&phone=%ff%00&planfix_token=x"))

    assert reply.status == 401


@pytest.mark.parametrize("command", ["", "Event", "history", "makeCall", "setup"])
async def test_02_unknown_and_missing_commands_are_said_to_be_wrong(command: str) -> None:
    reply = await ask_crm(to_crm(cmd=command))

    assert (reply.status, reply.body) == (400, PARAMETERS)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_03_only_post_starts_anything(method: str) -> None:
    hub = ScriptedHub()
    query = urlencode({"cmd": "makeCall", "from": "101", "to": CALLER, "token": PBX_KEY})
    request = Request(method=method, path="/planfix", query={"q": query}, body=query.encode())

    reply = await ask_pbx(request, hub)

    assert (reply.status, reply.headers["Allow"]) == (405, "POST")
    assert hub.dialled == []


async def test_09_unknown_fields_are_kept_and_the_last_of_a_name_wins() -> None:
    hub = ScriptedHub()
    body = urlencode([*INCOMING.items(), ("ext", "102"), ("z-flag", "7"), ("planfix_token", PLANFIX_KEY)])

    await ask_crm(post("/tel/api", body.encode()), hub)

    assert hub.events[0].extension == "102"
    assert hub.events[0].as_sent["z-flag"] == "7"


async def test_09_a_body_over_64_kib_or_200_fields_is_too_large() -> None:
    long = b"planfix_token=" + PLANFIX_KEY.encode() + b"&x=" + b"y" * 65536
    many = b"planfix_token=" + PLANFIX_KEY.encode() + b"&x=1" * 200

    replies = [await ask_crm(post("/tel/api", body)) for body in (long, many)]

    assert [(reply.status, reply.body) for reply in replies] == [(413, PARAMETERS)] * 2
    assert CONNECTOR.sorry(TooLarge("")).status == 413


@pytest.mark.parametrize(
    "content_type",
    [FORM, f"{FORM}; charset=UTF-8", "Application/X-WWW-Form-Urlencoded;charset=utf-8", "", "text/plain"],
)
async def test_10_a_form_is_read_under_any_of_these_names(content_type: str) -> None:
    hub = ScriptedHub()
    body = urlencode({**INCOMING, "planfix_token": PLANFIX_KEY}).encode() + b"\r\n"

    reply = await ask_crm(post("/tel/api", body, content_type), hub)

    assert (reply.status, len(hub.events)) == (200, 1)


async def test_26_plain_http_is_for_granted_private_networks_only() -> None:
    plain = to_pbx(cmd="setup", planfix_token="new-key", planfix_url="http://127.0.0.1:1/tel/api")

    refused = await ask_pbx(plain)
    granted = await ask_pbx(plain, allow_private="true")

    assert (refused.status, granted.status) == (400, 200)


@pytest.mark.parametrize("path", ["/", "/tel", "/tel/ats", "/tel/api/x", "/planfix"])
async def test_27_a_wrong_path_or_account_is_not_found(path: str) -> None:
    reply = await ask_crm(post(path, b"planfix_token=" + PLANFIX_KEY.encode()))

    assert (reply.status, reply.body) == (404, PARAMETERS)
    assert CONNECTOR.sorry(NotFound("no such connection")) == reply
