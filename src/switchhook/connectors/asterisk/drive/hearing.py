"""What Asterisk tells of our application, taken in event by event. Pure.

A caller's end is `StasisEnd`, that of a leg which never answered only `ChannelDestroyed`; both may come.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from switchhook.connectors.asterisk.drive import click, ends, inbound, talk
from switchhook.connectors.asterisk.drive.call import Call, Leg, Phase
from switchhook.connectors.asterisk.drive.commands import Command
from switchhook.connectors.asterisk.drive.house import ELSEWHERE, NORMAL, House
from switchhook.connectors.asterisk.drive.names import (
    CLIENT,
    EMPLOYEE,
    INBOUND,
    RING,
    TRANSFER,
    read_leg,
    visit_of,
)
from switchhook.connectors.asterisk.listen.names import read_channel_name
from switchhook.connectors.asterisk.wire import ari
from switchhook.core.number import DIALABLE


def take(house: House, event: ari.Event, at: datetime) -> list[Command]:
    """Take in an event; one that says nothing of our calls changes nothing."""
    heard = _HEARD.get(type(event))
    return [] if heard is None else heard(house, event, at)


def _stasis_start(house: House, event: ari.StasisStart, at: datetime) -> list[Command]:
    if event.application and event.application != house.settings.app:
        return []
    if event.replace_channel is not None:
        found = house.find(event.replace_channel.id)
        if found is not None and event.channel.id not in house.homes:
            call, old = found
            new = Leg(
                id=event.channel.id,
                extension=_dialled(event.channel.name),
                pair=read_channel_name(event.channel.name).pair,
                is_alive=True,
                is_up=True,
                is_guest=event.channel.state != "Up",
            )
            talk.replace_party(call, old, new, house, at)
            passed_on = _other_half(house, call, new)
            is_early = passed_on is not None and passed_on.phase is Phase.PLANNING
            return inbound.paired(passed_on, call, house, at) if passed_on and is_early else []
    name = read_leg(event.channel.id)
    if name is not None:
        return _leg_entered(house, name.kind, event, at)
    if event.args[:1] in ((INBOUND,), (TRANSFER,)):
        return _caller_entered(house, event, at)
    return []


def _caller_entered(house: House, event: ari.StasisStart, at: datetime) -> list[Command]:
    channel = event.channel
    said = event.args[1] if len(event.args) > 1 else ""
    call = Call(
        id=channel.id,
        visit=visit_of(event.timestamp),
        call_id=channel.linkedid or channel.id,
        number=channel.caller.number,
        name=channel.caller.name,
        did=said or None,
        near=channel.id,
        entered=event.timestamp,
        began_at=at,
        is_answered=channel.state == "Up",
    )
    if call.key in house.calls or call.key in house.past:
        return []
    commands: list[Command] = []
    found = house.find(channel.id)
    if found is not None:  # it comes back: its earlier visit is over
        commands += ends.gone(house, *found, None, at)
    house.add(call)
    pair = read_channel_name(channel.name).pair
    house.add_leg(call, Leg(id=channel.id, is_alive=True, is_up=True, pair=pair))
    if event.args[0] == INBOUND:
        return commands + inbound.begin(call, house, at)
    commands += inbound.begin_passed_on(call, said, house, at, is_half=bool(pair))
    first = _other_half(house, call, call.legs[channel.id])
    return commands if first is None else commands + inbound.paired(call, first, house, at)


def _other_half(house: House, call: Call, leg: Leg) -> Call | None:
    """Give the call that has the other half of a Local channel."""
    others = [one for one in house.calls.values() if one is not call] if leg.pair else []
    return next((one for one in others if any(leg.pair == half.pair for half in one.legs.values())), None)


def _leg_entered(house: House, kind: str, event: ari.StasisStart, at: datetime) -> list[Command]:
    found = house.find(event.channel.id)
    if found is None:
        return _stray(house, event, at)
    call, leg = found
    if leg.is_up or leg.is_gone:
        return []
    leg.is_alive = leg.is_up = True
    return _ENTERED[kind](house, call, leg, event, at)


def _ring_answered(house: House, call: Call, leg: Leg, event: ari.StasisStart, at: datetime) -> list[Command]:
    is_wanted = leg.unwanted is None and not call.far and call.party is not None
    if is_wanted and call.phase in (Phase.RINGING, Phase.PLANNING, Phase.PAUSING):
        return talk.connect(call, leg, house, at)
    return house.drop(call, leg, ELSEWHERE, at=at, again=True)


def _employee_answered(
    house: House, call: Call, leg: Leg, event: ari.StasisStart, at: datetime
) -> list[Command]:
    if not call.number:  # adopted while it rang
        _, call.number, did = (*event.args, "", "", "")[:3]
        call.did = did or None
    return click.employee_answered(call, leg, house, at)


def _client_answered(
    house: House, call: Call, leg: Leg, event: ari.StasisStart, at: datetime
) -> list[Command]:
    return click.client_answered(call, leg, house, at)


def _stray(house: House, event: ari.StasisStart, at: datetime) -> list[Command]:
    """A channel of ours whose call is over, or is nobody's: it must not stay."""
    name = read_leg(event.channel.id)
    assert name is not None
    visit = f"{name.visit}s{visit_of(event.timestamp)}"
    call = Call(id=name.call, visit=visit, number="", began_at=at, phase=Phase.OVER, over_at=at)
    if call.key in house.past:
        return []
    house.add(call)
    house.over.add(call.key)
    leg = house.add_leg(call, Leg(id=event.channel.id, is_alive=True, is_up=True))
    return house.drop(call, leg, NORMAL, at=at)


def _stasis_end(house: House, event: ari.StasisEnd, at: datetime) -> list[Command]:
    found = house.find(event.channel.id)
    if found is None:
        return []
    call, leg = found
    if event.timestamp and event.timestamp < call.entered and leg.id == call.id:
        return []  # of an earlier visit, told twice
    is_explained = leg.is_hangup_seen or leg.unwanted is not None or call.phase is not Phase.TALKING
    if is_explained or leg.id not in (call.near, call.far):
        return ends.gone(house, call, leg, None, at)
    leg.left_at = leg.left_at or at
    return []


def _destroyed(house: House, event: ari.ChannelDestroyed, at: datetime) -> list[Command]:
    found = house.find(event.channel.id)
    return [] if found is None else ends.gone(house, *found, event.cause, at)


def _hangup_asked(house: House, event: ari.ChannelHangupRequest, at: datetime) -> list[Command]:
    found = house.find(event.channel.id)
    if found is None:
        return []
    call, leg = found
    leg.is_hangup_seen = True
    leg.cause = leg.cause or event.cause
    return ends.gone(house, call, leg, None, at) if leg.left_at is not None else []


def _alive(house: House, event: ari.ChannelCreated | ari.ChannelStateChange, at: datetime) -> list[Command]:
    found = house.find(event.channel.id)
    if found is not None:
        found[1].is_alive = True
        found[1].is_guest = found[1].is_guest and event.channel.state != "Up"
    return []


def _transferred(house: House, event: ari.BridgeBlindTransfer, at: datetime) -> list[Command]:
    """Its parties go their own ways. After an attended transfer another party is put into the place."""
    found = house.find(event.channel.id)
    if found is None or event.result != "Success":
        return []
    call, leg = found
    call.is_transferred = call.phase is Phase.TALKING and leg.id in (call.near, call.far)
    return []


def _dialled(name: str) -> str:
    """Give the extension that a Local channel stands for: Local/103@context-00000005;1."""
    tech, _, rest_of_name = name.partition("/")
    number, at, _ = rest_of_name.partition("@")
    return number if tech == "Local" and at and DIALABLE.fullmatch(number) else ""


_HEARD: Mapping[type[ari.Event], Callable[[House, Any, datetime], list[Command]]] = {
    ari.StasisStart: _stasis_start,
    ari.StasisEnd: _stasis_end,
    ari.ChannelDestroyed: _destroyed,
    ari.ChannelHangupRequest: _hangup_asked,
    ari.ChannelCreated: _alive,
    ari.ChannelStateChange: _alive,
    ari.BridgeBlindTransfer: _transferred,
}
_ENTERED: Mapping[str, Callable[[House, Call, Leg, ari.StasisStart, datetime], list[Command]]] = {
    RING: _ring_answered,
    EMPLOYEE: _employee_answered,
    CLIENT: _client_answered,
}
