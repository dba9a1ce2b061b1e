"""Requests and events that cross on their way: a leg is ended once, and surely."""

import pytest

from .driving import CALLER, DID, Driving, plan, step


def loser_is_not_made_yet() -> Driving:
    """101 has answered; the end of 102 was asked for before its making went out."""
    driving = Driving(plans=plan(step("101", "102")))
    driving.pbx.call(CALLER, "inbound", DID)
    driving.deliver_event(CALLER)
    driving.deliver_plan()
    driving.send_free(0)
    driving.pbx.answer(driving.leg("101"))
    while driving.leg("101") in driving.pbx.events:
        driving.deliver_event(driving.leg("101"))
    assert [one.request.method for one in driving.free] == ["POST", "DELETE"]
    driving.answers.clear()
    driving.send_free(1)
    return driving


@pytest.mark.parametrize("order", [(0, 0), (1, 0)], ids=["end first", "making first"])
def test_an_end_that_overtook_the_making_is_asked_for_again(order: tuple[int, int]) -> None:
    driving = loser_is_not_made_yet()
    driving.send_free(0)
    for index in order:
        driving.deliver_answer(index)

    driving.settle()

    assert driving.pbx.ended == {driving.leg("102"): 26}


def test_a_phone_that_answers_in_between_does_not_stay() -> None:
    driving = loser_is_not_made_yet()
    driving.deliver_answer(0)
    driving.send_free(0)
    driving.pbx.answer(driving.leg("102"))

    while driving.leg("102") in driving.pbx.events:
        driving.deliver_event(driving.leg("102"))

    assert [one.request.method for one in driving.free] == ["DELETE"]
    driving.settle()
    assert driving.pbx.ended == {driving.leg("102"): 26}


def test_a_making_that_was_refused_after_its_end_was_asked_for_is_over() -> None:
    driving = loser_is_not_made_yet()
    driving.pbx.unregistered = {"PJSIP/102"}
    driving.settle()
    driving.pbx.hang_up(CALLER, cause=16)

    driving.settle()

    assert driving.is_clean()


def test_an_end_of_which_nothing_was_heard_is_asked_for_again() -> None:
    driving = Driving(plans=plan(step("101", "102")))
    driving.pbx.call(CALLER, "inbound", DID)
    driving.settle()
    driving.pbx.hang_up(CALLER, cause=16)
    for channel_id in list(driving.pbx.events):
        while channel_id in driving.pbx.events:
            driving.deliver_event(channel_id)
    while driving.free:
        driving.send_free(0)
    driving.pbx.events.clear()  # that they have ended is never told
    driving.settle()
    assert driving.driver.calls

    driving.pass_time(5)
    driving.settle()

    assert driving.is_clean()


def test_each_leg_is_ended_once_and_the_bridge_too_however_often_that_is_told() -> None:
    driving = Driving(plans=plan(step("101", "102")))
    driving.pbx.call(CALLER, "inbound", DID)
    driving.settle()
    loser, winner = driving.leg("101"), driving.leg("102")
    driving.pbx.answer(winner)
    while winner in driving.pbx.events:
        driving.deliver_event(winner)
    while driving.free:
        driving.send_free(0)
    driving.deliver_answer(0)
    for _ in range(4):
        for key in driving.sendable():
            driving.send(driving.lanes[key].popleft())
        driving.deliver_answer(0)
    driving.pbx.hang_up(CALLER, cause=16)

    while CALLER in driving.pbx.events:
        driving.deliver_event(CALLER, twice=True)
    driving.settle()

    ended = [one.request.uri for one in driving.sent if one.request.method == "DELETE"]
    assert sorted(uri.partition("/")[0] for uri in ended) == ["bridges", "channels", "channels"]
    assert {uri.partition("/")[2] for uri in ended if uri.startswith("channels")} == {loser, winner}
    assert driving.is_clean()
