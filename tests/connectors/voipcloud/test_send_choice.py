"""What a CRM is told of at all, and what not and why."""

import pytest
from msgspec.structs import replace

from switchhook.connectors.voipcloud.pbx.sending import deliver, hears, merge
from switchhook.core.call import Call, Change, ChangeKind, Direction
from switchhook.core.outcome import NotSent, Outcome
from tests.connectors.voipcloud.office import (
    ANSWERED,
    FINAL,
    MISSED,
    OUTBOUND,
    at,
    hub,
    link,
    rang,
    recorded,
)


async def not_told(change: Change, one: Call, **settings: str) -> Outcome:
    to = link({"url": "https://crm.example.org/events", **settings})
    return await deliver(change, one, to, hub(to), at=at("01:16:00"))


@pytest.mark.parametrize(
    ("change", "one", "settings", "reason"),
    [
        (rang("2041"), replace(ANSWERED, direction=Direction.UNKNOWN), {}, "came in or went out"),
        (rang(""), ANSWERED, {}, "reached no user"),
        (FINAL, MISSED, {}, "no queue or ring group"),
        (FINAL, replace(OUTBOUND, group="Sales"), {}, "no queue or ring group"),
        (rang("2041"), ANSWERED, {"events": "queue_call"}, "user_inbound is not among the events"),
        (recorded(), MISSED, {"events": "recording_inbound"}, "voicemail is not among the events"),
    ],
)
async def test_what_is_not_told_says_why(
    change: Change, one: Call, settings: dict[str, str], reason: str
) -> None:
    outcome = await not_told(change, one, **settings)

    assert isinstance(outcome, NotSent)
    assert reason in outcome.reason


@pytest.mark.parametrize(
    ("kind", "is_heard"),
    [
        (ChangeKind.LEG_RINGING, True),
        (ChangeKind.LEG_ANSWERED, True),
        (ChangeKind.LEG_ENDED, True),
        (ChangeKind.RECORDING_READY, True),
        (ChangeKind.CALL_FINAL, True),
        (ChangeKind.CALL_ENDED, False),
        (ChangeKind.RECORDING_HEARD, False),
        (ChangeKind.CORRECTED, False),
    ],
)
def test_hears_what_it_has_words_for(kind: ChangeKind, is_heard: bool) -> None:
    assert hears(Change(kind=kind, at=at("01:00:00"), was_said=True)) is is_heard


def test_the_record_of_a_call_that_no_group_can_have_had_is_not_queued() -> None:
    assert merge([rang("2041"), FINAL], OUTBOUND) == [rang("2041")]
    assert merge([FINAL], MISSED) == [FINAL]
    assert merge([FINAL], replace(OUTBOUND, direction=Direction.INTERNAL, group="Sales")) == [FINAL]
