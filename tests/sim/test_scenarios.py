"""Scenarios: the same for the same seed, and each goes the way its name says."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from switchhook.core.call import Call, Direction, Disposition, Tick
from switchhook.core.fold import Birth, fold
from switchhook.core.timers import due_at
from switchhook.sim.scenarios import CLICK_TO_CALL, PLAIN, SCENARIOS, Cast, Scenario
from switchhook.sim.scenarios.script import Record, Tell

START = datetime(2026, 3, 4, 10, 15, 30, tzinfo=UTC)
BIRTH = Birth(id="1", connection_id="c", shared_id="K", recording_token="t" * 32, call_id="K")
CAST = Cast(
    call_id="K",
    number="+79165550142",
    did="+74955550100",
    extensions=("101", "102", "103", "104"),
    custom={"utm_source": "ads"},
)
ENDS = {
    "missed": Disposition.MISSED,
    "busy": Disposition.BUSY,
    "abandoned": Disposition.ABANDONED,
    "group_missed": Disposition.MISSED,
    "outbound_busy": Disposition.BUSY,
    "outbound_no_answer": Disposition.NO_ANSWER,
    "outbound_unavailable": Disposition.UNREACHABLE,
    "outbound_not_allowed": Disposition.FORBIDDEN,
}
WHO = {"ring_group": "102", "hunt": "103", "pickup": "103", "transfer": "102"}


def folded(scenario: Scenario, seed: int) -> Call:
    call: Call | None = None
    at = START
    for step in scenario.play(random.Random(seed), CAST):
        at = START + timedelta(seconds=step.at_seconds)
        if isinstance(step.act, Tell):
            call, _ = fold(call, step.act.news, at=at, birth=BIRTH)
    assert call is not None
    while (due := due_at(call)) is not None:
        call, _ = fold(call, Tick(call_id="K"), at=due, birth=BIRTH)
    return call


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_seed_plays_the_same_call(name: str) -> None:
    play = SCENARIOS[name].play

    assert play(random.Random(7), CAST) == play(random.Random(7), CAST)


@pytest.mark.parametrize("name", SCENARIOS)
def test_steps_come_in_the_order_of_their_times(name: str) -> None:
    times = [step.at_seconds for step in SCENARIOS[name].play(random.Random(3), CAST)]

    assert times == sorted(times)


@pytest.mark.parametrize("scenario", [*PLAIN, CLICK_TO_CALL], ids=lambda scenario: scenario.name)
def test_a_scenario_ends_as_its_name_says(scenario: Scenario) -> None:
    call = folded(scenario, seed=5)

    assert call.disposition == ENDS.get(scenario.name, Disposition.ANSWERED)
    assert call.extension == WHO.get(scenario.name, "101")
    is_outbound = scenario.name.startswith("outbound") or scenario is CLICK_TO_CALL
    assert call.direction is (Direction.OUTBOUND if is_outbound else Direction.INBOUND)


def test_a_mixed_day_has_calls_of_many_kinds() -> None:
    ends = {folded(SCENARIOS["mixed"], seed=seed).disposition for seed in range(60)}

    assert ends >= {Disposition.ANSWERED, Disposition.MISSED, Disposition.NO_ANSWER}


@pytest.mark.parametrize(("name", "is_before"), [("recording_at_once", True), ("recording_late", False)])
def test_a_recording_is_there_at_the_end_or_after_it(name: str, is_before: bool) -> None:
    acts = [type(step.act) for step in SCENARIOS[name].play(random.Random(1), CAST)]

    assert (acts.index(Record) < len(acts) - 1) is is_before
