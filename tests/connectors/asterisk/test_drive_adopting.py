"""A hub that comes back finds its calls in Asterisk's own lists."""

import pytest

from switchhook.connectors.asterisk.drive.call import Phase
from switchhook.core.directory import GroupKind

from .driving import CALLER, DID, Driving, order, plan, step
from .small_asterisk import SmallChannel

EMPLOYEE, CLIENT = "swe-01ORDER-0-0.0.0-101", "swc-01ORDER-0-0.0.0-"

pytestmark = pytest.mark.parametrize("is_new_hub", [True, False], ids=["hub died", "link broke"])


def inbound(*extensions: str, kind: GroupKind = GroupKind.RING) -> Driving:
    driving = Driving(plans=plan(step(*extensions, kind=kind)))
    driving.pbx.call(CALLER, "inbound", DID)
    driving.settle()
    return driving


def back(driving: Driving, *, is_new_hub: bool) -> Driving:
    driving.find_link(is_new_hub=is_new_hub)
    driving.settle()
    return driving


def test_who_talks_goes_on_talking_and_ends_cleanly(is_new_hub: bool) -> None:
    driving = inbound("101")
    driving.pbx.answer(driving.leg("101"))
    driving.settle()
    driving.lose_link()
    sent = len(driving.sent)

    back(driving, is_new_hub=is_new_hub)
    assert driving.sent[sent:] == []
    driving.pbx.hang_up(CALLER, cause=16)
    driving.settle()

    assert driving.leg("101") in driving.pbx.ended
    assert driving.is_clean()


def test_one_who_was_left_alone_meanwhile_is_hung_up(is_new_hub: bool) -> None:
    driving = inbound("101")
    driving.pbx.answer(driving.leg("101"))
    driving.settle()
    driving.lose_link()
    driving.pbx.hang_up(CALLER, cause=16)

    back(driving, is_new_hub=is_new_hub)

    assert driving.is_clean()


def test_a_caller_who_was_left_alone_meanwhile_is_no_orphan(is_new_hub: bool) -> None:
    driving = inbound("101", "102")
    driving.pbx.answer(driving.leg("101"))
    driving.settle()
    driving.lose_link()
    driving.pbx.hang_up(driving.leg("101"), cause=16)

    back(driving, is_new_hub=is_new_hub)

    assert driving.pbx.ended[CALLER] == 16
    assert driving.is_clean()


def test_what_rings_goes_on_ringing_and_may_be_answered(is_new_hub: bool) -> None:
    driving = inbound("101", "102")
    driving.lose_link()

    back(driving, is_new_hub=is_new_hub)
    assert driving.pbx.made == [driving.leg("101"), driving.leg("102")]
    driving.pbx.answer(driving.leg("101"))
    driving.settle()

    assert driving.pbx.ended == {driving.leg("102"): 26}
    assert driving.driver.calls[0].phase is Phase.TALKING


def test_a_hunt_goes_on_where_it_was(is_new_hub: bool) -> None:
    driving = inbound("101", "102", "103", kind=GroupKind.HUNT)
    driving.pass_time(10)
    driving.settle()
    driving.lose_link()

    back(driving, is_new_hub=is_new_hub)
    driving.pass_time(10)
    driving.settle()

    assert [one.rsplit("-", 1)[1] for one in driving.pbx.made] == ["101", "102", "103"]


def test_a_caller_who_waits_alone_is_planned_again(is_new_hub: bool) -> None:
    driving = Driving(plans=plan(step("101")))
    driving.pbx.call(CALLER, "inbound", DID)
    driving.deliver_event(CALLER)
    driving.lose_link()

    back(driving, is_new_hub=is_new_hub)

    assert driving.pbx.ringing == [driving.leg("101")]


def test_a_leg_that_answered_as_the_link_broke_is_joined(is_new_hub: bool) -> None:
    driving = inbound("101", "102")
    driving.pbx.answer(driving.leg("101"))
    driving.lose_link()

    back(driving, is_new_hub=is_new_hub)

    assert list(driving.pbx.bridges.values()) == [{CALLER, driving.leg("101")}]
    assert driving.leg("102") in driving.pbx.ended


def test_a_join_that_was_lost_is_done_again(is_new_hub: bool) -> None:
    driving = inbound("101")
    driving.pbx.answer(driving.leg("101"))
    while driving.leg("101") in driving.pbx.events:
        driving.deliver_event(driving.leg("101"))
    driving.lose_link()

    back(driving, is_new_hub=is_new_hub)

    assert list(driving.pbx.bridges.values()) == [{CALLER, driving.leg("101")}]


def test_legs_whose_caller_is_gone_do_not_ring_on(is_new_hub: bool) -> None:
    driving = inbound("101", "102")
    driving.lose_link()
    driving.pbx.hang_up(CALLER, cause=127)

    back(driving, is_new_hub=is_new_hub)

    assert driving.is_clean()


def test_a_bridge_that_nobody_is_in_any_more_is_destroyed(is_new_hub: bool) -> None:
    driving = inbound("101")
    driving.pbx.answer(driving.leg("101"))
    driving.settle()
    driving.lose_link()
    for channel_id in (CALLER, driving.leg("101")):
        driving.pbx.hang_up(channel_id, cause=16)

    back(driving, is_new_hub=is_new_hub)

    assert driving.is_clean()


def test_a_click_that_rings_at_the_employee_goes_on_to_the_client(is_new_hub: bool) -> None:
    driving = Driving()
    driving.take(driving.driver.dial(order(), "Ivan", driving.at))
    driving.settle()
    driving.lose_link()

    back(driving, is_new_hub=is_new_hub)
    driving.pbx.answer(EMPLOYEE)
    driving.settle()

    asked = driving.requests("POST", "channels")[-1].request.query
    assert asked["channelId"] == CLIENT
    assert asked["callerId"] == f'"{DID}" <{DID}>'


def test_a_click_that_rings_at_the_client_goes_on(is_new_hub: bool) -> None:
    driving = Driving()
    driving.take(driving.driver.dial(order(), "Ivan", driving.at))
    driving.settle()
    driving.pbx.answer(EMPLOYEE)
    driving.settle()
    driving.lose_link()

    back(driving, is_new_hub=is_new_hub)
    driving.pbx.answer(CLIENT)
    driving.settle()

    assert list(driving.pbx.bridges.values()) == [{EMPLOYEE, CLIENT}]
    assert driving.pbx.made == [EMPLOYEE, CLIENT]


def test_a_client_who_went_meanwhile_is_not_called_a_second_time(is_new_hub: bool) -> None:
    driving = Driving()
    driving.take(driving.driver.dial(order(), "Ivan", driving.at))
    driving.settle()
    driving.pbx.answer(EMPLOYEE)
    driving.settle()
    driving.lose_link()
    driving.pbx.hang_up(CLIENT, cause=17)

    back(driving, is_new_hub=is_new_hub)

    assert driving.pbx.made == [EMPLOYEE, CLIENT]
    assert driving.is_clean()


def test_one_to_whom_was_passed_on_is_adopted_in_the_place(is_new_hub: bool) -> None:
    driving = inbound("101")
    driving.pbx.answer(driving.leg("101"))
    driving.settle()
    driving.lose_link()
    driving.pbx.channels["9.9"] = SmallChannel(id="9.9", args=(), state="Up", is_in_app=True)
    (members,) = driving.pbx.bridges.values()
    members.add("9.9")
    driving.pbx.hang_up(driving.leg("101"), cause=16)

    driving.find_link(is_new_hub=True)
    driving.settle()
    assert driving.driver.calls[0].far == "9.9"
    driving.pbx.hang_up(CALLER, cause=16)
    driving.settle()

    assert driving.is_clean()


def test_calls_of_others_are_left_alone(is_new_hub: bool) -> None:
    driving = Driving()
    driving.pbx.channels["1.1"] = SmallChannel(id="1.1", args=("menu",), state="Up", is_in_app=True)
    driving.pbx.bridges["theirs"] = {"1.1"}

    back(driving, is_new_hub=is_new_hub)

    assert driving.sent == []
    assert driving.driver.calls == ()
