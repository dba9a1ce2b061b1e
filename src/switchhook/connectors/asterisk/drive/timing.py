"""What is due when time has passed: rings that end, requests that were lost, parties that stay. Pure."""

from datetime import datetime, timedelta

from switchhook.connectors.asterisk.drive import click, ends, inbound, talk
from switchhook.connectors.asterisk.drive.call import Call, Phase
from switchhook.connectors.asterisk.drive.commands import Command
from switchhook.connectors.asterisk.drive.house import NORMAL, House

# A party that left and did not hang up may have been replaced by another: that is said within this.
REPLACED_WITHIN = timedelta(seconds=0.5)
# After a transfer its parties end by themselves; what has not by then is ended.
TRANSFERRED_WITHIN = timedelta(seconds=5)
# A making that was not answered for so long is taken as lost; a hang-up is asked for again.
LOST_AFTER = timedelta(seconds=10)
AGAIN_AFTER = timedelta(seconds=5)


def take(house: House, call: Call, at: datetime) -> list[Command]:
    commands: list[Command] = []
    for leg in list(call.legs.values()):
        if leg.left_at is not None and at - leg.left_at >= REPLACED_WITHIN:
            commands += ends.gone(house, call, leg, None, at)
        if leg.replaced_at is not None and at - leg.replaced_at >= TRANSFERRED_WITHIN:
            commands += house.drop(call, leg, NORMAL, at=at)
        if leg.asked_at is not None and at - leg.asked_at >= LOST_AFTER:
            commands += [] if leg.is_alive else house.drop(call, leg, NORMAL, at=at)
        is_asked_in_vain = leg.hung_up_at is not None and at - leg.hung_up_at >= AGAIN_AFTER
        if is_asked_in_vain and not leg.is_gone:
            leg.is_hangup_open = False
            commands += house.drop(call, leg, NORMAL, at=at, again=True)
    if call.phase is Phase.OVER:
        return commands + _taken_down(house, call, at)
    due = click.time_passed if call.is_click else inbound.time_passed
    return commands + due(call, house, at)


def _taken_down(house: House, call: Call, at: datetime) -> list[Command]:
    since = call.over_at or at
    if call.is_transferred and at - since >= TRANSFERRED_WITHIN:
        call.is_transferred = False
        return talk.end(call, house, at)
    if call.has_bridge and at - since >= AGAIN_AFTER:
        call.over_at = at
        return talk.destroy(call, house)
    return []
