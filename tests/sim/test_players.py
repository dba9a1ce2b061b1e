"""A played PBX and a played CRM of each protocol understand each other."""

import asyncio

import pytest

from switchhook.core.call import CallEvent, CallReport, ChangeKind, Disposition
from switchhook.core.errors import HubError
from switchhook.core.outcome import Delivered, Locked
from switchhook.sim.scenarios import SCENARIOS
from switchhook.sim.trouble import MOODS, Mood
from switchhook.sim.wires import SLOPPY
from tests.sim.stage import Pair, straight

KINDS = ("planfix", "retailcrm")
both = pytest.mark.parametrize("kind", KINDS)
# Real time: only a broken test waits so long.
PATIENCE_SECONDS = 20.0


async def final(pair: Pair, call_id: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not pair.crm.changes_of(call_id, ChangeKind.CALL_FINAL):  # noqa: ASYNC110 - told by the clock
            await asyncio.sleep(0.02)


@both
async def test_a_call_is_told_and_heard(kind: str) -> None:
    async with straight(kind) as pair:
        played = await pair.pbx.play(SCENARIOS["ring_group"])
        await final(pair, played.call.call_id)
        heard = pair.crm.hub.ledger.calls[played.call.call_id]

    assert played.failures == []
    assert (heard.disposition, heard.extension) == (Disposition.ANSWERED, played.call.extension)
    assert heard.talk_seconds == played.call.talk_seconds


@both
@pytest.mark.parametrize("scenario", ["recording_at_once", "recording_late"])
async def test_a_recording_is_fetched_from_the_played_pbx(kind: str, scenario: str) -> None:
    async with straight(kind) as pair:
        played = await pair.pbx.play(SCENARIOS[scenario])
        await final(pair, played.call.call_id)
        (fetched,) = pair.crm.recordings[played.call.call_id]
        kept = pair.pbx.recording_of(played.call)

    assert fetched.body == kept
    assert not pair.pbx.has_unfetched


@both
async def test_a_known_caller_has_a_name_and_reaches_the_responsible(kind: str) -> None:
    async with straight(kind) as pair:
        contact = pair.crm.people.known[0]
        cast = pair.pbx.cast(number=contact.phones[0])
        played = await pair.pbx.play(SCENARIOS["answered"], cast)

    assert played.answer is not None
    assert (played.answer.name, played.answer.responsible) == (contact.name, contact.responsible)
    assert played.call.extension == contact.responsible


@both
async def test_a_click_in_the_crm_becomes_a_call_of_the_pbx(kind: str) -> None:
    async with straight(kind) as pair:
        await pair.crm.click("103", "+79165550150")
        async with asyncio.timeout(PATIENCE_SECONDS):
            played = await pair.pbx.next_click()

    assert pair.pbx.orders[0][0] == "103"
    assert (played.call.direction, played.call.extension) == ("outbound", "103")
    assert played.failures == []


@both
async def test_a_click_for_an_extension_that_is_not_there_is_refused(kind: str) -> None:
    async with straight(kind) as pair:
        with pytest.raises(HubError):
            await pair.crm.click("999", "+79165550150")

    assert pair.pbx.orders == []


@both
async def test_what_a_failing_crm_did_not_take_is_told_again(kind: str) -> None:
    async with straight(kind, mood=Mood(text="", fails=0.3), attempts=6) as pair:
        played = await pair.pbx.play(SCENARIOS["outbound_answered"])

    assert played.failures == []
    assert "500, not taken" in pair.crm.trouble.played


@both
async def test_a_crm_that_refuses_the_key_is_reported(kind: str) -> None:
    async with straight(kind, mood=MOODS["locked"]) as pair:
        played = await pair.pbx.play(SCENARIOS["outbound_busy"])

    assert {type(one.outcome) for one in played.sent} == {Locked}
    assert len(played.failures) == len(played.sent)


@both
async def test_a_sloppy_pbx_is_understood(kind: str) -> None:
    async with straight(kind, faults=SLOPPY) as pair:
        played = [await pair.pbx.play(SCENARIOS["missed"]) for _ in range(3)]
        for one in played:
            await final(pair, one.call.call_id)
        heard = [pair.crm.hub.ledger.calls[one.call.call_id] for one in played]

    assert [call.disposition for call in heard] == [Disposition.MISSED] * 3
    assert len(pair.crm.hub.ledger.news) > sum(len(one.sent) for one in played) - 1
    assert any(isinstance(news, CallEvent) for news in pair.crm.hub.ledger.news)


async def test_a_pbx_that_uploads_periodically_tells_several_calls_at_once() -> None:
    given = {"upload": "periodic", "upload_every_seconds": "1"}
    async with straight("retailcrm", given=given) as pair:
        played = await asyncio.gather(*(pair.pbx.play(SCENARIOS["outbound_busy"]) for _ in range(3)))
        uploads = [one.outcome for call in played for one in call.sent if one.change.kind == "call.final"]
        reports = [news for news in pair.crm.hub.ledger.news if isinstance(news, CallReport)]

    assert len(reports) == 3
    assert {outcome.answer for outcome in uploads if isinstance(outcome, Delivered)} == {
        b'{"success":true,"processedCallsCount":3}'
    }
