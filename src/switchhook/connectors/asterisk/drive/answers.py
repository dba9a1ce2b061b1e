"""What the answers to our requests say. Pure.

404: there is no such channel, or not yet. 409 to an originate: there is one of this name; to anything else:
it is there and not in our application. 500 to an originate: the phone is not registered.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from switchhook.connectors.asterisk.drive import click, contacts, ends, talk
from switchhook.connectors.asterisk.drive.call import Call, Phase
from switchhook.connectors.asterisk.drive.commands import Command, Purpose
from switchhook.connectors.asterisk.drive.house import NORMAL, Asked, House

FAILED_FROM = 400
NOT_FOUND, CONFLICT = 404, 409
# A channel whose making was not answered for so long, and that cannot be ended, never came to be.
NEVER_AFTER = timedelta(seconds=60)


def take(house: House, call: Call, asked: Asked, status: int, body: bytes, at: datetime) -> list[Command]:
    """Take in an answer."""
    if asked.purpose is Purpose.CONTACTS:
        return contacts.answered(call, call.legs[asked.channel], body, house, at)
    return _TAKE[asked.purpose](house, call, asked, status, at)


def _originate_answered(house: House, call: Call, asked: Asked, status: int, at: datetime) -> list[Command]:
    leg = call.legs[asked.channel]
    leg.asked_at = None
    is_there = status < FAILED_FROM or status == CONFLICT
    if not is_there and not leg.is_alive:
        return ends.gone(house, call, leg, None, at)
    leg.is_alive = True
    commands = click.made(call, leg, house, at)
    if leg.unwanted is not None and not leg.is_gone:
        return commands + house.drop(call, leg, leg.unwanted, at=at, again=True)
    return commands + contacts.ask(call, leg, house)


def _hangup_answered(house: House, call: Call, asked: Asked, status: int, at: datetime) -> list[Command]:
    leg = call.legs[asked.channel]
    leg.is_hangup_open = False
    if status != NOT_FOUND:
        return []
    if leg.asked_at is not None:  # it may still be made
        return ends.gone(house, call, leg, None, at) if at - leg.asked_at >= NEVER_AFTER else []
    if leg.is_hangup_early:  # it was made after all
        return house.drop(call, leg, NORMAL, at=at, again=True)
    return ends.gone(house, call, leg, None, at)


def _hold_answered(house: House, call: Call, asked: Asked, status: int, at: datetime) -> list[Command]:
    if status not in (NOT_FOUND, CONFLICT):
        return []
    leg = call.legs[asked.channel]
    # 409: it is there, and not in our application any more.
    return ends.gone(house, call, leg, None, at)


def _connect_answered(house: House, call: Call, asked: Asked, status: int, at: datetime) -> list[Command]:
    if status < FAILED_FROM or call.phase is not Phase.TALKING:
        return []
    return talk.end(call, house, at)


def _destroy_answered(house: House, call: Call, asked: Asked, status: int, at: datetime) -> list[Command]:
    if status < FAILED_FROM or status == NOT_FOUND:
        call.has_bridge = False
    return []


def _continue_answered(house: House, call: Call, asked: Asked, status: int, at: datetime) -> list[Command]:
    # Whether it went on or was not there to go on: it is not ours any more, and not to be ended.
    return ends.gone(house, call, call.legs[asked.channel], None, at)


def _extra_answered(house: House, call: Call, asked: Asked, status: int, at: datetime) -> list[Command]:
    return []


_TAKE: Mapping[Purpose, Callable[[House, Call, Asked, int, datetime], list[Command]]] = {
    Purpose.ORIGINATE: _originate_answered,
    Purpose.HANGUP: _hangup_answered,
    Purpose.HOLD: _hold_answered,
    Purpose.CONNECT: _connect_answered,
    Purpose.DESTROY: _destroy_answered,
    Purpose.CONTINUE: _continue_answered,
    Purpose.EXTRA: _extra_answered,
}
