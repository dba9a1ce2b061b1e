"""A phone that is registered from several places rings at all of them."""

import pytest

from switchhook.connectors.asterisk.drive.settings import DriveSettings

from .driving import CALLER, DID, Driving, order, plan, step

TWO = b'{"value":"PJSIP/101/sip:101@192.0.2.1:5060&PJSIP/101/sip:101@192.0.2.2:5060;transport=tcp"}'
SECOND = "PJSIP/101/sip:101@192.0.2.2:5060;transport=tcp"


def endpoints(driving: Driving) -> list[str]:
    return [one.request.query["endpoint"] for one in driving.requests("POST", "channels")]


def inbound(contacts: bytes, settings: DriveSettings | None = None) -> Driving:
    driving = Driving(plans=plan(step("101")), settings=settings or DriveSettings())
    driving.pbx.contacts = contacts
    driving.pbx.call(CALLER, "inbound", DID)
    driving.settle()
    return driving


def test_the_first_rings_at_once_and_the_second_as_soon_as_it_is_known() -> None:
    driving = inbound(TWO)

    assert endpoints(driving) == ["PJSIP/101", SECOND]
    assert len(set(driving.pbx.made)) == 2
    second = driving.requests("POST", "channels")[1].request
    assert second.query["originator"] == CALLER
    assert second.query["callerId"] == '"Ivan" <79161234567>'


def test_whichever_answers_silences_the_other() -> None:
    driving = inbound(TWO)

    driving.pbx.answer(driving.pbx.made[1])
    driving.settle()

    assert driving.pbx.ended == {driving.pbx.made[0]: 26}


def test_a_click_rings_both_and_they_are_one_call() -> None:
    driving = Driving()
    driving.pbx.contacts = TWO
    driving.take(driving.driver.dial(order(), "Ivan", driving.at))

    driving.settle()

    assert endpoints(driving) == ["PJSIP/101", SECOND]
    assert driving.requests("POST", "channels")[1].request.query["originator"] == driving.pbx.made[0]


@pytest.mark.parametrize(
    "contacts",
    [
        b'{"value":""}',
        b'{"value":"PJSIP/101/sip:101@192.0.2.1"}',
        b'{"value":"PJSIP/101/sip:101@192.0.2.1&Local/1@from-internal"}',
        b'{"value":"PJSIP/101/sip:1@192.0.2.1&PJSIP/101/sip:1@192.0.2.2\\r\\nX: y"}',
        b"not JSON",
        b"[]",
    ],
)
def test_one_contact_or_odd_ones_ring_nothing_more(contacts: bytes) -> None:
    assert endpoints(inbound(contacts)) == ["PJSIP/101"]


def test_nothing_is_asked_where_that_is_not_wanted() -> None:
    driving = inbound(TWO, DriveSettings(rings_all_contacts=False))

    assert endpoints(driving) == ["PJSIP/101"]


def test_an_answer_that_comes_too_late_rings_nobody() -> None:
    driving = Driving(plans=plan(step("101"), step("102")))
    driving.pbx.contacts = TWO
    driving.pbx.call(CALLER, "inbound", DID)
    driving.deliver_event(CALLER)
    driving.deliver_plan()
    driving.send_free(0)
    driving.deliver_answer(0)
    driving.pass_time(driving.settings.ring_seconds)

    driving.settle()

    assert [one for one in endpoints(driving) if one == SECOND] == []
