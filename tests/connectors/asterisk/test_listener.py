"""What phones, queues and transfers do besides what was recorded; and that nothing is remembered for ever."""

from switchhook.connectors.asterisk.listen.listener import MOST_CHANNELS, Listener
from switchhook.connectors.asterisk.listen.plan import Plan
from switchhook.connectors.asterisk.listen.sight import (
    Dialled,
    Gone,
)
from switchhook.core.call import CallEvent, CallReport, Direction, Disposition
from tests.core.story import after

from .channels import (
    CALL,
    CALLER,
    TALK,
    at_once,
    born,
    comes_in,
    dial_ends,
    dials,
    enters,
    glimpse,
    gone,
    hangs_up,
    leaves,
    rings,
    seen,
)
from .recordings import Moment, Told, outcome, steps, told


def test_a_phone_may_ring_before_its_dial_is_told() -> None:
    played = told(at_once(comes_in(), born("101"), rings("101"), dials("101")))

    assert steps(played.news)[:1] == ["ringing 101"]
    assert len([one for one in steps(played.news) if one.startswith("ringing")]) == 1


def test_two_devices_of_one_extension_are_one_leg() -> None:
    """The one that is not picked up ends as cancelled, which would undo the answer of the other."""
    played = told(
        [
            *at_once(comes_in(), dials("101a"), dials("101b"), rings("101a"), rings("101b")),
            *at_once(
                enters("101a"), dial_ends("101b", "CANCEL"), gone("101b", 26), enters("trunk"), seconds=3
            ),
            *at_once(gone("101a"), gone("trunk"), seconds=10),
        ]
    )

    assert steps(played.news) == [
        "ringing 101",
        "answered 101",
        "ended 101 answered",
        "report 101 answered",
    ]
    assert played.the_call.talk_seconds == 7


def test_a_colleague_who_was_only_asked_has_not_taken_the_call_over() -> None:
    """101 holds the caller, asks 103, and goes back."""
    one, two = "Local/103@transfers-00000000;1", "Local/103@transfers-00000000;2"
    played = told(
        [
            *at_once(*TALK),
            *at_once(
                born(one), born(two), enters(one, "b-2"), leaves("101"), enters("101", "b-2"), seconds=5
            ),
            *at_once(dials("103", two), rings("103"), seconds=5.1),
            *at_once(enters("103", "b-3"), enters(two, "b-3"), seconds=8),
            *at_once(gone("103"), gone(one), gone(two), leaves("101", "b-2"), enters("101"), seconds=15),
            *at_once(gone("101"), gone("trunk"), seconds=20),
        ]
    )

    call = played.the_call
    assert outcome(call)["legs"] == [("101", "answered"), ("103", "cancelled")]
    assert (call.extension, call.talk_seconds) == ("101", 20)
    assert "answered 103" in steps(played.news)


def test_callers_in_one_waiting_room_do_not_talk() -> None:
    played = told(
        at_once(
            *TALK[:3],
            enters("trunk", "room", is_holding=True),
            enters("101", "room", is_holding=True),
            enters("trunkb", "room", is_holding=True, call="id-trunkb"),
        )
    )

    assert steps(played.news) == ["ringing 101"]
    assert len(played.listener.calls) == 2


def test_a_caller_who_hears_something_before_the_answer_does_not_talk() -> None:
    """A bridge may be made before the PBX picks up: early media."""
    early = type(enters("trunk"))(channel=glimpse("trunk", state="ring"), bridge="b-1", is_in=True)
    played = told(at_once(comes_in(), dials("101"), rings("101"), enters("101"), early))

    assert steps(played.news) == ["ringing 101"]
    assert steps(played.hear(seen("trunk", "up"), 5)) == ["answered 101"]


def test_a_channel_may_leave_a_bridge_after_it_entered_the_next() -> None:
    played = told(
        at_once(
            *TALK[:3],
            enters("trunk", "b-1"),
            enters("trunk", "b-2"),
            leaves("trunk", "b-1"),
            enters("101", "b-2"),
        )
    )

    assert steps(played.news) == ["ringing 101", "answered 101"]


def test_without_the_variable_that_names_the_call_dials_still_join_its_channels() -> None:
    moments = at_once(
        born("trunk", "ring", call="", number=CALLER, exten="74950000006"),
        born("101", call=""),
        dials("101", call=""),
        enters("101", call=""),
        enters("trunk", call=""),
    )

    assert [(one.call_id, step) for one, step in _pairs(moments)] == [
        (CALL, "ringing 101"),
        (CALL, "answered 101"),
    ]


def _pairs(moments: list[Moment]) -> list[tuple[CallEvent, str]]:
    news = told(moments).news
    return [(one, step) for one, step in zip(news, steps(news), strict=True) if isinstance(one, CallEvent)]


def test_the_last_words_of_a_call_that_is_forgotten_begin_none() -> None:
    played = Told()
    for seconds, sight in [*at_once(*TALK), *at_once(gone("101"), gone("trunk"), seconds=5)]:
        played.hear(sight, seconds)
    played.take(played.listener.sweep(after(60)), 60)

    for late in (leaves("101"), dial_ends("101", "ANSWER"), hangs_up("trunk"), gone("101"), gone("trunk")):
        assert played.hear(late, 61) == []
    assert played.listener.calls == ()


def test_channels_that_asterisk_has_for_itself_are_forgotten_too() -> None:
    played = Told()
    for index, name in enumerate(("Local/1@x-00000001;1", "Message/ast_msg_queue-1")):
        played.hear(born(name, call=f"own-{index}"), 0)
        played.hear(gone(name, call=f"own-{index}"), 1)

    assert len(played.listener.calls) == 2
    assert played.listener.sweep(after(60)) == ()
    assert played.listener.calls == ()


def test_a_call_of_which_nothing_is_heard_for_half_a_day_is_over() -> None:
    played = Told()
    for seconds, sight in at_once(*TALK):
        played.hear(sight, seconds)

    assert played.listener.sweep(after(11 * 3600)) == ()
    (ended,) = played.listener.sweep(after(13 * 3600))

    assert isinstance(ended, CallEvent)
    assert (ended.disposition, ended.talk_seconds) == (Disposition.ANSWERED, None)
    assert played.listener.calls == ()


def test_a_patient_caller_does_not_fill_the_memory() -> None:
    """One queue call, a phone that rings 500 times."""
    listener = Listener(Plan())
    listener.hear(comes_in(), after(0))
    for ring in range(500):
        phone = glimpse("102", id=f"ring-{ring}")
        caller = glimpse("trunk")
        for sight in (
            Dialled(dest=phone, caller=caller),
            Dialled(dest=phone, caller=caller, status="NOANSWER"),
            Gone(channel=phone, cause=0),
        ):
            listener.hear(sight, after(ring * 5 + 1))
        listener.sweep(after(ring * 5 + 4))

    (call,) = listener.calls
    assert len(call.channels) <= MOST_CHANNELS + 1
    assert len(call.legs) <= MOST_CHANNELS + 1
    assert len(listener._homes) <= MOST_CHANNELS + 1
    assert any(isinstance(one, CallReport) for one in listener.hear(gone("trunk"), after(3000)))


def test_a_phone_that_passes_its_caller_on_in_a_second_call_of_its_own() -> None:
    """101 calls 103 on another line and joins the two: the caller enters the bridge of the younger call."""
    line, other = "101b", "id-101b"
    begun = born(line, "ring", call=other, id=other, exten="103")
    dial = Dialled(dest=glimpse("103", call=other), caller=begun.channel)
    played = told(
        [
            *at_once(*TALK),
            *at_once(
                begun, dial, enters("103", "b-2", call=other), enters(line, "b-2", call=other), seconds=5
            ),
            *at_once(leaves("trunk"), enters("trunk", "b-2"), seconds=12),
            *at_once(gone(line, call=other), gone("101"), seconds=12.1),
            *at_once(gone("103"), gone("trunk"), seconds=20),
        ]
    )

    older, younger = played.calls.values()
    assert outcome(older)["legs"] == [("101", "answered"), ("103", "answered")]
    assert (older.extension, older.talk_seconds) == ("103", 20)
    assert outcome(younger)["legs"] == [("101", "answered"), ("103", "answered")]
    assert (younger.direction, younger.number, younger.talk_seconds) == (Direction.INTERNAL, "103", 7)


def test_a_talk_is_measured_in_the_call_that_it_is_of() -> None:
    """102 talks with one caller from the first second, and from the tenth on with another one."""
    other = "id-trunkb"
    second = born("trunkb", "ring", call=other, id=other, number="79990000000")
    played = told(
        [
            *at_once(comes_in()),
            *at_once(second, dials("102", "trunkb", call=other), seconds=1),
            *at_once(enters("102", "b-2", call=other), enters("trunkb", "b-2", call=other), seconds=1.1),
            *at_once(enters("trunk", "b-1"), enters("102", "b-1"), gone("trunkb", call=other), seconds=10),
            *at_once(gone("102"), gone("trunk"), seconds=20),
        ]
    )

    older, younger = played.calls[CALL], played.calls[other]
    assert [(leg.extension, leg.talk_seconds) for leg in older.legs] == [("102", 10)]
    assert [(leg.extension, leg.talk_seconds) for leg in younger.legs] == [("102", 9)]


def test_two_listeners_know_nothing_of_each_other() -> None:
    first, second = Listener(Plan()), Listener(Plan())
    for seconds, sight in at_once(*TALK):
        first.hear(sight, after(seconds))

    assert second.calls == ()
