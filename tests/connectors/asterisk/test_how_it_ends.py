"""How rings and calls end that nobody answered, and how long the caller waited."""

import pytest

from switchhook.connectors.asterisk.listen.sight import (
    Abandoned,
    Sight,
)
from switchhook.core.call import CallReport, ChangeKind, Direction, Disposition
from tests.core.story import after

from .channels import (
    at_once,
    comes_in,
    dial_ends,
    dials,
    enters,
    glimpse,
    gone,
    hangs_up,
    refused,
    rings,
    seen,
    waits,
)
from .recordings import outcome, steps, told


def test_a_queue_that_pauses_between_its_rounds_has_not_missed_the_call() -> None:
    played = told(
        [
            *at_once(comes_in(), waits(), dials("101"), rings("101")),
            *at_once(dial_ends("101", "NOANSWER"), gone("101", 0), seconds=15),
            *at_once(dials("101b"), rings("101b"), seconds=20),
            *at_once(enters("101b"), enters("trunk"), seconds=22),
            *at_once(gone("101b"), gone("trunk"), seconds=30),
        ],
        sweeps=True,
    )

    call = played.the_call
    assert [(leg.attempt, leg.disposition) for leg in call.legs] == [
        (1, Disposition.NO_ANSWER),
        (2, Disposition.ANSWERED),
    ]
    assert (call.disposition, call.group, call.ring_seconds, call.talk_seconds) == (
        Disposition.ANSWERED,
        "sales",
        22,
        8,
    )
    assert [one.kind for one in played.changes].count(ChangeKind.CALL_ENDED) == 1
    assert played.changes[-1].disposition is Disposition.ANSWERED
    assert [one.note for one in played.changes if one.note] == []


def test_a_card_closes_while_the_caller_speaks_to_the_mailbox_and_the_call_is_missed() -> None:
    played = told(
        [
            *at_once(comes_in(), dials("101"), rings("101")),
            *at_once(dial_ends("101", "NOANSWER"), gone("101", 0), seen("trunk", "up"), seconds=10),
            *at_once(hangs_up("trunk"), gone("trunk"), seconds=18),
        ],
        sweeps=True,
    )

    ends = [one for one in played.changes if one.kind is ChangeKind.LEG_ENDED]
    assert [(round((one.at - after(0)).total_seconds()), one.disposition) for one in ends] == [
        (13, Disposition.CANCELLED),
        (18, Disposition.NO_ANSWER),
    ]
    assert outcome(played.the_call)["legs"] == [("101", "no_answer")]


def test_how_long_the_caller_waited_counts_from_their_arrival() -> None:
    """An answering machine spoke for 12 seconds before the first phone rang."""
    played = told(
        [
            *at_once(comes_in(), seen("trunk", "up")),
            *at_once(dials("101"), rings("101"), seconds=12),
            *at_once(enters("101"), enters("trunk"), seconds=15),
            *at_once(gone("101"), gone("trunk"), seconds=20),
        ]
    )

    assert played.the_call.started_at == after(0)
    assert played.the_call.ring_seconds == 15


def test_a_phone_that_lost_the_race_for_a_call_was_cancelled() -> None:
    """Asterisk 16 knows no "answered elsewhere" of a ring that a hub ended: it says no answer, cause 16."""
    played = told(
        [
            *at_once(comes_in(), dials("101", None), dials("102", None), rings("101"), rings("102")),
            *at_once(seen("101", "up"), dial_ends("102", "NOANSWER", None), gone("102", 16), seconds=3),
            *at_once(enters("101"), enters("trunk"), seconds=3.1),
            *at_once(gone("101"), gone("trunk"), seconds=9),
        ]
    )

    assert outcome(played.the_call)["legs"] == [("101", "answered"), ("102", "cancelled")]


def test_a_queue_that_says_cancelled_after_no_answer_means_no_answer() -> None:
    played = told(
        [
            *at_once(comes_in(), waits(), dials("101"), rings("101")),
            *at_once(dial_ends("101", "NOANSWER"), dial_ends("101", "CANCEL"), gone("101", 0), seconds=15),
            *at_once(Abandoned(channel=glimpse("trunk"), queue="sales"), gone("trunk", 0), seconds=18),
        ]
    )

    assert outcome(played.the_call)["legs"] == [("101", "no_answer")]
    (report,) = (one for one in played.news if isinstance(one, CallReport))
    assert (report.disposition, report.ring_seconds) == (Disposition.ABANDONED, 18)


def test_a_phone_that_stops_ringing_because_the_caller_left_the_queue_is_abandoned() -> None:
    left = Abandoned(channel=glimpse("trunk"), queue="sales")

    played = told(
        [
            *at_once(comes_in(), waits(), dials("101"), rings("101")),
            *at_once(left, dial_ends("101", "CANCEL"), gone("101", 0), gone("trunk", 0), seconds=9),
        ]
    )

    assert outcome(played.the_call)["legs"] == [("101", "abandoned")]


@pytest.mark.parametrize(
    "last",
    [
        (hangs_up("trunk"), gone("trunk", 16)),
        (refused("trunk", 487),),
        (Abandoned(channel=glimpse("trunk"), queue="sales"), gone("trunk", 0)),
    ],
    ids=["asked", "by SIP", "by the queue"],
)
def test_a_caller_who_gives_up_before_any_phone_rings_has_abandoned(last: tuple[Sight, ...]) -> None:
    played = told([*at_once(comes_in(), waits()), *at_once(*last, seconds=9)])

    call = played.the_call
    assert (call.disposition, call.ring_seconds, call.started_at) == (Disposition.ABANDONED, 9, after(0))
    assert steps(played.news) == ["report abandoned"]


@pytest.mark.parametrize(
    ("sights", "disposition"),
    [
        ((hangs_up("101"), dial_ends("trunkb", "CANCEL", "101")), Disposition.ABANDONED),
        ((dial_ends("trunkb", "BUSY", "101"),), Disposition.BUSY),
        ((dial_ends("trunkb", "NOANSWER", "101"),), Disposition.NO_ANSWER),
        ((dial_ends("trunkb", "CONGESTION", "101"), gone("trunkb", 34)), Disposition.FAILED),
        ((dial_ends("trunkb", "CHANUNAVAIL", "101"), gone("trunkb", 1)), Disposition.UNREACHABLE),
        ((dial_ends("trunkb", "CHANUNAVAIL", "101"), refused("trunkb", 403)), Disposition.FORBIDDEN),
        ((dial_ends("trunkb", "CHANUNAVAIL", "101"), refused("trunkb", 603)), Disposition.BUSY),
    ],
)
def test_how_a_call_to_the_outside_ends_unanswered(
    sights: tuple[Sight, ...], disposition: Disposition
) -> None:
    """The phone had been rung by a click and had picked up: the end is that of the client's ring."""
    begun = (dials("101", None), seen("101", "up"), dials("trunkb", "101", string="79997776655@trunkb"))

    call = told(at_once(*begun, *sights, gone("trunkb"), gone("101"))).the_call

    assert (call.direction, call.number) == (Direction.OUTBOUND, "79997776655")
    assert (outcome(call)["legs"], call.disposition) == ([("101", disposition.value)], disposition)
