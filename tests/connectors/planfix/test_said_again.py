"""What this protocol cannot carry is lost once, on the way out, and nothing after that."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from switchhook.connectors.planfix import wire
from switchhook.core.call import Call, CallEvent, Change, Direction, Disposition, Recording
from switchhook.core.directory import CallerAnswer
from tests.connectors.planfix.calls import answered, as_told, call, ended, rang
from tests.connectors.planfix.sent import requests

FOLDER = Path(__file__).parent / "golden"

texts = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=30)
DIGITS = "0123456789"
numbers = st.builds(str.__add__, st.sampled_from(["", "+"]), st.text(DIGITS, min_size=3, max_size=15))
extensions = st.text(DIGITS, min_size=1, max_size=11)
links = st.one_of(st.none(), st.just("https://pbx.example.test/1.mp3?a=1&b=2"))
changes = st.one_of(
    extensions.map(rang),
    extensions.map(answered),
    st.builds(ended, extensions, st.sampled_from(Disposition), st.integers(0, 90_000)),
)
calls = st.builds(
    lambda **values: replace(call(), **values),
    direction=st.sampled_from([Direction.INBOUND, Direction.OUTBOUND]),
    number=numbers,
    did=st.one_of(st.none(), numbers),
    shared_id=texts,
    custom=st.dictionaries(texts, texts, max_size=3),
    is_recorded=st.booleans(),
)


def said(change: Change, of: Call, link: str | None = None) -> dict[str, str]:
    return wire.render_event(
        change, of, phone=of.number, extension=change.extension, diversion=of.did, record_link=link
    )


def said_again(event: CallEvent) -> dict[str, str]:
    change, of = as_told(event)
    return said(change, of, event.recording_url)


@given(changes, calls, links)
def test_saying_an_event_twice_says_the_same(change: Change, of: Call, link: str | None) -> None:
    # A message left on a missed call is the one thing that is promised without a link.
    if link is not None and change.disposition is Disposition.ANSWERED:
        of = replace(of, recordings=(Recording(url=link),))
    first = said(change, of, of.recordings[0].url if of.recordings else None)

    assert said_again(wire.parse_event(first)) == first


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in sorted(FOLDER.iterdir())])
def test_saying_what_was_heard_twice_says_the_same(case: Path) -> None:
    for request in requests(case):
        form = wire.read_form(request.body, request.headers.get("content-type", ""))
        if form["cmd"] == "event":
            first = said_again(wire.parse_event(form))
            assert said_again(wire.parse_event(first)) == first


@given(st.booleans(), texts)
def test_saying_a_record_twice_says_the_same(is_temp: bool, call_id: str) -> None:
    first = wire.render_record(call_id, "https://pbx.example.test/1.mp3", is_temp=is_temp)

    heard = wire.parse_record(first)

    assert heard.recording_url is not None
    assert wire.render_record(heard.call_id, heard.recording_url, is_temp=heard.recording_is_temp) == first


@given(st.one_of(st.none(), st.text(max_size=200)), st.one_of(st.none(), extensions))
def test_an_answer_about_a_caller_is_read_as_it_was_written(
    name: str | None, responsible: str | None
) -> None:
    first = wire.render_contact(name, responsible)

    heard = wire.parse_contact_answer(first) or CallerAnswer()

    assert wire.render_contact(heard.name, heard.responsible) == first


def test_orders_are_read_as_they_were_written() -> None:
    click = wire.Click(extension="0102", number="+79165550199")
    setup = wire.Setup(planfix_url="https://acme.example.test/tel/api?x=1", planfix_token="k")
    question = wire.Question(number="79165550142", call_id="K-77")
    wiring = wire.Wiring(pbx_token="pbx-8f21", pbx_url="https://pbx.example.test/planfix")

    assert wire.parse_make_call(wire.render_make_call(click)) == click
    assert wire.parse_setup(wire.render_setup(setup)) == setup
    assert wire.parse_question(wire.render_question(question)) == question
    assert wire.parse_ping_answer(wire.render_ping_answer(wiring)) == wiring
