"""CDRs correct what was guessed of a call that was heard in part, and nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from switchhook.connectors.asterisk.listen import from_ami
from switchhook.connectors.asterisk.listen.listener import MOST_BILLS
from switchhook.connectors.asterisk.listen.reconciling import reconcile
from switchhook.connectors.asterisk.listen.sight import Billed
from switchhook.core.call import ChangeKind, Disposition
from tests.core.story import after

from .channels import glimpse, gone, live
from .cutting import (
    CASES,
    GOLDEN,
    bills_of,
    cut,
    moments_of,
    settle_with_bills,
    shape,
    true_leg,
    whole,
)
from .recordings import Told, frame_of

EXAMPLES = max(30, settings().max_examples // 2)
PLAIN = ("inbound_answered", "hunt", "ring_group", "outbound_from_phone", "internal_call")


def lengths(told: Told) -> list[tuple[str, str | None, int | None, bool]]:
    (call,) = told.calls.values()
    return [(one.extension, one.disposition, one.talk_seconds, one.is_guess) for one in call.legs]


@pytest.mark.parametrize("generation", [22, 16])
def test_a_cdr_is_read_as_asterisk_sends_it(generation: int) -> None:
    rows = [
        (one.channel.name, one.channel.id, one.channel.linkedid, one.dest, one.disposition)
        for one in bills_of(f"{generation}/hunt")
    ]
    call_id = rows[0][1]
    trunk = rows[0][0]

    assert [row[:3] for row in rows] == [(trunk, call_id, call_id)] * 2
    assert [row[3].partition("-")[0] for row in rows] == ["PJSIP/601", "PJSIP/602"]
    assert [row[4] for row in rows] == ["NO ANSWER", "ANSWERED"]
    assert [(one.seconds, one.billed_seconds) for one in bills_of(f"{generation}/hunt")] == [(2, 0), (8, 6)]


@pytest.mark.parametrize("missing", ["UniqueID", "Duration", "BillableSeconds"])
def test_a_cdr_that_lacks_what_counts_is_none(missing: str) -> None:
    text = (GOLDEN / "22/hunt/ami.jsonl").read_text().splitlines()
    (row, *_) = [fields for _, fields in map(json.loads, text) if fields["Event"] == "Cdr"]
    fields: dict[str, Any] = {**row, missing: "-1"} if missing != "UniqueID" else {**row, missing: ""}

    assert from_ami.sight_of(frame_of(row)) is not None
    assert from_ami.sight_of(frame_of(fields)) is None


@pytest.mark.parametrize("case", CASES)
def test_a_call_that_was_heard_in_full_is_left_alone(case: str) -> None:
    assert whole(case).listener.claims() == ()


@pytest.mark.parametrize("case", [one for one in CASES if one.endswith(PLAIN)])
@pytest.mark.parametrize("is_restarted", [False, True], ids=["cut", "restarted"])
def test_a_talk_that_began_unheard_has_its_length(case: str, is_restarted: bool) -> None:
    """The phones ring, the link is away for six seconds, and when it is back they talk."""
    told = cut(case, at=0.9, for_seconds=6, is_restarted=is_restarted)
    guessed = lengths(told)
    settle_with_bills(told)

    (true,) = whole(case).calls.values()
    (call,) = told.calls.values()
    for leg, guess in zip(call.legs, guessed, strict=True):
        known = true_leg(case, call.call_id, leg)
        if known is None or known.disposition is not Disposition.ANSWERED:
            continue
        assert guess[3]
        assert (guess[2] or 0) < (known.talk_seconds or 0) - 1
        assert (leg.disposition, leg.is_guess) == (Disposition.ANSWERED, False)
        assert abs((leg.talk_seconds or 0) - (known.talk_seconds or 0)) <= 1
    assert abs((call.talk_seconds or 0) - (true.talk_seconds or 0)) <= 1
    assert abs((call.ring_seconds or 0) - (true.ring_seconds or 0)) <= 1


def test_what_was_told_already_is_told_as_a_correction_and_once() -> None:
    told = cut("22/inbound_answered", at=0.9, for_seconds=6, is_restarted=True)
    before = len(told.changes)
    settle_with_bills(told)

    assert [(one.kind, one.note) for one in told.changes[before:]] == [
        (ChangeKind.CORRECTED, "talk of 2 s is now 6 s")
    ]


def test_a_phone_that_was_answered_and_left_unheard_has_its_talk() -> None:
    """101 passes the caller on while nobody listens: its ring was told as over, and it had talked."""
    told = cut("22/blind_transfer_ami", at=1.0, for_seconds=5, is_restarted=True)
    extension, before, _, _ = lengths(told)[0]
    settle_with_bills(told)

    assert (extension, before) == ("301", Disposition.CANCELLED)
    assert lengths(told)[0] == ("301", Disposition.ANSWERED, 1, False)


@pytest.mark.parametrize("case", ["22/queue_answered", "22/click_to_call_ami", "16/queue_answered"])
def test_where_the_caller_was_answered_before_the_phone_rang_the_guess_stands(case: str) -> None:
    """Billed are the wait and the ring, too: by the announcement, or by the phone that clicked."""
    told = cut(case, at=0.9, for_seconds=3, is_restarted=True)

    assert bills_of(case)[0].billed_seconds > (next(iter(whole(case).calls.values())).talk_seconds or 0) + 1
    assert settle_with_bills(told) == []


@pytest.mark.parametrize("case", ["22/attended_transfer_ami", "22/local_members", "16/local_members"])
@pytest.mark.parametrize("at", [0.9, 3.0, 4.6])
def test_a_local_channel_that_drops_out_of_the_talk_says_nothing_of_it(case: str, at: float) -> None:
    assert settle_with_bills(cut(case, at=at, for_seconds=4, is_restarted=True)) == []


@pytest.mark.parametrize("generation", [22, 16])
@pytest.mark.parametrize("case", ["queue_of_locals", "group_of_locals"])
def test_a_local_channel_that_stays_has_the_length_of_the_talk(generation: int, case: str) -> None:
    """So do queues of many a PBX ring: the wait is the caller's, the talk that of the Local channel."""
    told = cut(f"{generation}/{case}", at=0.9, for_seconds=5, is_restarted=True)
    (true,) = whole(f"{generation}/{case}").calls.values()
    (call,) = told.calls.values()
    assert (call.talk_seconds or 0) < (true.talk_seconds or 0) - 1
    (report,) = settle_with_bills(told)

    (call,) = told.calls.values()
    assert abs((call.talk_seconds or 0) - (true.talk_seconds or 0)) <= 1
    assert (report.extension, report.disposition) == (true.extension, Disposition.ANSWERED)


def test_a_cdr_without_a_linkedid_finds_its_call_by_the_channel() -> None:
    bills = bills_of("22/inbound_answered")
    bare = [replace(one, channel=replace(one.channel, linkedid="")) for one in bills]
    told = cut("22/inbound_answered", at=0.9, for_seconds=6, is_restarted=True, bills=bare)
    settle_with_bills(told)

    assert lengths(told) == [("401", Disposition.ANSWERED, 6, False)]


def test_a_cdr_of_a_call_that_nobody_heard_of_makes_none() -> None:
    told = Told()
    for bill in bills_of("22/inbound_answered"):
        told.hear(bill, 1)

    assert told.listener.calls == ()
    assert told.listener.claims() == ()


def test_a_short_silence_within_a_talk_takes_nothing_from_what_was_heard() -> None:
    told = cut("22/inbound_answered", at=4, for_seconds=1, is_restarted=False)

    assert [call.is_cut for call in told.listener.calls] == [True]
    assert told.listener.claims() == ()


def test_a_leg_that_is_no_guess_stays_as_it_was_heard() -> None:
    told = cut("22/inbound_answered", at=0.9, for_seconds=6, is_restarted=True)
    claims = told.listener.claims()
    (call,) = told.calls.values()
    heard = replace(call, legs=(replace(call.legs[0], is_guess=False),))

    assert len(reconcile(call, claims)) == 1
    assert reconcile(heard, claims) == ()


def test_a_caller_who_was_up_when_the_phone_was_dialled_tells_nothing_however_times_are_rounded() -> None:
    """Seconds are cut off twice: what seems to lie between dial and answer may be nothing."""
    told = Told()
    rows = (
        live("trunk", "up", "b-1", age=7),
        live("101", "up", "b-1", is_called=True, age=5),
    )
    told.take(told.listener.compare(rows, asked_at=after(8.9), at=after(8.9)), 8.9)
    for dest, began, seconds, billed, said in (
        ("102", "05", 3, 0, "NO ANSWER"),
        ("101", "09", 6, 6, "ANSWERED"),
    ):
        told.hear(
            Billed(
                channel=glimpse("trunk"),
                dest=glimpse(dest).name,
                disposition=said,
                seconds=seconds,
                billed_seconds=billed,
                began=f"2026-11-21 15:09:{began}",
            ),
            9,
        )
    for one in ("101", "trunk"):
        told.hear(gone(one), 10)

    assert told.listener.claims() == ()


@pytest.mark.parametrize(("minutes", "is_known"), [(5, True), (11, False)])
def test_a_pbx_may_collect_its_cdrs_for_minutes(minutes: int, is_known: bool) -> None:
    told = cut("22/inbound_answered", at=0.9, for_seconds=6, is_restarted=True, bills=[])
    for second in range(10, minutes * 60, 10):
        told.take(told.listener.sweep(after(second)), second)
    for bill in bills_of("22/inbound_answered"):
        told.hear(bill, minutes * 60)

    assert bool(settle_with_bills(told)) is is_known


def test_no_more_is_kept_of_a_call_than_any_has() -> None:
    told = cut("22/inbound_answered", at=0.9, for_seconds=6, is_restarted=True, bills=[])
    (bill,) = bills_of("22/inbound_answered")
    for number in range(3 * MOST_BILLS):
        told.hear(replace(bill, sequence=str(number)), 12)

    assert [len(call.bills) for call in told.listener.calls] == [MOST_BILLS]


@settings(max_examples=EXAMPLES)
@given(st.data())
def test_however_they_come_cdrs_only_make_it_better(data: st.DataObject) -> None:
    """In any order, twice, the first or last lost: no call or leg more, nothing further from the truth."""
    case = data.draw(st.sampled_from(CASES))
    end = moments_of(case)[-1][0]
    at = data.draw(st.floats(0, end))
    # A line that breaks takes what comes before or after.
    bounds = st.integers(0, len(bills_of(case)))
    first, last = sorted((data.draw(bounds), data.draw(bounds)))
    bills = data.draw(st.permutations(bills_of(case)[first:last] * 2))
    told = cut(
        case,
        at=at,
        for_seconds=data.draw(st.floats(0.01, 8)),
        is_restarted=data.draw(st.booleans()),
        bills=bills,
    )
    before, shaped = dict(told.calls), shape(told)
    claims = told.listener.claims()
    settle_with_bills(told, data.draw(st.permutations(claims)))

    assert shape(told) == shaped
    for call_id, call in told.calls.items():
        for leg, was in zip(call.legs, before[call_id].legs, strict=True):
            if leg == was:
                continue
            true = true_leg(case, call_id, leg)
            assert true is not None
            assert was.is_guess or was.disposition is Disposition.CANCELLED
            assert leg.disposition is true.disposition
            assert abs((leg.talk_seconds or 0) - (true.talk_seconds or 0)) <= 1
    assert settle_with_bills(told, claims) == []
