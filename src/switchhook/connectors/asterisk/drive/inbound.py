"""A caller who is ours to route: whom to ring, for how long, and what is heard meanwhile. Pure."""

from datetime import datetime, timedelta

from switchhook.connectors.asterisk.drive import requests, talk
from switchhook.connectors.asterisk.drive.call import Call, Phase
from switchhook.connectors.asterisk.drive.commands import AskPlan, Command, Purpose
from switchhook.connectors.asterisk.drive.house import NORMAL, House
from switchhook.connectors.asterisk.drive.names import PLAYBACK, RING, LegName
from switchhook.connectors.asterisk.wire import rest
from switchhook.core.directory import Caller, GroupKind
from switchhook.core.errors import BadMessage
from switchhook.core.ring_plan import RingPlan, RingStep

# Both halves of a Local channel are told of at once, in either order.
PAIRED_WITHIN = timedelta(seconds=0.5)


def begin(call: Call, house: House, at: datetime) -> list[Command]:
    """Let the caller hear that it rings, and ask whom to ring."""
    ring = house.ask(call, Purpose.HOLD, rest.ring(call.near), channel=call.near)
    return [ring, *ask_plan(call, house, at)]


def begin_passed_on(
    call: Call, extension: str, house: House, at: datetime, *, is_half: bool
) -> list[Command]:
    """Ring the extension a caller was passed on to; for a Local channel, once its other half is known."""
    because = "the call was transferred there"
    step = RingStep(extensions=(extension,), kind=GroupKind.RING, because=because)
    caller = Caller(number=call.number, name=call.name or None)
    plan = call.plan = RingPlan(caller=caller, steps=(step,) if extension else ())
    call.did, call.turn_ends_at = None, at + PAIRED_WITHIN
    ring = house.ask(call, Purpose.HOLD, rest.ring(call.near), channel=call.near)
    return [ring] if is_half else [ring, *planned(call, plan, house, at)]


def paired(call: Call, first: Call, house: House, at: datetime) -> list[Command]:
    """Show the caller of the talk from which this call was passed on, and not the channel between."""
    call.number, call.name = first.number, first.name
    assert call.plan is not None
    caller = Caller(number=first.number, name=first.name or None)
    return planned(call, RingPlan(caller=caller, steps=call.plan.steps), house, at)


def ask_plan(call: Call, house: House, at: datetime) -> list[Command]:
    call.phase = Phase.PLANNING
    call.turn_ends_at = at + timedelta(seconds=house.settings.plan_seconds)
    return [AskPlan(call=call.key, call_id=call.call_id, number=call.number, did=call.did)]


def planned(call: Call, plan: RingPlan, house: House, at: datetime) -> list[Command]:
    """Take the plan, or while the call waits in a queue the news who is free by now."""
    if call.phase is not Phase.PLANNING:
        return []
    commands: list[Command] = []
    if call.queued_at is not None:
        call.plan = _refreshed(call, plan)
    else:
        call.plan = plan if call.plan is not None else _with_fallback(plan, house.settings.fallback)
        commands += _name(call, plan, house)
    if call.ringing:  # it was adopted while these rang
        return [*commands, *_rings_on(call, house, at)]
    return commands + begin_turn(call, house, at)


def advance(call: Call, house: House, at: datetime) -> list[Command]:
    """Go on when nothing rings any more."""
    if call.phase is not Phase.RINGING or call.ringing:
        return []
    if call.queued_at is not None:
        return _pause(call, house, at)
    return begin_turn(call, house, at)


def time_passed(call: Call, house: House, at: datetime) -> list[Command]:
    """Do what is due."""
    if call.turn_ends_at is None or at < call.turn_ends_at:
        return []
    if call.phase is Phase.PLANNING:  # the hub owes an answer: go on with what is known
        return planned(call, call.plan or RingPlan(caller=Caller(number=call.number), steps=()), house, at)
    if call.phase is Phase.PAUSING:
        return ask_plan(call, house, at)
    if call.phase is not Phase.RINGING:
        return []
    return house.drop_all(call, call.ringing, NORMAL, at=at) + advance(call, house, at)


def begin_turn(call: Call, house: House, at: datetime) -> list[Command]:
    """Ring whoever is next; with nobody left the dialplan goes on."""
    commands: list[Command] = []
    while (step := call.current) is not None:
        call.turn += 1
        if step.kind is GroupKind.QUEUE:
            commands += _enter_queue(call, house, at)
            if _is_queue_time_over(call, house, at):
                _next_step(call)
                continue
        elif call.turn >= _turns(step):
            _next_step(call)
            continue
        extensions = _extensions(call, step, house)
        seconds = _ring_seconds(step, house)
        for extension in extensions:
            commands += _ring(call, extension, seconds, house, at)
        if call.ringing:
            call.phase, call.turn_ends_at = Phase.RINGING, at + timedelta(seconds=seconds)
            return commands
        if step.kind is GroupKind.QUEUE:
            return commands + _pause(call, house, at)
    return commands + talk.leave(call, house, at)


def _turns(step: RingStep) -> int:
    return len(step.extensions) if step.kind is GroupKind.HUNT else 1


def _extensions(call: Call, step: RingStep, house: House) -> list[str]:
    wanted = step.extensions[call.turn : call.turn + 1] if step.kind is GroupKind.HUNT else step.extensions
    return [one for one in dict.fromkeys(wanted) if house.is_free(one, call)]


def _ring_seconds(step: RingStep, house: House) -> int:
    return {
        GroupKind.RING: house.settings.ring_seconds,
        GroupKind.HUNT: house.settings.hunt_seconds,
        GroupKind.QUEUE: house.settings.queue_ring_seconds,
    }[step.kind]


def _ring(call: Call, extension: str, seconds: int, house: House, at: datetime) -> list[Command]:
    commands: list[Command] = []
    for device, endpoint in enumerate(house.settings.endpoints_of(extension)):
        name = LegName(
            kind=RING,
            call=call.id,
            visit=call.visit,
            step=call.step,
            turn=call.turn,
            device=device,
            extension=extension,
        )
        commands += house.make(
            call,
            name,
            endpoint=endpoint,
            arguments=("leg",),
            shows=(requests.shown_number(call.number), requests.shown_name(call.name)),
            seconds=seconds,
            at=at,
            originator=call.near,
        )
    return commands


def _rings_on(call: Call, house: House, at: datetime) -> list[Command]:
    step = call.current
    seconds = _ring_seconds(step, house) if step is not None else house.settings.ring_seconds
    call.phase, call.turn_ends_at = Phase.RINGING, at + timedelta(seconds=seconds)
    if step is not None and step.kind is GroupKind.QUEUE:
        call.queued_at = call.queued_at or at
    return []


def _next_step(call: Call) -> None:
    call.step, call.turn, call.queued_at = call.step + 1, -1, None


def _enter_queue(call: Call, house: House, at: datetime) -> list[Command]:
    """Answer, since before that nothing but ringing is heard, then say what there is to say."""
    settings = house.settings
    commands: list[Command] = []
    media: list[str] = []
    if call.queued_at is None:
        call.queued_at, call.told_position = at, 0
        if not call.is_answered:
            call.is_answered = True
            commands.append(house.ask(call, Purpose.HOLD, rest.answer(call.near), channel=call.near))
        media += [settings.announcement] if settings.announcement else []
        is_new = True
    else:
        is_new = False
    position = house.position(call)
    if settings.tells_position and position != call.told_position:
        call.told_position = position
        media += _position_media(position)
    if media:
        call.plays = f"{PLAYBACK}-{call.key}-{call.step}.{call.turn}"
        commands.append(
            house.ask(call, Purpose.EXTRA, requests.play(call.near, playback_id=call.plays, media=media))
        )
    if settings.music and (is_new or media):
        call.has_music = True
        request = requests.start_music(call.near, music=settings.music)
        commands.append(house.ask(call, Purpose.EXTRA, request))
    return commands


def _position_media(position: int) -> list[str]:
    """Say it with the sounds that Asterisk's own queues use."""
    if position == 1:
        return ["sound:queue-youarenext"]
    return ["sound:queue-thereare", f"number:{position}", "sound:queue-callswaiting"]


def _is_queue_time_over(call: Call, house: House, at: datetime) -> bool:
    assert call.queued_at is not None
    return at >= call.queued_at + timedelta(seconds=house.settings.queue_seconds)


def _pause(call: Call, house: House, at: datetime) -> list[Command]:
    call.phase = Phase.PAUSING
    call.turn_ends_at = at + timedelta(seconds=house.settings.queue_pause_seconds)
    return []


def _refreshed(call: Call, plan: RingPlan) -> RingPlan:
    """Put the phones that are free now into the step at which the call waits."""
    assert call.plan is not None
    step = call.current
    group = step.group if step is not None else None
    found = (one for one in plan.steps if one.kind is GroupKind.QUEUE and one.group == group)
    now = next(found, None)
    if now is None:
        return call.plan
    steps = (*call.plan.steps[: call.step], now, *call.plan.steps[call.step + 1 :])
    return RingPlan(caller=call.plan.caller, steps=steps)


def _with_fallback(plan: RingPlan, extension: str) -> RingPlan:
    if not extension:
        return plan
    last = RingStep(extensions=(extension,), kind=GroupKind.RING, because="the fallback of this connection")
    return RingPlan(caller=plan.caller, steps=(*plan.steps, last), because=plan.because)


def _name(call: Call, plan: RingPlan, house: House) -> list[Command]:
    """Tell the PBX who calls: its own dialplan, should it go on, and its records have the name too."""
    call.name = plan.caller.name or call.name
    shown = requests.shown_name(plan.caller.name or "")
    if not shown:
        return []
    try:
        request = rest.set_variable(call.near, variable="CALLERID(name)", value=shown)
    except BadMessage:
        return []
    return [house.ask(call, Purpose.EXTRA, request)]
