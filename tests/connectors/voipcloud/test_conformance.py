"""The samples of the documents, written in every way that this family was seen or said to write them."""

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import pytest

from switchhook.core.call import News
from tests.connectors.voipcloud.played import START, news_of_event, outcome_of
from tests.connectors.voipcloud.story import Story

Json = Mapping[str, Any]

INBOUND: Json = {
    "unique_call_id": "177241404931",
    "caller_id": "61299990011",
    "caller_name": "Orchard Dental",
    "user_name": "Mia Tran",
    "user_number": "2041",
    "dest_number": "61280001234",
    "call_start_at": "2026-03-02T01:14:09.000Z",
    "queue_name": "Reception",
    "ring_group_name": "",
}
CONNECTED = {"connected_at": "2026-03-02T01:14:17.000Z"}
SAMPLES: Sequence[Json] = (
    {"type": "user_inbound", **INBOUND},
    {"type": "user_inbound_answered", **INBOUND, **CONNECTED},
    {
        "type": "user_inbound_completed",
        **INBOUND,
        **CONNECTED,
        "call_duration": 95,
        "conversation_duration": 87,
    },
    {
        "type": "queue_call",
        **INBOUND,
        **CONNECTED,
        "call_start_at": "2026-03-02T01:14:02.000Z",
        "call_duration": 102,
        "conversation_duration": 87,
        "status": "answered",
    },
    {
        "type": "recording_inbound",
        "unique_call_id": "177241404931",
        "caller_id": "61299990011",
        "dest_number": "61280001234",
        "recorded_at": "2026-03-02T01:15:44.000Z",
        "emails": "desk@example.org",
        "email_subject": "Call recording",
        "email_message": "Unique call id 177241404931",
        "call_recording_link": "https://pbx.example.org/media/rec/177241404931.mp3",
    },
)
OLDER = {
    "caller_id": "from_number",
    "caller_name": "from_name",
    "user_number": "exten",
    "dest_number": "to_number",
    "user_name": "to_name",
    "call_start_at": "start_at",
}
DATES = ("call_start_at", "connected_at", "recorded_at")


def without_dates(event: Json) -> Json:
    return {name: "null" if name in DATES else value for name, value in event.items()}


def with_texts_for_numbers(event: Json) -> Json:
    return {name: str(value) if isinstance(value, int) else value for name, value in event.items()}


def in_the_older_spelling(event: Json) -> Json:
    kind = "inbound_call_to_user" if event["type"] == "user_inbound" else event["type"]
    return {**{OLDER.get(name, name): value for name, value in event.items()}, "type": kind}


def without_what_is_empty(event: Json) -> Json:
    return {name: value for name, value in event.items() if value != ""}


def with_nulls(event: Json) -> Json:
    return {name: None if value == "" else value for name, value in event.items()}


def with_numbers_for_texts(event: Json) -> Json:
    return {name: int(value) if str(value).isdigit() else value for name, value in event.items()}


WAYS: Sequence[Callable[[Json], Json]] = (
    without_dates,
    with_texts_for_numbers,
    in_the_older_spelling,
    without_what_is_empty,
    with_nulls,
    with_numbers_for_texts,
)


@cache
def heard(event: str, at: datetime) -> tuple[News, ...]:
    """Read an event once for all the orders in which it comes at this time."""
    return tuple(news_of_event(json.loads(event), at))


def told(events: Sequence[Json]) -> Story:
    """Tell events as they arrive within a few seconds, after the call."""
    story = Story(START)
    for index, event in enumerate(events):
        story.hear(heard(json.dumps(event), story.at(120 + index / 10)), 120 + index / 10)
    return story.rest()


PLAIN = outcome_of(told(SAMPLES).the_call)


def test_the_samples_make_the_call_that_they_tell_of() -> None:
    call = told(SAMPLES).the_call

    assert (call.extension, call.talk_seconds, call.ring_seconds) == ("2041", 87, 15)
    assert call.recordings[0].url == "https://pbx.example.org/media/rec/177241404931.mp3"


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_however_they_are_written_they_make_the_same_call(way: Callable[[Json], Json]) -> None:
    assert outcome_of(told([way(event) for event in SAMPLES]).the_call) == PLAIN


@pytest.mark.parametrize("index", range(len(SAMPLES)))
@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_one_of_them_written_otherwise_makes_the_same_call(way: Callable[[Json], Json], index: int) -> None:
    events = [way(event) if place == index else event for place, event in enumerate(SAMPLES)]

    assert outcome_of(told(events).the_call) == PLAIN


@pytest.mark.parametrize("way", [dict, *WAYS], ids=lambda way: way.__name__)
def test_in_every_order_and_twice_they_make_the_same_call(way: Callable[[Json], Json]) -> None:
    written = [way(event) for event in SAMPLES]
    outcomes = [
        outcome_of(told([*order, *repeated]).the_call)
        for order in itertools.permutations(written)
        for repeated in (order[:0], order[:2], order)
    ]

    assert all(outcome == PLAIN for outcome in outcomes)
    assert len(outcomes) == 360
