"""AMI: frames read from bytes wherever they were cut, and actions that cannot say more than was meant."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from switchhook.connectors.asterisk.wire import actions, values
from switchhook.connectors.asterisk.wire.actions import write_action
from switchhook.connectors.asterisk.wire.ami import LONGEST_LINE_BYTES, MOST_FIELDS, Frame, FrameReader, Kind
from switchhook.core.errors import BadMessage, TooLarge

SESSION = (Path(__file__).parent / "golden_wire" / "session" / "ami.bin").read_bytes()
AN_EVENT = b"Event: Newchannel\r\nChannel: PJSIP/101-00000001\r\nUniqueid: 1.1\r\n\r\n"


def frames(data: bytes, *cuts: int) -> list[Frame]:
    reader = FrameReader()
    edges = [0, *sorted(cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges)]
    return [frame for piece in pieces for frame in reader.feed(piece)]


def test_a_recorded_session_is_read() -> None:
    reader = FrameReader()

    read = reader.feed(SESSION)

    assert reader.banner == "Asterisk Call Manager/11.0.0"
    assert [frame.action_id for frame in read if frame.kind is Kind.RESPONSE] == [
        f"a1-{number}" for number in range(1, 9)
    ]
    assert [frame.is_success for frame in read if frame.kind is Kind.RESPONSE].count(False) == 1
    assert read[-1].event == "Newchannel"
    assert read[-1].variables() == {"HUB_CALLID": ""}
    assert read[-1].get("CallerIDName") == ""  # said as <unknown>


def test_the_answer_to_an_originate_comes_as_an_event_that_has_a_response() -> None:
    failed = [frame for frame in FrameReader().feed(SESSION) if frame.event == "OriginateResponse"]

    assert [(frame.kind, frame.raw("Response"), frame.get("Uniqueid")) for frame in failed] == [
        (Kind.EVENT, "Failure", "own-2"),
        (Kind.EVENT, "Failure", "own-1"),
    ]


@given(st.lists(st.integers(0, len(SESSION)), max_size=12))
@example(list(range(0, len(SESSION), 3)))
def test_frames_may_be_cut_anywhere(cuts: list[int]) -> None:
    assert frames(SESSION, *cuts) == frames(SESSION)


def test_fields_that_repeat_are_all_kept_in_order() -> None:
    (frame,) = frames(
        b"Response: Success\r\nOutput: one\r\noutput: two\r\nOutput:\r\nOutput: : three\r\n\r\n"
    )

    assert frame.all("Output") == ("one", "two", "", ": three")
    assert frame.get("OUTPUT") == "one"


@pytest.mark.parametrize("length", [LONGEST_LINE_BYTES + 1, 5 * LONGEST_LINE_BYTES])
def test_an_endless_line_is_left_out_and_the_next_frame_is_whole(length: int) -> None:
    data = b"Event: VarSet\r\nValue: " + b"x" * length + b"\r\nUniqueid: 1.1\r\n\r\n" + AN_EVENT
    reader = FrameReader()

    read = [frame for start in range(0, len(data), 1000) for frame in reader.feed(data[start : start + 1000])]

    assert read[0].fields == (("Event", "VarSet"), ("Uniqueid", "1.1"))
    assert read[0].left_out == ("Value",)
    assert read[1] == frames(AN_EVENT)[0]


def test_a_line_that_was_cut_at_its_greatest_length_is_left_out_too() -> None:
    reader = FrameReader()

    reader.feed(b"Event: VarSet\r\nValue: " + b"x" * LONGEST_LINE_BYTES)
    (frame,) = reader.feed(b"\n\r\n")

    assert (frame.fields, frame.left_out) == ((("Event", "VarSet"),), ("Value",))


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    reader = FrameReader()

    for _ in range(200):
        assert list(reader.feed(b"x" * 4096)) == []
    assert len(reader._rest) <= LONGEST_LINE_BYTES


def test_a_frame_without_an_end_does_not_fill_the_memory() -> None:
    reader = FrameReader()

    reader.feed(b"A: b\r\n" * (MOST_FIELDS + 500))
    (frame,) = reader.feed(b"\r\n")

    assert len(frame.fields) == MOST_FIELDS
    assert len(frame.left_out) <= 10


@given(st.binary(max_size=400))
def test_any_bytes_can_be_read(data: bytes) -> None:
    reader = FrameReader()

    for frame in reader.feed(data + b"\r\n\r\n"):
        assert isinstance(frame.kind, Kind)
    assert list(reader.feed(AN_EVENT))[-1].event == "Newchannel"


TEXT = st.one_of(st.text(max_size=40), st.text(alphabet='ab:= \r\n\0,"\\é', max_size=12))


@given(name=TEXT, value=TEXT)
@example(name="CallerID", value="1\r\nAction: Command")
@example(name="A:B", value="")
@example(name="Exten", value="1\nX: y")
@example(name="Exten", value=" 1")
@example(name="Exten", value="1\0")
@example(name="Exten", value="\ud800")
def test_a_field_is_refused_or_arrives_as_it_was_meant(name: str, value: str) -> None:
    try:
        written = write_action("Originate", [(name, value)], action_id="a-1")
    except BadMessage:
        return

    (frame,) = frames(written)
    assert frame.fields == (("Action", "Originate"), ("ActionID", "a-1"), (name, value))


@pytest.mark.parametrize("value", [" 101", "101 ", "\t101", "101\u00a0"])
def test_blanks_that_asterisk_would_take_away_are_refused(value: str) -> None:
    with pytest.raises(BadMessage) as refused:
        write_action("Originate", [("Exten", value)], action_id="a-1")

    assert refused.value.field == "Exten"


@given(name=TEXT, value=TEXT)
@example(name="A", value="1,B=2")
def test_a_variable_is_refused_or_arrives_as_it_was_meant(name: str, value: str) -> None:
    try:
        written = write_action("Originate", action_id="a-1", variables={name: value})
    except BadMessage:
        return

    (frame,) = frames(written)
    assert frame.variables("Variable") == {name: value}
    assert len(frame.fields) == 3
    assert not set(value) & set(',"\\')


@given(st.text(max_size=40))
@example("101")
@example("+79101234567")
@example("101\r\n")
@example("101,hint")
@example("٣")
def test_a_number_is_refused_or_given_back_as_it_is(text: str) -> None:
    digits = text.removeprefix("+")
    if 0 < len(digits) <= 32 and set(digits) <= set("0123456789*#"):
        assert values.dialled(text) == text
        return

    with pytest.raises(BadMessage) as refused:
        values.dialled(text)
    assert refused.value.field == "number"


@pytest.mark.parametrize(
    "lines", [[("Name", "x" * 1017)], [("A", "b")] * 126], ids=["a line of 1023 bytes", "128 lines"]
)
def test_what_asterisk_would_cut_is_refused(lines: list[tuple[str, str]]) -> None:
    with pytest.raises(TooLarge):
        write_action("Originate", lines, action_id="a-1")


def test_what_asterisk_just_reads_is_written() -> None:
    written = write_action("Originate", [("Name", "x" * 1016), *[("A", "b")] * 124], action_id="a-1")

    assert max(map(len, written.split(b"\r\n"))) == 1022
    assert len(frames(written)[0].fields) == 127


def test_click_to_call_rings_the_phone_under_our_own_id() -> None:
    written = actions.originate(
        action_id="a-1",
        channel_id="click-1",
        endpoint="101",
        number="79997776655",
        context="to-trunk",
        variables={"__HUB_CALLID": "c42"},
    )

    assert written.decode().split("\r\n") == [
        "Action: Originate",
        "ActionID: a-1",
        "Channel: PJSIP/101",
        "Context: to-trunk",
        "Exten: 79997776655",
        "Priority: 1",
        'CallerID: "79997776655" <79997776655>',
        "Timeout: 20000",
        "Async: true",
        "ChannelId: click-1",
        "Variable: __HUB_CALLID=c42",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("endpoint", "101&PJSIP/102"),
        ("endpoint", "101@trunk"),
        ("endpoint", ""),
        ("number", "7999,,1"),
        ("number", "7999/n"),
        ("context", "to trunk"),
        ("channel_id", "a\nb"),
        ("action_id", ""),
    ],
)
def test_a_click_with_anything_else_in_it_is_refused(field: str, value: str) -> None:
    asked: dict[str, Any] = {
        "action_id": "a-1",
        "channel_id": "c-1",
        "endpoint": "101",
        "number": "7999",
        "context": "to-trunk",
    } | {field: value}

    with pytest.raises(BadMessage):
        actions.originate(**asked)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (actions.login("hub", "lab secret", action_id="1"), "Login"),
        (actions.hangup("PJSIP/101-00000001", action_id="1", cause=26), "Hangup"),
        (actions.show_channels(action_id="1"), "CoreShowChannels"),
        (actions.ping(action_id="1"), "Ping"),
        (actions.logoff(action_id="1"), "Logoff"),
    ],
)
def test_each_action_is_one_frame(written: bytes, expected: str) -> None:
    (frame,) = frames(written)

    assert (frame.raw("Action"), frame.action_id) == (expected, "1")


def test_a_cause_is_one_of_q850() -> None:
    for cause in (0, 128, -1):
        with pytest.raises(BadMessage):
            actions.hangup("PJSIP/101-1", action_id="1", cause=cause)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1795254807.282490", datetime(2026, 11, 21, 9, 53, 27, 282490, tzinfo=UTC)),
        ("", None),
        ("1795254807", None),
        ("1795254807.28", None),
        ("-1.000000", None),
        ("999999999999.000000", None),
        ("1795254807.2824٩0", None),
    ],
)
def test_the_time_of_an_event(written: str, read: datetime | None) -> None:
    assert Frame((("Event", "Hangup"), ("Timestamp", written))).timestamp == read
