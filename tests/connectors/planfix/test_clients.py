"""Orders and questions that go out, against a peer on loopback."""

from collections.abc import Mapping

import pytest

from switchhook.connectors.planfix import as_crm, as_pbx
from switchhook.connectors.planfix.deliver import deliver
from switchhook.core.call import Disposition
from switchhook.core.connector import DialOrder, HttpPort, Link, Role
from switchhook.core.directory import Caller, CallerAnswer
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import BadMessage, HubError, Misconfigured, PeerDown
from switchhook.core.outcome import Delivered
from tests.connectors.planfix.ask import to_account
from tests.connectors.planfix.calls import CALLER, answered, call, ended, rang
from tests.connectors.planfix.hub import PUBLIC_URL, ScriptedHub, link_to, real_net
from tests.connectors.planfix.peer import listening, says
from tests.connectors.planfix.sent import PBX_KEY, PLANFIX_KEY

ORDER = DialOrder(id="d1", extension="102", number="+79165550199")


def to_pbx_at(url: str, net: HttpPort, state: Mapping[str, str] | None = None) -> Link:
    return link_to(Role.PBX, {"pbx_url": url, "pbx_token": PBX_KEY}, http=net, state=state)


async def test_a_query_string_in_the_address_of_a_pbx_stays() -> None:
    async with listening(says(body="{}")) as peer, real_net() as net:
        await as_crm.dial(
            ORDER, to_pbx_at(peer.url + "/integration?json=run&login=a%40b", net), ScriptedHub()
        )

    assert peer.requests[0].query == {"json": "run", "login": "a@b"}


async def test_an_extension_that_is_no_number_of_the_world_is_dialled_as_it_is() -> None:
    order = DialOrder(id="d1", extension="102", number="*98#1")
    async with listening(says()) as peer, real_net() as net:
        await as_crm.dial(order, to_pbx_at(peer.url, net), ScriptedHub())

    assert peer.bodies == [f"cmd=makeCall&from=102&to=%2A98%231&token={PBX_KEY}"]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, '{"error":"Invalid parameters"}', BadMessage),
        (401, "", Misconfigured),
        (404, "<html>", Misconfigured),
        (302, "", Misconfigured),
        (429, "", PeerDown),
        (500, "Fatal error", PeerDown),
    ],
)
async def test_a_pbx_that_does_not_dial_is_told_apart_by_who_must_act(
    status: int, body: str, error: type[HubError]
) -> None:
    async with listening(says(status, body)) as peer, real_net() as net:
        with pytest.raises(error):
            await as_crm.dial(ORDER, to_pbx_at(peer.url, net), ScriptedHub())

    assert len(peer.requests) == 1


async def test_without_an_address_nobody_is_asked_to_dial() -> None:
    with pytest.raises(Misconfigured) as caught:
        await as_crm.dial(ORDER, link_to(Role.PBX), ScriptedHub())

    assert caught.value.field == "pbx_url"


async def test_a_pbx_hears_of_us_once_its_address_and_key_are_known() -> None:
    async with listening(says()) as peer, real_net() as net:
        hub = ScriptedHub(link=to_pbx_at(peer.url, net))
        await as_crm.pair(link_to(Role.PBX, http=net), hub)
        for _ in range(2):
            assert hub.link is not None
            await as_crm.pair(hub.link, hub)

    url = f"{PUBLIC_URL}/x/k1/tel/api".replace(":", "%3A").replace("/", "%2F")
    assert peer.bodies == [f"cmd=setup&planfix_token={PLANFIX_KEY}&planfix_url={url}&token={PBX_KEY}"]
    assert PBX_KEY not in str(hub.paired)
    assert PLANFIX_KEY not in str(hub.paired)


async def test_a_pbx_that_does_not_know_setup_is_left_to_its_administrator() -> None:
    async with listening(says(400, '{"error":"Invalid parameters"}')) as peer, real_net() as net:
        hub = ScriptedHub(link=to_pbx_at(peer.url, net))
        assert hub.link is not None
        await as_crm.pair(hub.link, hub)
        findings = await as_crm.probe(hub.link, hub)

    assert hub.paired[0]["setup_said"] == "Invalid parameters"
    assert all(finding.is_ok for finding in findings)
    assert "by hand" in findings[-1].detail


@pytest.mark.parametrize(("status", "error"), [(401, Misconfigured), (500, PeerDown)])
async def test_setup_is_tried_again_when_it_may_work_later(status: int, error: type[HubError]) -> None:
    async with listening(says(status)) as peer, real_net() as net:
        hub = ScriptedHub(link=to_pbx_at(peer.url, net))
        assert hub.link is not None
        with pytest.raises(error):
            await as_crm.pair(hub.link, hub)

    assert hub.paired == []


@pytest.mark.parametrize(("status", "failing"), [(200, None), (401, "PBX key"), (404, "PBX address")])
async def test_a_probe_of_a_pbx_names_what_is_wrong(status: int, failing: str | None) -> None:
    async with listening(says(status)) as peer, real_net() as net:
        findings = await as_crm.probe(to_pbx_at(peer.url, net), ScriptedHub())

    assert next((finding.what for finding in findings if not finding.is_ok), None) == failing


def test_the_extensions_of_a_pbx_are_what_its_administrator_says() -> None:
    link = link_to(Role.PBX, {"extensions": "101, 102,0103"})

    assert as_crm.extensions(link) == ("101", "102", "0103")
    assert as_crm.extensions(link_to(Role.PBX)) == ()


async def test_asks_an_account_who_calls() -> None:
    async with (
        listening(says(body='{"contact_name":"Romashka LLC","responsible":102}')) as peer,
        real_net() as net,
    ):
        answer = await as_pbx.who_is("8 (916) 555-01-42", to_account(peer.url, net))

    assert peer.bodies == [f"cmd=contact&phone=79165550142&planfix_token={PLANFIX_KEY}"]
    assert answer == CallerAnswer(name="Romashka LLC", responsible="102")


@pytest.mark.parametrize(("status", "body"), [(400, ""), (401, ""), (500, ""), (200, "<html>")])
async def test_an_account_that_cannot_say_who_calls_is_down(status: int, body: str) -> None:
    async with listening(says(status, body)) as peer, real_net() as net:
        with pytest.raises(PeerDown):
            await as_pbx.who_is(CALLER, to_account(peer.url, net))


@pytest.mark.parametrize("number", ["anonymous", ""])
async def test_nobody_is_asked_about_a_withheld_number(number: str) -> None:
    async with listening(says(500)) as peer, real_net() as net:
        answer = await as_pbx.who_is(number, to_account(peer.url, net))

    assert (answer, peer.requests) == (None, [])


@pytest.mark.parametrize(
    ("status", "body", "failing"),
    [
        (200, f'{{"pbxToken":"{PBX_KEY}","pbxUrl":"{PUBLIC_URL}/x/k1/planfix"}}', []),
        (
            200,
            '{ pbxToken: "old", pbxUrl: "https://old.example.test" }',
            ["PBX address in Planfix", "PBX key in Planfix"],
        ),
        (200, "<html>", ["Planfix address and key"]),
        (401, '{"error":"Invalid token"}', ["Planfix address and key"]),
        (502, "", ["Planfix address and key"]),
    ],
)
async def test_a_probe_of_an_account_names_what_is_wrong(status: int, body: str, failing: list[str]) -> None:
    async with listening(says(status, body)) as peer, real_net() as net:
        findings = await as_pbx.probe(to_account(peer.url, net), ScriptedHub())

    assert [finding.what for finding in findings if not finding.is_ok] == failing
    assert not any(PBX_KEY in finding.detail for finding in findings)


async def test_ping_gives_what_the_account_has_stored() -> None:
    async with real_net() as net:
        pbx = to_pbx_at("https://pbx.example.test/planfix", net)

        async def play_planfix(request: Request) -> Reply:
            return await as_crm.serve(request, pbx, ScriptedHub())

        async with listening(play_planfix) as peer:
            findings = await as_pbx.probe(to_account(peer.url + "/tel/api", net), ScriptedHub())

    assert findings[1].detail == "Planfix has https://pbx.example.test/planfix"


async def test_both_sides_understand_each_other() -> None:
    planfix = ScriptedHub(callers={CALLER: Caller(number=CALLER, name="ООО «Ромашка»", responsible="102")})

    async def play_planfix(request: Request) -> Reply:
        return await as_crm.serve(request, link_to(Role.PBX), planfix)

    async with listening(play_planfix) as peer, real_net() as net:
        link = to_account(peer.url + "/tel/api", net)
        who = await as_pbx.who_is("+" + CALLER, link)
        outcomes = [
            await deliver(change, call(), link, ScriptedHub())
            for change in (rang("102"), answered("102"), ended("102", Disposition.ANSWERED, 61))
        ]

    assert who == CallerAnswer(name="ООО «Ромашка»", responsible="102")
    assert [type(outcome) for outcome in outcomes] == [Delivered] * 3
    assert [(e.happening.value, e.extension, e.talk_seconds) for e in planfix.events] == [
        ("ringing", "102", None),
        ("answered", "102", None),
        ("ended", "102", 61),
    ]
