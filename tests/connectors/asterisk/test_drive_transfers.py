"""Calls that are passed on by a phone: what Asterisk does itself, and what is left to us."""

import pytest

from switchhook.connectors.asterisk.drive.call import Phase
from switchhook.connectors.asterisk.wire import ari

from .driving import CALLER, DID, Driving, plan, step
from .small_asterisk import SmallChannel

LOCAL, LOCAL_NAME = "1795262125.52", "Local/103@from-phones-00000005;1"


def talking() -> Driving:
    driving = Driving(plans=plan(step("101")))
    driving.pbx.call(CALLER, "inbound", DID)
    driving.settle()
    driving.pbx.answer(driving.leg("101"))
    driving.settle()
    return driving


def passed_on(driving: Driving, name: str = LOCAL_NAME) -> None:
    """As Asterisk 16 and 22 did it: a Local channel takes the place of the phone that sent REFER."""
    phone = driving.pbx.channels[driving.leg("101")]
    local = driving.pbx.channels[LOCAL] = SmallChannel(id=LOCAL, args=(), is_in_app=True)
    (members,) = driving.pbx.bridges.values()
    members.symmetric_difference_update({phone.id, LOCAL})
    shown = ari.Channel(id=local.id, name=name, state="Down")
    start = ari.StasisStart(channel=shown, replace_channel=driving.pbx.shown(phone), timestamp="z")
    driving.take(driving.driver.hear(start, driving.at))
    done = ari.BridgeBlindTransfer(channel=driving.pbx.shown(phone), result="Success")
    driving.take(driving.driver.hear(done, driving.at))


def test_who_was_put_in_the_place_talks_and_who_passed_on_may_go() -> None:
    driving = talking()
    passed_on(driving)

    driving.pbx.hang_up(driving.leg("101"), cause=16)
    driving.settle()

    (call,) = driving.driver.calls
    assert (call.phase, call.far) == (Phase.TALKING, LOCAL)
    assert driving.pbx.bridges


def test_a_phone_that_passed_on_and_stays_is_hung_up_after_a_while() -> None:
    driving = talking()
    passed_on(driving)

    driving.pass_time(6)
    driving.settle()

    assert driving.leg("101") in driving.pbx.ended
    assert CALLER in driving.pbx.channels


def test_the_end_of_the_caller_ends_the_one_in_the_place_at_once() -> None:
    driving = talking()
    passed_on(driving)
    driving.pbx.hang_up(driving.leg("101"), cause=16)

    driving.pbx.hang_up(CALLER, cause=16)
    driving.settle()

    assert LOCAL in driving.pbx.ended
    assert driving.is_clean()


def test_a_caller_who_was_passed_on_to_nobody_goes_on_in_the_dialplan() -> None:
    driving = talking()
    passed_on(driving)
    driving.pbx.hang_up(driving.leg("101"), cause=16)

    driving.pbx.hang_up(LOCAL, cause=19)
    driving.settle()

    assert driving.pbx.continued == [CALLER]
    assert driving.is_clean()


def test_one_who_has_answered_in_the_place_and_hangs_up_ends_the_call() -> None:
    driving = talking()
    passed_on(driving)
    driving.pbx.hang_up(driving.leg("101"), cause=16)
    answered = ari.ChannelStateChange(channel=ari.Channel(id=LOCAL, state="Up"))
    driving.take(driving.driver.hear(answered, driving.at))

    driving.pbx.hang_up(LOCAL, cause=16)
    driving.settle()

    assert driving.pbx.ended[CALLER] == 16
    assert driving.is_clean()


def test_the_extension_to_which_was_passed_on_counts_as_talking() -> None:
    driving = talking()
    passed_on(driving)
    driving.plans = plan(step("103", "102"))

    driving.pbx.call("1795236700.1", "inbound", DID)
    driving.settle()

    assert [one.rsplit("-", 1)[1] for one in driving.pbx.ringing] == ["102"]


def test_a_caller_whom_asterisk_takes_elsewhere_is_not_ended() -> None:
    """An attended transfer pulls the caller out of our application into another bridge."""
    driving = talking()
    shown = driving.pbx.shown(driving.pbx.channels[CALLER])
    driving.pbx.channels[CALLER].is_in_app = False
    driving.take(driving.driver.hear(ari.StasisEnd(channel=shown, timestamp="z"), driving.at))

    driving.pass_time(0.6)
    driving.settle()

    assert CALLER in driving.pbx.channels
    assert driving.leg("101") in driving.pbx.ended
    assert driving.driver.calls == ()


def test_a_call_that_a_transfer_context_hands_back_rings_the_extension_it_names() -> None:
    driving = talking()
    first = driving.pbx.channels[CALLER]
    driving.take(
        driving.driver.hear(ari.StasisEnd(channel=driving.pbx.shown(first), timestamp="y"), driving.at)
    )
    driving.pbx.call(CALLER, "transfer", "103")
    driving.settle()

    ringing = driving.leg("103")
    driving.pbx.answer(ringing)
    driving.settle()

    (members,) = driving.pbx.bridges.values()
    assert members == {CALLER, ringing}
    assert driving.asked == []


def test_and_goes_on_in_the_dialplan_when_that_does_not_answer() -> None:
    driving = Driving()
    driving.pbx.call(CALLER, "transfer", "103")
    driving.settle()

    driving.pbx.hang_up(driving.leg("103"), cause=17)
    driving.settle()

    assert driving.pbx.continued == [CALLER]


@pytest.mark.parametrize("is_first", [True, False])
def test_what_a_transfer_context_rings_shows_the_caller_and_not_the_channel_between(is_first: bool) -> None:
    driving = talking()
    other = ari.Channel(id="1795262125.53", name="Local/*7103@from-phones-00000005;2", state="Ring")
    driving.pbx.channels[other.id] = SmallChannel(id=other.id, args=("transfer", "103"), is_in_app=True)
    start = ari.StasisStart(channel=other, args=("transfer", "103"), timestamp="zz")

    if is_first:
        driving.take(driving.driver.hear(start, driving.at))
        driving.settle()
    passed_on(driving, "Local/*7103@from-phones-00000005;1")
    if not is_first:
        driving.take(driving.driver.hear(start, driving.at))
    driving.settle()

    made = driving.requests("POST", "channels")[-1].request.query
    assert (made["endpoint"], made["callerId"]) == ("PJSIP/103", '"Ivan" <79161234567>')


def test_a_local_channel_that_no_talk_passed_on_rings_all_the_same() -> None:
    driving = Driving()
    other = ari.Channel(id="1.53", name="Local/103@somewhere-00000005;2", state="Ring")
    driving.pbx.channels[other.id] = SmallChannel(id=other.id, args=("transfer", "103"), is_in_app=True)
    start = ari.StasisStart(channel=other, args=("transfer", "103"), timestamp="zz")

    driving.take(driving.driver.hear(start, driving.at))
    driving.pass_time(0.6)
    driving.settle()

    assert driving.pbx.ringing == [driving.leg("103")]
