"""Names that we give to channels and bridges, and read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchhook.connectors.asterisk.drive.names import (
    KINDS,
    LegName,
    bridge_id,
    read_bridge,
    read_leg,
    read_recording,
    recording_name,
    visit_of,
)
from switchhook.connectors.asterisk.wire import values

CALLS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,60}", fullmatch=True)
SMALL = st.integers(min_value=0, max_value=999)
NAMES = st.builds(
    LegName,
    kind=st.sampled_from(sorted(KINDS)),
    call=CALLS,
    visit=st.from_regex(r"[0-9]{1,17}", fullmatch=True),
    step=SMALL,
    turn=SMALL,
    device=SMALL,
    extension=st.from_regex(r"\+?[0-9*#]{0,32}", fullmatch=True),
)


@given(NAMES)
def test_what_is_written_is_read_again_and_is_an_id(name: LegName) -> None:
    assert read_leg(values.identifier(name.id)) == name


@given(CALLS, st.from_regex(r"[0-9]{1,17}", fullmatch=True))
def test_so_are_bridges(call: str, visit: str) -> None:
    assert read_bridge(values.identifier(bridge_id(call, visit))) == (call, visit)
    assert read_recording(values.identifier(recording_name(call, visit))) == (call, visit)


@pytest.mark.parametrize(
    "channel_id",
    [
        "",
        "1795236628.78",
        "swr",
        "swr-",
        "swr-a-1",
        "swr-1.1-0-0.0-101",
        "swr-1.1-0-0.x.0-101",
        "swx-1-0-0.0.0-1",
    ],
)
def test_other_channels_are_not_ours(channel_id: str) -> None:
    assert read_leg(channel_id) is None


@given(st.text(max_size=80))
def test_no_name_is_too_odd_to_be_read(text: str) -> None:
    read_leg(text)
    read_bridge(text)


def test_two_visits_of_one_channel_have_two_names() -> None:
    first, second = visit_of("2026-11-21T04:50:28.251+0000"), visit_of("2026-11-21T04:50:28.252+0000")

    assert first != second
    assert visit_of("") == "0"
