"""Calls found in Asterisk's own lists: after a link was lost, or by a hub that was started anew. Pure.

What our names do not say, the place of a channel does: `dialplan.app_data` of one in our application has
the arguments with which it came.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from switchhook.connectors.asterisk.drive import click, inbound, talk
from switchhook.connectors.asterisk.drive.call import Call, Leg, Phase
from switchhook.connectors.asterisk.drive.commands import Command, Purpose
from switchhook.connectors.asterisk.drive.house import NORMAL, House
from switchhook.connectors.asterisk.drive.names import (
    CLIENT,
    EMPLOYEE,
    INBOUND,
    RING,
    TRANSFER,
    LegName,
    bridge_id,
    read_bridge,
    read_leg,
    visit_of,
)
from switchhook.connectors.asterisk.wire import ari, rest

STASIS, UP = "Stasis", "Up"


@dataclass(kw_only=True)
class _Found:
    """What the lists have of one call."""

    id: str
    visit: str
    caller: ari.Channel | None = None
    legs: dict[str, LegName] = field(default_factory=dict)
    has_bridge: bool = False
    parties: tuple[str, ...] = ()  # channels that are in its bridge


def adopt(
    house: House,
    channels: Sequence[ari.Channel],
    bridges: Sequence[ari.Bridge],
    at: datetime,
) -> list[Command]:
    """See `Driver.adopt`."""
    house.asked.clear()
    live = {one.id: one for one in channels}
    homes = {one.id: one for one in bridges}
    commands: list[Command] = []
    known = list(house.calls.values())
    for call in known:
        commands += _compare(call, house, live, homes, at)
    for found in _found(house, channels, bridges):
        if f"{found.id}-{found.visit}" not in house.calls:
            commands += _take(found, house, live, at)
    return commands


def arguments_of(channel: ari.Channel, app: str) -> tuple[str, ...] | None:
    """Give the arguments with which a channel came to our application; None for one that is not there."""
    name, *arguments = channel.dialplan.app_data.split(",")
    return tuple(arguments) if channel.dialplan.app_name == STASIS and name == app else None


def _compare(
    call: Call,
    house: House,
    live: Mapping[str, ari.Channel],
    bridges: Mapping[str, ari.Bridge],
    at: datetime,
) -> list[Command]:
    """Bring what we believe of a call in line with the lists, and do again what may have been lost."""
    commands: list[Command] = []
    lost: list[Leg] = []  # what was not answered may have rung and ended: it is not asked for again
    for leg in call.legs.values():
        if leg.is_gone:
            continue
        leg.is_hangup_open = False
        if leg.id in live:
            leg.is_alive, leg.asked_at = True, None
        else:
            lost.append(leg)
            continue
        if leg.unwanted is not None:
            commands += house.drop(call, leg, leg.unwanted, at=at, again=True)
    for leg in lost:
        leg.is_gone, leg.asked_at = True, None
    bridge = bridges.get(bridge_id(call.id, call.visit))
    call.has_bridge = bridge is not None
    return commands + _resume(call, house, live, bridge, at)


def _resume(
    call: Call, house: House, live: Mapping[str, ari.Channel], bridge: ari.Bridge | None, at: datetime
) -> list[Command]:
    near, far = call.legs.get(call.near), call.legs.get(call.far)
    if call.phase is Phase.OVER or call.phase is Phase.LEAVING:
        if call.phase is Phase.LEAVING and near is not None and not near.is_gone:
            request = rest.continue_in_dialplan(near.id)
            return [house.ask(call, Purpose.CONTINUE, request, channel=near.id)]
        return talk.end(call, house, at)
    if near is not None and near.is_gone:
        return talk.end(call, house, at)
    if call.phase is Phase.TALKING:
        if far is None or far.is_gone:
            return talk.party_gone(call, far or Leg(id=call.far), house, at)
        is_joined = bridge is not None and {call.near, call.far} <= set(bridge.channels)
        return [] if is_joined else _joined_again(call, house, live)
    winner = _answered(call, house, live)
    if winner is not None:
        winner.is_up = True
        return _let_in(call, winner, house, live, at)
    if call.phase is Phase.PLANNING:
        return inbound.ask_plan(call, house, at)
    return click.advance(call, house, at) if call.is_click else inbound.advance(call, house, at)


def _joined_again(call: Call, house: House, live: Mapping[str, ari.Channel]) -> list[Command]:
    commands: list[Command] = []
    if live[call.near].state != UP:
        commands.append(house.ask(call, Purpose.HOLD, rest.answer(call.near), channel=call.near))
    return commands + talk.join(call, house)


def _answered(call: Call, house: House, live: Mapping[str, ari.Channel]) -> Leg | None:
    """Give a leg that came to our application while nobody listened."""
    here = (one for one in call.ringing if one.id in live)
    return next((one for one in here if arguments_of(live[one.id], house.settings.app) is not None), None)


def _let_in(
    call: Call, leg: Leg, house: House, live: Mapping[str, ari.Channel], at: datetime
) -> list[Command]:
    name = read_leg(leg.id)
    if name is not None and name.kind == EMPLOYEE:
        _read_order(call, live[leg.id], house)
        return click.employee_answered(call, leg, house, at)
    return talk.connect(call, leg, house, at)


def _read_order(call: Call, channel: ari.Channel, house: House) -> None:
    said = arguments_of(channel, house.settings.app) or ()
    _, number, did = (*said, "", "", "")[:3]
    call.number, call.did = call.number or number, call.did or did or None


def _found(house: House, channels: Sequence[ari.Channel], bridges: Sequence[ari.Bridge]) -> list[_Found]:
    found: dict[tuple[str, str], _Found] = {}
    for bridge in bridges:
        place = read_bridge(bridge.id)
        if place is not None:
            one = found.setdefault(place, _Found(id=place[0], visit=place[1]))
            one.has_bridge, one.parties = True, bridge.channels
    for channel in channels:
        name = read_leg(channel.id)
        if name is not None and channel.id not in house.homes:
            one = found.setdefault((name.call, name.visit), _Found(id=name.call, visit=name.visit))
            one.legs[channel.id] = name
    for channel in channels:
        said = arguments_of(channel, house.settings.app)
        if said is None or said[:1] not in ((INBOUND,), (TRANSFER,)) or channel.id in house.homes:
            continue
        visits = [one for one in found.values() if one.id == channel.id]
        one = visits[-1] if visits else _Found(id=channel.id, visit=visit_of(channel.creationtime))
        one.caller = channel
        found.setdefault((one.id, one.visit), one)
    return list(found.values())


def _take(found: _Found, house: House, live: Mapping[str, ari.Channel], at: datetime) -> list[Command]:
    call = house.add(Call(id=found.id, visit=found.visit, number="", call_id=found.id, began_at=at))
    call.has_bridge = found.has_bridge
    call.is_click = any(name.kind in (EMPLOYEE, CLIENT) for name in found.legs.values())
    for channel_id, name in found.legs.items():
        house.add_leg(call, Leg(id=channel_id, extension=name.extension, is_alive=True))
    if found.caller is not None:
        _take_caller(call, found.caller, house)
    if len(found.parties) > 1:
        return _take_talk(call, found, house)
    return (
        _take_click(call, found, house, live, at)
        if call.is_click
        else _take_ring(call, found, house, live, at)
    )


def _take_caller(call: Call, channel: ari.Channel, house: House) -> None:
    said = arguments_of(channel, house.settings.app) or ()
    is_inbound = said[:1] == (INBOUND,)
    call.near, call.call_id = channel.id, channel.linkedid or channel.id
    call.number, call.name = channel.caller.number, channel.caller.name
    call.did = said[1] if is_inbound and len(said) > 1 and said[1] else None
    call.is_answered = channel.state == UP
    call.has_music = call.is_answered and bool(house.settings.music)
    house.add_leg(call, Leg(id=channel.id, is_alive=True, is_up=True))


def _take_talk(call: Call, found: _Found, house: House) -> list[Command]:
    """They talk: nothing is to be done before one of them goes. A party may be one that was transferred."""
    employees = [one for one in found.parties if (name := read_leg(one)) and name.kind == EMPLOYEE]
    first = call.id if call.id in found.parties else (employees or list(found.parties))[0]
    second = next(one for one in found.parties if one != first)
    for channel_id in (first, second):
        if channel_id not in call.legs:
            house.add_leg(call, Leg(id=channel_id, is_alive=True))
        call.legs[channel_id].is_up = True
    call.near, call.far, call.phase, call.is_answered = first, second, Phase.TALKING, True
    return []


def _take_ring(
    call: Call, found: _Found, house: House, live: Mapping[str, ari.Channel], at: datetime
) -> list[Command]:
    """A caller waits: what rings goes on ringing, and the hub is asked again how it goes on after that."""
    if found.caller is None:
        return talk.end(call, house, at)
    names = [name for name in found.legs.values() if name.kind == RING]
    call.step = max((name.step for name in names), default=0)
    call.turn = max((name.turn for name in names if name.step == call.step), default=-1)
    winner = _answered(call, house, live)
    if winner is not None:
        winner.is_up = True
        return talk.connect(call, winner, house, at)
    if found.parties:  # whoever talked with this caller hung up meanwhile
        return talk.party_gone(call, Leg(id=""), house, at)
    said = arguments_of(found.caller, house.settings.app) or ()
    if said[:1] == (TRANSFER,):
        return inbound.begin_passed_on(call, "".join(said[1:2]), house, at, is_half=False)
    return inbound.ask_plan(call, house, at)


def _take_click(
    call: Call, found: _Found, house: House, live: Mapping[str, ari.Channel], at: datetime
) -> list[Command]:
    """An employee who has answered, and no client: the number was called, or may have been. Not twice."""
    call.phase = Phase.RINGING
    call.turn_ends_at = at + timedelta(seconds=house.settings.client_seconds)
    clients = [one for one, name in found.legs.items() if name.kind == CLIENT]
    entered = [one for one in found.legs if arguments_of(live[one], house.settings.app) is not None]
    near = next((one for one in entered if one not in clients), "")
    if not near:
        return [] if not clients else talk.end(call, house, at)
    call.near, call.is_answered = near, True
    call.legs[near].is_up = True
    _read_order(call, live[near], house)
    losers = [leg for leg in call.ringing if leg.id not in clients]
    commands = house.drop_all(call, losers, NORMAL, at=at)
    if not clients:
        return commands + talk.end(call, house, at)
    answered = next((one for one in clients if one in entered), None)
    if answered is not None:
        call.legs[answered].is_up = True
        return commands + talk.connect(call, call.legs[answered], house, at)
    return commands
