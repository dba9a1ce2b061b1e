"""One role of the connector talks to the other: what is said arrives, and saying it again says the same."""

import itertools

import pytest

from switchhook.connectors.retailcrm import as_crm
from switchhook.connectors.retailcrm.crm.rate import RateLimits
from switchhook.core.call import Disposition
from switchhook.core.edge import Reply, Request
from switchhook.core.outcome import Delivered
from tests.connectors.retailcrm.http import listening
from tests.connectors.retailcrm.hub import ScriptedHub, crm_hub, pbx_hub
from tests.connectors.retailcrm.telling import OUT, answers, deliver, ends, rings, steps_of, way_out

CUSTOM = {"utm_source": "yandex", "utm_medium": "cpc", "utm_campaign": "spring", "ga_client_id": "GA1"}
STORIES = {
    "group answered": steps_of(
        [rings("204", custom=CUSTOM), rings("205")],
        [answers("204"), ends("205", Disposition.CANCELLED)],
        ends("204", Disposition.ANSWERED, talk_seconds=10, recording_url="https://pbx.example/1.mp3"),
    ),
    "missed": steps_of(rings("204"), ends("204", Disposition.MISSED)),
    "abandoned": steps_of(rings("204"), ends("204", Disposition.ABANDONED)),
    "outbound": steps_of(
        rings("204", OUT), answers("204", OUT), ends("204", Disposition.ANSWERED, OUT, talk_seconds=33)
    ),
    "outbound busy": steps_of(rings("204", OUT), ends("204", Disposition.BUSY, OUT)),
    "outbound no answer": steps_of(rings("204", OUT), ends("204", Disposition.NO_ANSWER, OUT)),
}


async def carried(story: str, times: int = 1) -> ScriptedHub:
    """Deliver a story to a hub that plays the account; gives that hub."""
    crm, limits = pbx_hub(), RateLimits(itertools.count().__next__)

    async def answer(request: Request) -> Reply:
        return await as_crm.answer(request, crm.link, crm, limits=limits)

    async with listening(answer) as url, way_out() as http:
        pbx = crm_hub(settings={"url": url}, http=http)
        for _ in range(times):
            outcomes = await deliver(STORIES[story], pbx)
            assert {type(outcome) for outcome in outcomes} == {Delivered}
    return crm


@pytest.mark.parametrize("story", STORIES)
async def test_a_call_arrives_as_it_was(story: str) -> None:
    _, told = STORIES[story][-1]
    crm = await carried(story)

    heard = crm.calls["pbx-8f21"]
    assert heard.direction is told.direction
    assert heard.disposition is told.disposition
    assert (heard.extension, heard.number, heard.did) == (told.extension, "+79261234567", told.did)
    assert (heard.talk_seconds, heard.ring_seconds) == (told.talk_seconds, told.ring_seconds)
    assert (heard.started_at, heard.custom) == (told.started_at, told.custom)
    assert {leg.extension: leg.disposition for leg in heard.legs} == {
        leg.extension: leg.disposition for leg in told.legs
    }


async def test_the_recording_arrives_as_our_permanent_link() -> None:
    crm = await carried("group answered")

    assert [each.url for each in crm.calls["pbx-8f21"].recordings] == ["https://hub.example/r/t0ken"]


@pytest.mark.parametrize("story", STORIES)
async def test_history_said_twice_is_one_call(story: str) -> None:
    crm = await carried(story, times=2)

    assert len(crm.reports) == 1
