"""What holds for every driven call, however its events, answers, breaks and people's doings fall together."""

from collections.abc import Callable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.connectors.asterisk.drive.call import Phase
from switchhook.core.directory import GroupKind
from switchhook.core.ring_plan import RingPlan

from .driving import CALLER, DID, Driving, order, plan, step
from .small_asterisk import SmallAsterisk

Doing = Callable[[], None]
KINDS = st.sampled_from(GroupKind)
EXTENSIONS = st.lists(st.sampled_from(["101", "102", "103"]), max_size=3, unique=True).map(tuple)
PLANS = st.lists(
    st.builds(lambda kind, some: step(*some, kind=kind, group="sales"), KINDS, EXTENSIONS), max_size=3
).map(lambda steps: plan(*steps))
UNREGISTERED = st.sets(st.sampled_from(["PJSIP/101", "PJSIP/102", "PJSIP/79997776655@trunk"]))
TAPES = st.lists(st.integers(min_value=0, max_value=10_000), max_size=120)


def doings(driving: Driving, *, breaks: bool) -> Sequence[Doing]:
    """Give everything that may happen next."""
    pbx = driving.pbx
    if not pbx.is_served:
        return [
            lambda: driving.find_link(is_new_hub=True),
            lambda: driving.find_link(is_new_hub=False),
            *people(pbx),
        ]
    able: list[Doing] = [lambda: driving.pass_time(0.2)]
    if not driving.is_waiting:  # a request takes no minute
        able.append(lambda: driving.pass_time(4))
    able += [lambda index=index: driving.send_free(index) for index in range(len(driving.free))]  # type: ignore[misc]
    able += [lambda key=key: driving.send(driving.lanes[key].popleft()) for key in driving.sendable()]  # type: ignore[misc]
    able += [lambda index=index: driving.deliver_answer(index) for index in range(len(driving.answers))]  # type: ignore[misc]
    able += [lambda one=one: driving.deliver_event(one) for one in pbx.events]  # type: ignore[misc]
    able += [lambda one=one: driving.deliver_event(one, twice=True) for one in pbx.events]  # type: ignore[misc]
    able += [driving.deliver_plan] if driving.asked else []
    able += [driving.lose_link] if breaks else []
    return able + people(pbx)


def people(pbx: SmallAsterisk) -> list[Doing]:
    able: list[Doing] = [lambda one=one: pbx.answer(one) for one in pbx.ringing]  # type: ignore[misc]
    able += [lambda one=one: pbx.hang_up(one, cause=17) for one in list(pbx.channels)]  # type: ignore[misc]
    return able


def play(driving: Driving, tape: Sequence[int], *, breaks: bool) -> None:
    """Do what the tape says; whatever happens there are never two talks."""
    for number in tape:
        able = doings(driving, breaks=breaks)
        able[number % len(able)]()
        assert all(len(members) <= 2 for members in driving.pbx.bridges.values())
        assert len(driving.pbx.bridges) <= 1


def finish(driving: Driving) -> None:
    """Everybody hangs up in the end, and all that is still under way arrives."""
    if not driving.pbx.is_served:
        driving.find_link(is_new_hub=False)
    for _ in range(40):
        driving.settle()
        driving.pass_time(5)
    for channel_id in [one.id for one in driving.pbx.channels.values() if one.state == "Up" and one.bridge]:
        driving.pbx.hang_up(channel_id, cause=16)
    if CALLER in driving.pbx.channels:
        driving.pbx.hang_up(CALLER, cause=16)
    for _ in range(10):
        driving.settle()
        driving.pass_time(5)


@given(tape=TAPES, plans=PLANS, unregistered=UNREGISTERED)
@settings(max_examples=300)
def test_an_inbound_call_leaves_nothing_behind(
    tape: list[int], plans: RingPlan, unregistered: set[str]
) -> None:
    driving = Driving(pbx=SmallAsterisk(unregistered), plans=plans)
    driving.pbx.call(CALLER, "inbound", DID)

    play(driving, tape, breaks=False)
    finish(driving)

    assert driving.is_clean()
    assert len(driving.pbx.bridged) <= 1
    assert len(set(driving.pbx.made)) == len(driving.pbx.made)


@given(tape=TAPES, plans=PLANS, unregistered=UNREGISTERED)
@settings(max_examples=300)
def test_nor_does_one_whose_link_breaks_or_whose_hub_dies(
    tape: list[int], plans: RingPlan, unregistered: set[str]
) -> None:
    driving = Driving(pbx=SmallAsterisk(unregistered), plans=plans)
    driving.pbx.call(CALLER, "inbound", DID)

    play(driving, tape, breaks=True)
    finish(driving)

    assert driving.is_clean()


@given(tape=TAPES, unregistered=UNREGISTERED, breaks=st.booleans())
@settings(max_examples=300)
def test_a_click_rings_and_calls_once_and_leaves_nothing_behind(
    tape: list[int], unregistered: set[str], breaks: bool
) -> None:
    driving = Driving(pbx=SmallAsterisk(unregistered))
    driving.take(driving.driver.dial(order(), "Ivan", driving.at))

    play(driving, tape, breaks=breaks)
    finish(driving)
    talks = [call for call in driving.driver.calls if call.phase is Phase.TALKING]
    for call in talks:
        driving.pbx.hang_up(call.far, cause=16)
    finish(driving)

    assert driving.is_clean()
    assert len(set(driving.pbx.made)) == len(driving.pbx.made) <= 2
