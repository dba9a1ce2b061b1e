"""A played PBX and a played CRM of the VoIPcloud family: events one way, histories and clicks the other."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from switchhook.core.call import Call, ChangeKind, Direction, Disposition
from switchhook.core.directory import GroupKind
from switchhook.core.errors import HubError, Misconfigured
from switchhook.core.numeric_id import numeric_id
from switchhook.core.outcome import Locked
from switchhook.net.http import HttpClient
from switchhook.sim.clock import FastClock
from switchhook.sim.crm import PlayedCrm
from switchhook.sim.pbx import Played, PlayedPbx
from switchhook.sim.play import play
from switchhook.sim.scenarios import PLAIN, SCENARIOS, Cast, Scenario
from switchhook.sim.settings import part_of
from switchhook.sim.trouble import MOODS, Mood, Trouble
from switchhook.sim.wires import CLEAN, SLOPPY, Faults, as_clouds_write
from tests.servers.ports import free_port
from tests.sim.stage import SPEED, Pair

KEY, SECRET = "k" * 48, "s" * 32
# Real time: only a broken test waits so long.
PATIENCE_SECONDS = 20.0


ANSWERED = {Disposition.ANSWERED}
# This family tells no reasons; of a group it says "abandoned".
UNANSWERED = {
    Direction.INBOUND: {Disposition.MISSED, Disposition.ABANDONED},
    Direction.OUTBOUND: {Disposition.NO_ANSWER},
}


@asynccontextmanager
async def cloud(
    *,
    key: str = KEY,
    mood: Mood = MOODS["steady"],
    faults: Faults = CLEAN,
    attempts: int = 1,
    seed: int = 1,
) -> AsyncIterator[Pair]:
    clock, port = FastClock(SPEED), free_port()
    async with HttpClient() as client:
        http = client.granted(allow_private=True)
        given = {"token": key, "webhook_token": SECRET}
        part = part_of("crm", "voipcloud", url=f"http://127.0.0.1:{port}", given=given)
        async with PlayedCrm(part, http, clock=clock, trouble=Trouble(mood=mood)) as crm:
            events = crm.hub.link.urls["webhooks"]
            given = {"token": SECRET, "api_key": KEY}
            part = part_of("pbx", "voipcloud", url=events, given=given)
            async with PlayedPbx(
                part, http, clock=clock, port=port, attempts=attempts, faults=faults, seed=seed
            ) as pbx:
                yield Pair(pbx, crm)


async def heard(pair: Pair, played: Played) -> Call:
    """Give the call as the CRM has it once its record is complete."""
    call_id = numeric_id(played.call)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not pair.crm.changes_of(call_id, ChangeKind.CALL_FINAL):  # noqa: ASYNC110 - told by the clock
            await asyncio.sleep(0.02)
    return pair.crm.hub.ledger.calls[call_id]


Day = Mapping[str, tuple[Played, Call]]


@pytest.fixture(scope="module")
def day() -> Day:
    """Every scenario at once: as it was played, and as it was heard."""

    async def play_all() -> Day:
        async with cloud() as pair:

            async def one(scenario: Scenario, cast: Cast) -> tuple[str, tuple[Played, Call]]:
                played = await pair.pbx.play(scenario, cast)
                return scenario.name, (played, await heard(pair, played))

            casts = [pair.pbx.cast() for _ in PLAIN]
            return dict(await asyncio.gather(*map(one, PLAIN, casts)))

    return asyncio.run(play_all())


@pytest.mark.parametrize("scenario", [scenario.name for scenario in PLAIN])
def test_what_is_played_is_what_is_heard(day: Day, scenario: str) -> None:
    played, call = day[scenario]

    is_answered = played.call.disposition is Disposition.ANSWERED
    assert played.failures == []
    assert call.disposition in (ANSWERED if is_answered else UNANSWERED[call.direction])
    assert (call.direction, call.talk_seconds) == (played.call.direction, played.call.talk_seconds)
    assert (call.number, call.did) == (played.call.number, played.call.did)
    assert set(call.rung) == set(played.call.rung)


async def test_the_group_of_a_line_comes_with_its_calls() -> None:
    async with cloud() as pair:
        call = await heard(pair, await pair.pbx.play(SCENARIOS["ring_group"]))

    assert (call.group, call.group_kind) == ("Sales", GroupKind.RING)
    assert call.extension == pair.pbx.hub.ledger.finished[0].extension


async def test_a_recording_is_fetched_over_the_link_of_its_event() -> None:
    async with cloud() as pair:
        played = await pair.pbx.play(SCENARIOS["recording_late"])
        await heard(pair, played)
        (fetched,) = pair.crm.recordings[numeric_id(played.call)]

        assert fetched.body == pair.pbx.recording_of(played.call)


async def test_a_click_names_the_call_that_it_becomes() -> None:
    async with cloud() as pair:
        await pair.crm.click("103", "+79165550150")
        noted = list(pair.crm.hub.ledger.calls)
        async with asyncio.timeout(PATIENCE_SECONDS):
            played = await pair.pbx.next_click()

    assert pair.pbx.orders == [("103", "+79165550150")]
    assert noted == [numeric_id(played.call)]
    assert (played.call.direction, played.call.extension) == ("outbound", "103")


async def test_a_click_for_a_user_that_is_not_there_is_refused() -> None:
    async with cloud() as pair:
        with pytest.raises(HubError, match="user"):
            await pair.crm.click("999", "+79165550150")

    assert pair.pbx.orders == []


async def test_a_crm_that_was_away_reads_the_history() -> None:
    """Every event is lost; what the history tells is the same call."""
    async with cloud(mood=Mood(text="", fails=1.0)) as pair:
        played = await pair.pbx.play(SCENARIOS["transfer"])
        assert not pair.crm.hub.ledger.calls
        seconds = await pair.crm.poll()
        call = await heard(pair, played)

    assert seconds is not None
    assert seconds > 0
    assert call.disposition is Disposition.ANSWERED
    assert set(call.rung) == set(played.call.rung)
    assert call.talk_seconds == played.call.talk_seconds


async def test_a_history_read_after_the_events_says_nothing_new() -> None:
    async with cloud() as pair:
        played = await pair.pbx.play(SCENARIOS["ring_group"])
        before = await heard(pair, played)
        await pair.crm.poll()
        after = pair.crm.hub.ledger.calls[numeric_id(played.call)]

    assert len(pair.crm.hub.ledger.calls) == 1
    assert (after.disposition, after.extension) == (before.disposition, before.extension)
    assert after.talk_seconds == before.talk_seconds
    assert not pair.crm.changes_of(numeric_id(played.call), ChangeKind.CORRECTED)


async def test_a_wrong_key_of_the_api_is_refused() -> None:
    async with cloud(key="x" * 48) as pair:
        with pytest.raises(Misconfigured):
            await pair.crm.poll()


async def test_a_wrong_secret_is_refused_and_reported() -> None:
    async with cloud(mood=MOODS["locked"]) as pair:
        played = await pair.pbx.play(SCENARIOS["outbound_busy"])

    assert {type(one.outcome) for one in played.sent} == {Locked}


async def test_what_a_failing_crm_did_not_take_is_told_again() -> None:
    async with cloud(mood=Mood(text="", fails=0.3), attempts=6) as pair:
        played = await pair.pbx.play(SCENARIOS["answered"])

    assert played.failures == []
    assert "500, not taken" in pair.crm.trouble.played


async def test_a_sloppy_pbx_is_understood() -> None:
    async with cloud(faults=SLOPPY) as pair:
        played = [await pair.pbx.play(SCENARIOS[name]) for name in ("answered", "missed", "ring_group")]
        calls = [await heard(pair, one) for one in played]

    assert [call.disposition == "answered" for call in calls] == [True, False, True]
    assert [call.talk_seconds for call in calls] == [one.call.talk_seconds for one in played]


async def test_the_same_seed_plays_the_same_events() -> None:
    told = []
    for _ in range(2):
        async with cloud(seed=7) as pair:
            played = await pair.pbx.play(SCENARIOS["mixed"])
            await heard(pair, played)
        told.append([(one.change.kind, one.change.extension) for one in played.sent])

    assert told[0] == told[1]


def test_events_are_spoiled_the_way_they_were_seen() -> None:
    event = {"unique_call_id": "1", "connected_at": None, "conversation_duration": 0, "call_duration": 7}

    spoiled = json.loads(as_clouds_write(json.dumps(event).encode()))

    assert spoiled == {**event, "connected_at": "null", "conversation_duration": "0"}
    assert as_clouds_write(b"[]") == b"[]"


async def test_the_command_plays_both_and_says_where_its_api_is(capsys: pytest.CaptureFixture[str]) -> None:
    pbx_port, crm_port = free_port(), free_port()
    api = f"http://127.0.0.1:{pbx_port}"
    crm = asyncio.create_task(
        play(
            "crm",
            "voipcloud",
            url=api,
            settings={"token": KEY, "webhook_token": SECRET},
            calls=2,
            speed=40,
            listen=f"127.0.0.1:{crm_port}",
        )
    )
    await play(
        "pbx",
        "voipcloud",
        url=f"http://127.0.0.1:{crm_port}/webhooks",
        settings={"token": SECRET, "api_key": KEY},
        scenario="answered",
        calls=2,
        rate=2,
        speed=40,
        listen=f"127.0.0.1:{pbx_port}",
    )
    await crm
    said = capsys.readouterr().out

    assert f"  API: {api}/api/integration/v2\n" in said
    assert "2 calls played" in said
    assert "2 calls heard" in said
    assert KEY not in said
