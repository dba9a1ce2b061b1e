"""From the answer to the end: two parties in one bridge, recorded, and nothing left behind. Pure."""

from datetime import datetime

from switchhook.connectors.asterisk.drive import requests
from switchhook.connectors.asterisk.drive.call import Call, Leg, Phase
from switchhook.connectors.asterisk.drive.commands import Command, Purpose
from switchhook.connectors.asterisk.drive.house import ELSEWHERE, NORMAL, House
from switchhook.connectors.asterisk.drive.names import bridge_id, recording_name
from switchhook.connectors.asterisk.wire import rest

# Causes that say something to a phone (ITU-T Q.850); any other end is a normal one.
TELLING = frozenset({1, 3, 17, 18, 19, 20, 21, 22, 27, 28, 34, 38, 42})


def connect(call: Call, far: Leg, house: House, at: datetime) -> list[Command]:
    """Join the party that waits with the one who answered first; the others hear that it is taken."""
    call.far, call.phase, call.turn_ends_at = far.id, Phase.TALKING, None
    commands = house.drop_all(call, call.ringing, ELSEWHERE, at=at)
    commands += quieten(call, house)
    if not call.is_answered:
        call.is_answered = True
        commands.append(house.ask(call, Purpose.HOLD, rest.answer(call.near), channel=call.near))
    return commands + join(call, house)


def join(call: Call, house: House) -> list[Command]:
    """Put both parties into the bridge; it may be there already."""
    call.has_bridge = True
    bridge = bridge_id(call.id, call.visit)
    commands: list[Command] = [
        house.ask(call, Purpose.CONNECT, rest.create_bridge(bridge)),
        house.ask(call, Purpose.CONNECT, rest.add_to_bridge(bridge, [call.near, call.far])),
    ]
    if house.settings.records:
        name = recording_name(call.call_id or call.near, call.visit)
        commands.append(house.ask(call, Purpose.EXTRA, rest.record_bridge(bridge, recording=name)))
    return commands


def quieten(call: Call, house: House) -> list[Command]:
    """Stop what the waiting party is played: it enters no bridge before."""
    commands: list[Command] = []
    if call.plays:
        commands.append(house.ask(call, Purpose.EXTRA, requests.stop_playing(call.plays)))
        call.plays = ""
    if call.has_music:
        commands.append(house.ask(call, Purpose.EXTRA, requests.stop_music(call.near)))
        call.has_music = False
    return commands


def leave(call: Call, house: House, at: datetime) -> list[Command]:
    """Let the dialplan go on with the caller, as if there were no hub."""
    if call.is_click or call.party is None:
        return end(call, house, at)
    call.phase, call.turn_ends_at = Phase.LEAVING, None
    commands = house.drop_all(call, call.ringing, NORMAL, at=at)
    commands += quieten(call, house)
    commands += destroy(call, house)
    request = rest.continue_in_dialplan(call.near)
    return [*commands, house.ask(call, Purpose.CONTINUE, request, channel=call.near)]


def end(call: Call, house: House, at: datetime, *, cause: int = NORMAL) -> list[Command]:
    """End every leg that is left, and the bridge; after a transfer Asterisk and the phones do most of it."""
    if call.phase is not Phase.OVER:
        call.phase, call.over_at, call.turn_ends_at = Phase.OVER, at, None
    house.over.add(call.key)
    commands = [] if call.is_transferred else house.drop_all(call, call.legs.values(), cause, at=at)
    return commands + destroy(call, house)


def destroy(call: Call, house: House) -> list[Command]:
    if not call.has_bridge:
        return []
    request = rest.destroy_bridge(bridge_id(call.id, call.visit))
    return [house.ask(call, Purpose.DESTROY, request)]


def party_gone(call: Call, leg: Leg, house: House, at: datetime) -> list[Command]:
    """One of the two is gone: so is the other, unless the dialplan is to go on with the caller.

    It does with one who was transferred to where nobody answers: what follows `Stasis()` is kinder than an
    end.
    """
    waits = call.party
    is_callers = not call.is_click and waits is not None and leg.id == call.far and not call.is_transferred
    if is_callers and (house.settings.continues_after_talk or leg.is_guest):
        call.far = ""
        return leave(call, house, at)
    return end(call, house, at, cause=told(leg.cause))


def replace_party(call: Call, old: Leg, new: Leg, house: House, at: datetime) -> None:
    """Put a channel in the place of one that transferred its call; Asterisk has put it into the bridge."""
    house.add_leg(call, new)
    if call.near == old.id:
        call.near = new.id
    elif call.far == old.id:
        call.far = new.id
    old.replaced_at = at


def told(cause: int | None) -> int:
    """Give the cause with which the other party hears of an end: 32 and the like are flags of Asterisk's."""
    return cause if cause in TELLING else NORMAL
