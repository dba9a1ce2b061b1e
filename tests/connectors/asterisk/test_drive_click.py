"""Click to call: the employee first, then the client, once, and whoever clicked is told."""

import pytest

from switchhook.connectors.asterisk.drive.commands import DialRefused, DialTaken
from switchhook.connectors.asterisk.drive.settings import DriveSettings

from .driving import DID, SETTINGS, Driving, order
from .small_asterisk import SmallAsterisk

EMPLOYEE, CLIENT = "swe-01ORDER-0-0.0.0-101", "swc-01ORDER-0-0.0.0-"
TWO_DEVICES = DriveSettings(devices={"101": ("PJSIP/101", "PJSIP/101-home")})


def clicked(driving: Driving) -> Driving:
    driving.take(driving.driver.dial(order(), "Ivan", driving.at))
    driving.settle()
    return driving


def answered(driving: Driving) -> Driving:
    driving.pbx.answer(EMPLOYEE)
    driving.settle()
    return driving


def test_every_device_of_the_employee_rings_and_shows_the_client() -> None:
    driving = clicked(Driving(settings=TWO_DEVICES))

    asked = [one.request.query for one in driving.requests("POST", "channels")]
    assert [one["endpoint"] for one in asked] == ["PJSIP/101", "PJSIP/101-home"]
    assert {one["callerId"] for one in asked} == {'"Ivan" <79997776655>'}
    # The second belongs to the call of the first.
    assert [one.get("originator") for one in asked] == [None, EMPLOYEE]
    assert driving.told == [DialTaken(order_id="01ORDER")]


def test_the_client_is_called_over_the_trunk_and_sees_the_line_only() -> None:
    driving = answered(clicked(Driving(settings=TWO_DEVICES)))

    asked = driving.requests("POST", "channels")[-1].request.query
    assert asked["endpoint"] == "PJSIP/79997776655@trunk"
    assert asked["callerId"] == f'"{DID}" <{DID}>'
    assert asked["originator"] == EMPLOYEE
    assert driving.requests("POST", f"{EMPLOYEE}/ring")
    assert driving.pbx.ended == {"swe-01ORDER-0-0.0.1-101": 26}


def test_both_are_joined_and_recorded_when_the_client_answers() -> None:
    driving = answered(clicked(Driving()))

    driving.pbx.answer(CLIENT)
    driving.settle()

    assert list(driving.pbx.bridges.values()) == [{EMPLOYEE, CLIENT}]
    assert len(driving.requests("POST", "/record")) == 1


@pytest.mark.parametrize(("cause", "told"), [(17, 17), (19, 19), (34, 34), (32, 16)])
def test_why_the_client_cannot_be_had_is_told_to_the_phone(cause: int, told: int) -> None:
    driving = answered(clicked(Driving()))

    driving.pbx.hang_up(CLIENT, cause=cause)
    driving.settle()

    assert driving.pbx.ended[EMPLOYEE] == told
    assert driving.is_clean()


def test_a_way_out_that_does_not_exist_ends_the_phone() -> None:
    driving = answered(clicked(Driving(pbx=SmallAsterisk({"PJSIP/79997776655@trunk"}))))

    assert driving.pbx.ended[EMPLOYEE] == 38
    assert driving.is_clean()


def test_a_client_who_never_answers_is_given_up() -> None:
    driving = answered(clicked(Driving()))

    driving.pass_time(SETTINGS.client_seconds)
    driving.settle()

    assert driving.pbx.ended == {CLIENT: 16, EMPLOYEE: 19}
    assert driving.is_clean()


def test_an_employee_who_hangs_up_meanwhile_ends_the_ringing_at_the_client() -> None:
    driving = answered(clicked(Driving()))

    driving.pbx.hang_up(EMPLOYEE, cause=16)
    driving.settle()

    assert CLIENT in driving.pbx.ended
    assert driving.is_clean()


def test_an_employee_who_does_not_answer_costs_the_client_no_call() -> None:
    driving = clicked(Driving())

    driving.pass_time(SETTINGS.ring_seconds)
    driving.settle()

    assert driving.pbx.made == [EMPLOYEE]
    assert driving.is_clean()


def test_whoever_clicked_is_told_that_no_phone_is_registered() -> None:
    driving = clicked(Driving(pbx=SmallAsterisk({"PJSIP/101"})))

    (told,) = driving.told
    assert told == DialRefused(order_id="01ORDER", reason="no phone of 101 can be rung: none is registered")
    assert driving.is_clean()


def test_one_registered_device_is_enough() -> None:
    driving = clicked(Driving(settings=TWO_DEVICES, pbx=SmallAsterisk({"PJSIP/101"})))

    assert driving.told == [DialTaken(order_id="01ORDER")]


def test_the_same_order_rings_once() -> None:
    driving = clicked(Driving())

    clicked(driving)
    driving.pbx.hang_up(EMPLOYEE, cause=17)
    driving.settle()
    clicked(driving)

    assert driving.pbx.made == [EMPLOYEE]


def test_a_phone_that_the_pbx_cannot_name_is_refused_at_once() -> None:
    settings = DriveSettings(phone="PJSIP/{extension} with blanks")

    driving = clicked(Driving(settings=settings))

    (told,) = driving.told
    assert isinstance(told, DialRefused)
    assert driving.sent == []


def test_a_phone_that_is_busy_before_its_making_is_answered_has_rung_all_the_same() -> None:
    driving = Driving()
    driving.take(driving.driver.dial(order(), "Ivan", driving.at))
    driving.send_free(0)
    driving.pbx.hang_up(EMPLOYEE, cause=17)
    while EMPLOYEE in driving.pbx.events:
        driving.deliver_event(EMPLOYEE)

    driving.settle()

    assert driving.told == [DialTaken(order_id="01ORDER")]
    assert driving.is_clean()
