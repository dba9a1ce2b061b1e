"""An inbound call that the hub routes: who rings, what the caller hears, who gets it."""

from switchhook.connectors.asterisk.drive.call import Phase
from switchhook.connectors.asterisk.drive.settings import DriveSettings
from switchhook.connectors.asterisk.link.presence import note_for_calls
from switchhook.connectors.asterisk.wire import ari
from switchhook.core.directory import Caller, GroupKind
from switchhook.core.link_hub import LinkOrder
from switchhook.core.ring_plan import RingPlan, RingStep

from .driving import CALLER, DID, SETTINGS, Driving, plan, step
from .small_asterisk import SmallAsterisk

ANNOUNCED = DriveSettings(queue_seconds=60, announcement="sound:welcome", tells_position=True)


def called(driving: Driving, *steps: RingStep) -> Driving:
    driving.plans = plan(*steps)
    driving.pbx.call(CALLER, "inbound", DID)
    driving.settle()
    return driving


def rings(driving: Driving) -> list[str]:
    return [one.rsplit("-", 1)[1] for one in driving.pbx.ringing]


def test_the_caller_hears_ringing_before_the_hub_knows_whom_to_ring() -> None:
    driving = Driving()
    driving.pbx.call(CALLER, "inbound", DID)

    driving.deliver_event(CALLER)

    (lane,) = driving.lanes.values()
    assert [one.request.uri for one in lane] == [f"channels/{CALLER}/ring"]
    assert [(one.call_id, one.number, one.did) for one in driving.asked] == [(CALLER, "79161234567", DID)]
    assert driving.free == []


def test_the_name_is_shown_without_signs_that_mean_something() -> None:
    driving = Driving()
    driving.plans = RingPlan(
        caller=Caller(number="79161234567", name='Iv\x00an "\u202eBoss" <script>\n'), steps=(step("101"),)
    )
    driving.pbx.call(CALLER, "inbound", DID)

    driving.settle()

    (made,) = driving.requests("POST", "channels")
    assert made.request.query["callerId"] == "\"Ivan 'Boss' (script)\" <79161234567>"
    (named,) = driving.requests("POST", "/variable")
    assert named.request.query == {"variable": "CALLERID(name)", "value": "Ivan 'Boss' (script)"}


def test_a_withheld_number_is_shown_as_none() -> None:
    driving = Driving()
    driving.plans = plan(step("101"), name=None)
    channel = ari.Channel(id=CALLER, state="Ring", caller=ari.CallerId(number="anonymous"))
    driving.pbx.call(CALLER, "inbound", DID)
    driving.pbx.events.clear()
    driving.take(driving.driver.hear(ari.StasisStart(channel=channel, args=("inbound", DID)), driving.at))

    driving.settle()

    (made,) = driving.requests("POST", "channels")
    assert "callerId" not in made.request.query


def test_the_winner_is_joined_and_the_losers_hear_that_it_was_answered_elsewhere() -> None:
    driving = called(Driving(), step("101", "102", "103"))

    driving.pbx.answer(driving.leg("102"))
    driving.settle()

    (members,) = driving.pbx.bridges.values()
    assert members == {CALLER, driving.leg("102")}
    assert driving.pbx.channels[CALLER].state == "Up"
    assert driving.pbx.ended == {driving.leg("101"): 26, driving.leg("103"): 26}
    (record,) = driving.requests("POST", "/record")
    assert record.request.query["name"].startswith(f"switchhook-{CALLER}-")


def test_nothing_is_recorded_when_that_is_not_wanted() -> None:
    driving = called(Driving(settings=DriveSettings(records=False)), step("101"))

    driving.pbx.answer(driving.leg("101"))
    driving.settle()

    assert driving.requests("POST", "/record") == []


def test_of_two_that_answer_at_once_the_first_to_enter_wins() -> None:
    driving = called(Driving(), step("101", "102"))
    driving.pbx.answer(driving.leg("101"))
    driving.pbx.answer(driving.leg("102"))

    driving.settle()

    assert driving.pbx.ended == {driving.leg("102"): 26}
    assert len(driving.pbx.bridged) == 1


def test_a_caller_who_hangs_up_while_a_phone_answers_leaves_nothing() -> None:
    driving = called(Driving(), step("101"))
    driving.pbx.answer(driving.leg("101"))
    driving.pbx.hang_up(CALLER, cause=127)
    for channel_id in list(driving.pbx.events)[::-1]:
        while channel_id in driving.pbx.events:
            driving.deliver_event(channel_id, twice=True)

    driving.settle()

    assert driving.is_clean()


def test_an_answer_that_says_failed_after_the_legs_own_end_changes_nothing() -> None:
    driving = Driving(plans=plan(step("101"), step("102")))
    driving.pbx.call(CALLER, "inbound", DID)
    driving.deliver_event(CALLER)
    driving.deliver_plan()
    driving.send_free(0)
    driving.pbx.hang_up(driving.leg("101"), cause=17)
    while driving.leg("101") in driving.pbx.events:
        driving.deliver_event(driving.leg("101"))
    driving.answers = [(command, 500) for command, _ in driving.answers]

    driving.settle()

    assert rings(driving) == ["102"]


def test_a_phone_that_is_not_registered_delays_nobody() -> None:
    driving = Driving(pbx=SmallAsterisk({"PJSIP/101"}))

    called(driving, step("101", kind=GroupKind.HUNT), step("102"))

    assert rings(driving) == ["102"]


def test_a_hunt_rings_one_after_another_each_for_its_time() -> None:
    driving = called(Driving(), step("101", "102", kind=GroupKind.HUNT), step("103"))

    seen = [rings(driving)]
    for _ in range(2):
        driving.pass_time(SETTINGS.hunt_seconds)
        driving.settle()
        seen.append(rings(driving))

    assert seen == [["101"], ["102"], ["103"]]


def test_at_the_end_of_the_plan_the_fallback_rings_and_then_the_dialplan_goes_on() -> None:
    driving = called(Driving(settings=DriveSettings(fallback="100")), step("101"))

    driving.pass_time(25)
    driving.settle()
    assert rings(driving) == ["100"]
    driving.pass_time(25)
    driving.settle()

    assert driving.pbx.continued == [CALLER]
    assert driving.is_clean()


def test_a_hub_that_does_not_answer_holds_no_call() -> None:
    driving = Driving()
    driving.pbx.call(CALLER, "inbound", DID)
    driving.deliver_event(CALLER)
    driving.asked.clear()

    driving.pass_time(SETTINGS.plan_seconds)
    driving.settle()

    assert driving.pbx.continued == [CALLER]


def test_a_phone_on_a_driven_call_is_not_rung_a_second_time() -> None:
    driving = called(Driving(), step("101"))
    driving.pbx.answer(driving.leg("101"))
    driving.settle()
    driving.plans = plan(step("101", "102"))

    driving.pbx.call("1795236700.1", "inbound", DID)
    driving.settle()

    assert rings(driving) == ["102"]


def test_and_is_where_that_is_wanted() -> None:
    driving = called(Driving(settings=DriveSettings(rings_talking=True)), step("101"))
    driving.pbx.answer(driving.leg("101"))
    driving.settle()

    driving.pbx.call("1795236700.1", "inbound", DID)
    driving.settle()

    assert rings(driving) == ["101"]


def test_who_is_no_longer_free_is_skipped_until_free_again() -> None:
    driving = Driving()
    driving.driver.no_longer_free("101")
    called(driving, step("101", "102"))
    assert rings(driving) == ["102"]

    driving.driver.free_again("101")
    driving.pbx.call("1795236700.1", "inbound", DID)
    driving.settle()

    assert rings(driving) == ["102", "101", "102"]


def test_a_status_from_elsewhere_counts_for_calls_that_are_handed_round() -> None:
    driving = Driving()
    for availability in ("dinner", "free", "break"):
        body = {"extension": "101", "availability": availability}
        note_for_calls(driving.driver, LinkOrder(id=availability, verb="presence", body=body))

    called(driving, step("101", "102"))

    assert rings(driving) == ["102"]


def test_a_queue_answers_announces_and_plays_music() -> None:
    driving = called(Driving(settings=ANNOUNCED), step(kind=GroupKind.QUEUE, group="sales"))

    assert driving.pbx.channels[CALLER].state == "Up"
    (play,) = [one for one in driving.sent if "/play/" in one.request.uri]
    assert play.request.query["media"] == "sound:welcome,sound:queue-youarenext"
    assert len(driving.requests("POST", "/moh")) == 1


def test_the_second_in_a_queue_is_told_so_and_told_again_when_that_changes() -> None:
    driving = called(Driving(settings=ANNOUNCED), step(kind=GroupKind.QUEUE, group="sales"))
    second = "1795236700.1"
    driving.pbx.call(second, "inbound", DID)
    driving.settle()
    driving.pbx.hang_up(CALLER, cause=16)
    driving.settle()

    driving.pass_time(ANNOUNCED.queue_pause_seconds)
    driving.settle()

    told = [one.request.query["media"] for one in driving.sent if f"{second}/play" in one.request.uri]
    assert told == [
        "sound:welcome,sound:queue-thereare,number:2,sound:queue-callswaiting",
        "sound:queue-youarenext",
    ]


def test_a_queue_rings_who_became_free_and_silences_what_the_caller_heard() -> None:
    driving = called(Driving(settings=ANNOUNCED), step(kind=GroupKind.QUEUE, group="sales"))
    driving.plans = plan(step("102", kind=GroupKind.QUEUE, group="sales"))
    driving.pass_time(ANNOUNCED.queue_pause_seconds)
    driving.settle()

    driving.pbx.answer(driving.leg("102"))
    driving.settle()

    uris = [one.request.uri for one in driving.sent]
    stopped = [one.request.uri for one in driving.sent if one.request.method == "DELETE"]
    assert [uri.partition("/")[0] for uri in stopped] == ["playbacks", "channels"]
    assert uris.index(stopped[1]) < next(index for index, uri in enumerate(uris) if "addChannel" in uri)


def test_who_waited_too_long_goes_on_to_the_next_step() -> None:
    driving = called(Driving(), step("101", kind=GroupKind.QUEUE, group="sales"), step("103"))

    rung = []
    for _ in range(30):
        driving.pass_time(3)
        driving.settle()
        rung += rings(driving)
        if "103" in rung:
            break

    assert (driving.at - driving.driver.calls[0].began_at).total_seconds() >= SETTINGS.queue_seconds
    assert len([one for one in driving.pbx.made if one.endswith("-101")]) > 2


def test_the_dialplan_may_go_on_when_the_employee_has_hung_up() -> None:
    driving = called(Driving(settings=DriveSettings(continues_after_talk=True)), step("101"))
    driving.pbx.answer(driving.leg("101"))
    driving.settle()

    driving.pbx.hang_up(driving.leg("101"), cause=16)
    driving.settle()

    assert driving.pbx.continued == [CALLER]
    assert driving.is_clean()


def test_an_employee_who_hangs_up_ends_the_call() -> None:
    driving = called(Driving(), step("101"))
    driving.pbx.answer(driving.leg("101"))
    driving.settle()

    driving.pbx.hang_up(driving.leg("101"), cause=16)
    driving.settle()

    assert driving.pbx.ended[CALLER] == 16
    assert driving.is_clean()


def test_the_same_words_of_a_call_that_is_over_begin_no_new_one() -> None:
    driving = Driving(plans=plan(step("101")))
    driving.pbx.call(CALLER, "inbound", DID)
    (said,) = driving.pbx.events[CALLER]
    driving.settle()
    driving.pbx.hang_up(CALLER, cause=16)
    driving.settle()

    driving.take(driving.driver.hear(said, driving.at))

    assert driving.driver.calls == ()
    assert not driving.asked


def test_a_leg_that_comes_when_its_call_is_long_over_does_not_stay() -> None:
    driving = called(Driving(), step("101"))
    leg = driving.leg("101")
    driving.pbx.answer(leg)
    driving.driver = type(driving.driver)(SETTINGS)

    driving.settle()

    assert driving.pbx.ended[leg] == 16


def test_other_applications_and_other_arguments_are_left_alone() -> None:
    driving = Driving()
    other = ari.StasisStart(
        channel=ari.Channel(id="1.1"), args=("inbound", DID), application="another", timestamp="t"
    )
    unknown = ari.StasisStart(channel=ari.Channel(id="1.2"), args=("menu",), application="switchhook")

    assert driving.driver.hear(other, driving.at) == ()
    assert driving.driver.hear(unknown, driving.at) == ()
    assert driving.driver.calls == ()


def test_a_call_is_planned_once_however_often_it_is_told() -> None:
    driving = Driving(plans=plan(step("101")))
    driving.pbx.call(CALLER, "inbound", DID)

    driving.deliver_event(CALLER, twice=True)

    assert len(driving.asked) == 1
    assert driving.driver.calls[0].phase is Phase.PLANNING
