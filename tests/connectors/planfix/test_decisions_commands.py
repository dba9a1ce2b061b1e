"""The numbered decisions of docs/connectors/planfix.md: who calls, click to call, setup, answers."""

import asyncio

import pytest

from switchhook.connectors.planfix import CONNECTOR, as_crm, as_pbx, wire
from switchhook.connectors.planfix.deliver import deliver
from switchhook.core.connector import DialOrder, Role
from switchhook.core.directory import Caller
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import Misconfigured, NotFound, PeerDown
from switchhook.core.outcome import Delivered, GiveUp, Locked, Outcome, TryAgain
from tests.connectors.planfix.ask import (
    PARAMETERS,
    ask_crm,
    ask_pbx,
    delivered,
    to_account,
)
from tests.connectors.planfix.calls import CALLER, rang
from tests.connectors.planfix.calls import call as a_call
from tests.connectors.planfix.hub import NoNet, ScriptedHub, link_to, real_net
from tests.connectors.planfix.peer import listening, says
from tests.connectors.planfix.sent import FORM, PBX_KEY, to_crm, to_pbx


async def test_13_a_stranger_is_an_empty_object() -> None:
    nameless = Caller(number="2", name=" \u200b ")
    hub = ScriptedHub(callers={"2": nameless})

    replies = [await ask_crm(to_crm(cmd="contact", phone=phone), hub) for phone in ("1", "2")]

    assert [(reply.status, reply.body, reply.content_type) for reply in replies] == [
        (200, b"{}", "application/json")
    ] * 2


@pytest.mark.parametrize(
    ("extension", "written"),
    [
        ("103", b"103"),
        ("79101234567", b"79101234567"),
        ("0103", b'"0103"'),
        ("0", b'"0"'),
        ("123456789012345", b"123456789012345"),
        ("1234567890123456", b'"1234567890123456"'),
        ("a-1", b'"a-1"'),
    ],
)
async def test_15_the_responsible_is_a_number_unless_that_loses_something(
    extension: str, written: bytes
) -> None:
    hub = ScriptedHub(callers={CALLER: Caller(number=CALLER, name="Romashka LLC", responsible=extension)})

    reply = await ask_crm(to_crm(cmd="contact", phone=CALLER), hub)

    assert reply.body == b'{"contact_name":"Romashka LLC","responsible":' + written + b"}"
    answer = wire.parse_contact_answer(reply.body)
    assert answer is not None
    assert answer.responsible == extension


async def test_15_without_a_responsible_the_member_is_left_out() -> None:
    hub = ScriptedHub(callers={CALLER: Caller(number=CALLER, name="Romashka LLC")})

    reply = await ask_crm(to_crm(cmd="contact", phone=CALLER), hub)

    assert reply.body == b'{"contact_name":"Romashka LLC"}'


@pytest.mark.parametrize(
    "hub",
    [ScriptedHub(hangs=True), ScriptedHub(fails=PeerDown("away")), ScriptedHub(fails=RuntimeError("bug"))],
)
async def test_16_the_caller_is_answered_whatever_happens(hub: ScriptedHub) -> None:
    reply = await ask_crm(to_crm(cmd="contact", phone=CALLER, callid="K-77"), hub)

    assert (reply.status, reply.body) == (200, b"{}")
    assert hub.asked == [(CALLER, "K-77")]


async def test_16_we_ask_who_calls_once_and_not_for_long() -> None:
    async def silent(_: Request) -> Reply:
        await asyncio.sleep(5)
        return Reply()

    async with listening(silent) as peer, real_net() as net:
        link = to_account(peer.url, net)
        with pytest.raises(PeerDown):
            await as_pbx.who_is(CALLER, link)

    assert len(peer.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Delivered),
        (400, GiveUp),
        (401, Locked),
        (404, GiveUp),
        (408, TryAgain),
        (429, TryAgain),
        (500, TryAgain),
        (503, TryAgain),
        (301, GiveUp),
    ],
)
async def test_17_answers_decide_whether_it_is_sent_again(status: int, kind: type[Outcome]) -> None:
    outcome = await delivered(rang("101"), status=status, body='{"error":"Invalid parameters"}')

    assert type(outcome) is kind


async def test_17_a_peer_that_is_away_is_tried_again() -> None:
    link = to_account("https://acme.example.test/tel/api", NoNet())

    outcome = await deliver(rang("101"), a_call(), link, ScriptedHub())

    assert isinstance(outcome, TryAgain)


def test_17_cards_older_than_30_seconds_are_not_opened() -> None:
    assert CONNECTOR.sides[Role.CRM].live_seconds == 30


@pytest.mark.parametrize(
    "to",
    [
        "",
        "7916\r\nAction: Originate",
        "7916;7917",
        "7916,,1",
        "sip:1@x",
        "+7 916",
        "١٢٣",
        "+",
        "1" * 33,
        "7+1",
    ],
)
async def test_21_only_dialable_numbers_reach_the_pbx(to: str) -> None:
    hub = ScriptedHub()

    reply = await ask_pbx(to_pbx(cmd="makeCall", from_="101", to=to), hub)

    assert (reply.status, reply.body) == (400, PARAMETERS)
    assert hub.dialled == []


@pytest.mark.parametrize("extension", ["", "101\r\n", "PJSIP/101", "101&102"])
async def test_21_only_an_extension_may_click(extension: str) -> None:
    reply = await ask_pbx(to_pbx(cmd="makeCall", from_=extension, to=CALLER))

    assert (reply.status, reply.body) == (400, PARAMETERS)


async def test_21_a_click_is_answered_empty_as_soon_as_it_is_taken() -> None:
    hub = ScriptedHub()

    reply = await ask_pbx(to_pbx(cmd="makeCall", from_="102", to="+79165550199"), hub)

    assert (reply.status, reply.body) == (200, b"")
    assert hub.dialled == [("102", "+79165550199")]


async def test_21_an_extension_of_no_pbx_is_a_wrong_parameter() -> None:
    hub = ScriptedHub(fails=NotFound("no PBX has extension 999"))

    reply = await ask_pbx(to_pbx(cmd="makeCall", from_="999", to=CALLER), hub)

    assert (reply.status, reply.body) == (400, PARAMETERS)


async def test_21_a_pbx_that_thinks_is_not_waited_for() -> None:
    reply = await ask_pbx(to_pbx(cmd="makeCall", from_="101", to=CALLER), ScriptedHub(hangs=True))

    assert (reply.status, reply.body) == (200, b"")


SETUP = {"cmd": "setup", "planfix_token": "new-key", "planfix_url": "https://acme.example.test/tel/api"}


async def test_22_setup_is_stored_and_may_be_repeated() -> None:
    hub = ScriptedHub()
    first = await ask_pbx(to_pbx(**SETUP), hub)
    stored = hub.link
    assert stored is not None
    again = await as_pbx.serve(to_pbx(**SETUP), stored, hub)

    assert [(reply.status, reply.body) for reply in (first, again)] == [(200, b"")] * 2
    assert stored.settings["planfix_url"] == "https://acme.example.test/tel/api"
    assert stored.settings["planfix_token"] == "new-key"
    assert len(hub.paired) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"planfix_token": ""},
        {"planfix_url": ""},
        {"planfix_url": "acme"},
        {"planfix_url": "ftp://a/b"},
        {"planfix_url": "https://[b/"},
    ],
)
async def test_22_setup_without_a_key_or_an_address_is_refused(wrong: dict[str, str]) -> None:
    hub = ScriptedHub()

    reply = await ask_pbx(to_pbx(**SETUP | wrong), hub)

    assert (reply.status, reply.body) == (400, PARAMETERS)
    assert hub.paired == []


async def test_22_the_key_is_verified_by_ping_after_the_answer() -> None:
    async with listening(says(body="{}")) as peer, real_net() as net:
        hub = ScriptedHub(link=to_account("", net, {"planfix_token": "", "allow_private": "true"}))
        assert hub.link is not None
        await as_pbx.serve(to_pbx(**SETUP | {"planfix_url": peer.url}), hub.link, hub)
        asked_before_the_answer = list(peer.bodies)
        await as_pbx.pair(hub.link, hub)

    assert asked_before_the_answer == []
    assert peer.bodies == ["cmd=ping&planfix_token=new-key"]
    assert hub.link.state["is_fresh"] is False


async def test_22_an_address_that_the_hub_cannot_use_is_refused() -> None:
    hub = ScriptedHub(fails=Misconfigured("expected a URL without a user name", field="planfix_url"))

    reply = await ask_pbx(to_pbx(**SETUP | {"planfix_url": "https://a:b@acme.example.test/"}), hub)

    assert (reply.status, reply.body) == (400, PARAMETERS)


async def test_22_a_changed_host_is_kept_to_be_shown() -> None:
    hub = ScriptedHub()

    await ask_pbx(to_pbx(**SETUP), hub, planfix_url="https://old.example.test/tel/api", planfix_token="k")

    assert hub.paired[0]["host_before_setup"] == "old.example.test"


async def test_22_the_administrator_may_shut_setup() -> None:
    hub = ScriptedHub()

    reply = await ask_pbx(to_pbx(**SETUP), hub, accept_setup="false")

    assert (reply.status, hub.paired) == (400, [])


async def test_25_too_many_requests_is_a_retry_at_the_time_asked_for() -> None:
    outcome = await delivered(rang("101"), status=429, retry_after="7")

    assert isinstance(outcome, TryAgain)
    assert outcome.retry_after_seconds == 7


async def test_28_names_are_utf_8_and_not_escapes() -> None:
    hub = ScriptedHub(callers={CALLER: Caller(number=CALLER, name="ООО «Ромашка»")})

    reply = await ask_crm(to_crm(cmd="contact", phone=CALLER), hub)

    assert reply.body == '{"contact_name":"ООО «Ромашка»"}'.encode()


async def test_28_makecall_goes_out_as_international_digits_in_a_plain_form() -> None:
    async with listening(says()) as peer, real_net() as net:
        link = link_to(Role.PBX, {"pbx_url": peer.url, "pbx_token": PBX_KEY}, http=net)
        await as_crm.dial(DialOrder(id="d1", extension="102", number="+79165550199"), link, ScriptedHub())

    assert peer.bodies == [f"cmd=makeCall&from=102&to=79165550199&token={PBX_KEY}"]
    assert peer.requests[0].headers["content-type"] == FORM
