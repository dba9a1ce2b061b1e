"""What follows when a channel is no more, or no more ours. Pure."""

from datetime import datetime

from switchhook.connectors.asterisk.drive import click, inbound, talk
from switchhook.connectors.asterisk.drive.call import Call, Leg, Phase
from switchhook.connectors.asterisk.drive.commands import Command
from switchhook.connectors.asterisk.drive.house import House


def gone(house: House, call: Call, leg: Leg, cause: int | None, at: datetime) -> list[Command]:
    """Note that a leg is no more, or no more ours; what follows from it is said once."""
    leg.cause = cause or leg.cause
    if leg.is_gone:
        return []
    leg.is_gone, leg.left_at = True, None
    return _after_end_of(house, call, leg, at)


def _after_end_of(house: House, call: Call, leg: Leg, at: datetime) -> list[Command]:
    if call.phase is Phase.OVER:
        return []
    if call.phase is Phase.TALKING:
        is_party = leg.id in (call.near, call.far)
        return talk.party_gone(call, leg, house, at) if is_party else []
    if leg.id == call.near:
        return talk.end(call, house, at)
    if call.is_click:
        return click.advance(call, house, at, cause=leg.cause)
    return inbound.advance(call, house, at)
