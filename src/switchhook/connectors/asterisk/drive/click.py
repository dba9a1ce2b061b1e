"""Click to call: the employee's phones ring first, then the number is called. Pure."""

from datetime import datetime, timedelta

from switchhook.connectors.asterisk.drive import requests, talk
from switchhook.connectors.asterisk.drive.call import Call, Leg, Phase
from switchhook.connectors.asterisk.drive.commands import Command, DialRefused, DialTaken, Purpose
from switchhook.connectors.asterisk.drive.house import ELSEWHERE, NORMAL, House
from switchhook.connectors.asterisk.drive.names import CLIENT, EMPLOYEE, LegName
from switchhook.connectors.asterisk.wire import rest
from switchhook.core.connector import DialOrder

# Cause 38, network out of order: what an employee hears of when the number cannot even be called.
NO_WAY_OUT, NO_ANSWER = 38, 19
VISIT = "0"


def begin(order: DialOrder, name: str, house: House, at: datetime) -> list[Command]:
    """Ring the employee, whose phones show the number that will be called, and its name.

    The first device alone until it is there, since the others are to belong to its call.
    """
    call = Call(id=order.id, visit=VISIT, number=order.number, did=order.did, name=name, began_at=at)
    if call.key in house.calls or call.key in house.past:
        return []
    call.is_click, call.order, call.call_id, call.phase = True, order, order.id, Phase.RINGING
    call.devices = list(enumerate(house.settings.endpoints_of(order.extension)))
    call.turn_ends_at = at + timedelta(seconds=house.settings.ring_seconds)
    house.add(call)
    return advance(call, house, at)


def made(call: Call, leg: Leg, house: House, at: datetime) -> list[Command]:
    """Tell whoever clicked that a phone rings, and ring the other devices: they join the call of this one."""
    commands = _taken(call)
    if call.is_click and call.call_id == call.id:  # Asterisk names the call by its first channel
        call.call_id = leg.id
    while call.devices and call.order is not None and call.phase is Phase.RINGING and not call.near:
        commands += _ring_device(call, call.order, house, at, originator=leg.id)
    return commands


def _taken(call: Call) -> list[Command]:
    if call.order is None or call.is_dial_told:
        return []
    call.is_dial_told = True
    return [DialTaken(order_id=call.order.id)]


def _ring_device(
    call: Call, order: DialOrder, house: House, at: datetime, *, originator: str = ""
) -> list[Command]:
    device, endpoint = call.devices.pop(0)
    name = LegName(kind=EMPLOYEE, call=call.id, visit=VISIT, device=device, extension=order.extension)
    return house.make(
        call,
        name,
        endpoint=endpoint,
        arguments=("employee", order.number, order.did or ""),
        shows=(requests.shown_number(order.number), requests.shown_name(call.name)),
        seconds=house.settings.ring_seconds,
        at=at,
        originator=originator,
    )


def employee_answered(call: Call, leg: Leg, house: House, at: datetime) -> list[Command]:
    """Call the number, and let the employee hear that it rings."""
    if call.near or call.phase is not Phase.RINGING or leg.unwanted is not None:
        return house.drop(call, leg, ELSEWHERE, at=at)
    call.near, call.is_answered = leg.id, True
    commands = house.drop_all(call, call.ringing, ELSEWHERE, at=at)
    commands.append(house.ask(call, Purpose.HOLD, rest.ring(leg.id), channel=leg.id))
    # Without a name of its own the channel would show that of the employee's: the client's own.
    shown = requests.shown_number(call.did or house.settings.caller_id) or leg.extension
    name = LegName(kind=CLIENT, call=call.id, visit=VISIT)
    commands += house.make(
        call,
        name,
        endpoint=house.settings.way_out(call.number),
        arguments=("client",),
        shows=(shown, shown),
        seconds=house.settings.client_seconds,
        at=at,
        originator=leg.id,
    )
    call.turn_ends_at = at + timedelta(seconds=house.settings.client_seconds)
    return commands + advance(call, house, at)


def client_answered(call: Call, leg: Leg, house: House, at: datetime) -> list[Command]:
    if call.party is None or call.far or call.phase is not Phase.RINGING or leg.unwanted is not None:
        return house.drop(call, leg, NORMAL, at=at)
    return talk.connect(call, leg, house, at)


def advance(call: Call, house: House, at: datetime, *, cause: int | None = None) -> list[Command]:
    """Try the employee's next device; with none left, or no ring at the number, nothing can succeed."""
    if call.phase is not Phase.RINGING or call.ringing:
        return []
    commands: list[Command] = []
    while call.devices and not call.near and call.order is not None:
        commands = _ring_device(call, call.order, house, at)
        if commands:
            return commands
    if any(leg.is_alive for leg in call.legs.values()):
        commands += _taken(call)
    elif call.order is not None and not call.is_dial_told:
        call.is_dial_told = True
        reason = f"no phone of {call.order.extension} can be rung: none is registered"
        commands.append(DialRefused(order_id=call.order.id, reason=reason))
    return commands + talk.end(call, house, at, cause=NO_WAY_OUT if cause is None else talk.told(cause))


def time_passed(call: Call, house: House, at: datetime) -> list[Command]:
    if call.phase is not Phase.RINGING or call.turn_ends_at is None or at < call.turn_ends_at:
        return []
    call.devices.clear()
    return house.drop_all(call, call.ringing, NORMAL, at=at) + advance(call, house, at, cause=NO_ANSWER)
