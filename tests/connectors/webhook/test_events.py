"""What events say: the examples of the page are what is sent, and nothing of ours leaks into them."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from switchhook.connectors.webhook.wire.event import render_event, render_test
from switchhook.connectors.webhook.wire.types import TEST, TYPES, check_events, chosen
from switchhook.core.call import Call, Change, ChangeKind
from switchhook.core.errors import BadMessage
from tests.connectors.webhook.story import BIRTH, LINK, PUBLIC_URL, example
from tests.fakes import START

PAGE = (Path(__file__).parents[3] / "docs" / "connectors" / "webhook.md").read_text()
EVERY = frozenset(TYPES)


def rendered(change: Change, call: Call) -> Any:
    return msgspec.json.decode(render_event(change, call, region="RU", public_url=PUBLIC_URL))


def examples() -> dict[str, Any]:
    """Give the JSON of the page, by type."""
    found = [msgspec.json.decode(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
    return {one["type"]: one for one in found}


def sent() -> dict[str, Any]:
    """Give the last event of each type of the example call."""
    events = [rendered(one.change, one.call) for one in example() if one.change.kind in TYPES]
    test = msgspec.json.decode(render_test("c-m7w2hq4tza", "Our program", at=START))
    return {one["type"]: one for one in [*events, test]}


@pytest.mark.parametrize("name", [*TYPES.values(), TEST])
def test_the_example_of_the_page_is_what_is_sent(name: str) -> None:
    assert examples()[name] == sent()[name]


def test_every_field_is_explained_on_the_page() -> None:
    data = sent()["call.final"]["data"]
    names = {
        *data,
        *(name for part in ("legs", "recordings") for one in data[part] for name in one),
        *data["change"],
        *data["number"],
        *data["group"],
    }

    assert {name for name in names if f"`{name}`" not in PAGE and f".{name}`" not in PAGE} == set()


def test_fields_are_the_same_in_every_event_of_a_call() -> None:
    shapes = {
        (tuple(event["data"]), tuple(event["data"]["change"]))
        for name, event in sent().items()
        if name != TEST
    }

    assert len(shapes) == 1


def test_nothing_of_the_pbxs_own_or_of_our_bookkeeping_goes_out() -> None:
    text = "".join(str(event) for event in sent().values())

    assert LINK not in text
    assert text.count(BIRTH.recording_token) == text.count(f"{PUBLIC_URL}/r/{BIRTH.recording_token}")
    assert not re.search(r"is_told|has_card|is_guess|hold_until|settle_at|as_sent", text)


def test_times_are_rfc_3339_in_utc_with_milliseconds() -> None:
    times = re.findall(r"'(?:timestamp|\w+_at)': '([^']+)'", str(list(sent().values())))

    assert len(times) > 20
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time) for time in times)


def test_the_same_bytes_are_written_each_time() -> None:
    one, again = example()[0], example()[0]
    backwards = msgspec.structs.replace(again.call, custom=dict(reversed(again.call.custom.items())))

    assert render_event(one.change, one.call, region="RU", public_url=PUBLIC_URL) == render_event(
        again.change, backwards, region="RU", public_url=PUBLIC_URL
    )


@pytest.mark.parametrize(
    ("events", "kinds"),
    [
        ("", EVERY),
        ("*", EVERY),
        (" , ", EVERY),
        ("call.final", {ChangeKind.CALL_FINAL}),
        ("call.final, recording.ready", {ChangeKind.CALL_FINAL, ChangeKind.RECORDING_READY}),
        ("call.*", EVERY - {ChangeKind.RECORDING_READY}),
        ("recording.*,call.ended", {ChangeKind.RECORDING_READY, ChangeKind.CALL_ENDED}),
    ],
)
def test_a_receiver_chooses_what_it_hears(events: str, kinds: set[ChangeKind]) -> None:
    check_events(events)

    assert chosen(events) == kinds


@pytest.mark.parametrize(
    "events", ["call.finished", "call", "call.r*", "c*", "call.final,calls.*", ".*", "**"]
)
def test_a_type_that_there_is_not_is_refused_with_those_that_there_are(events: str) -> None:
    with pytest.raises(BadMessage) as caught:
        check_events(events)

    assert all(name in caught.value.reason for name in TYPES.values())
    assert caught.value.field == "events"
