"""A phone that is registered from several places rings at all of them. Pure.

`PJSIP/101` alone rings the contact that registered first. The function PJSIP_DIAL_CONTACTS knows the others,
and is asked on the first leg, which rings meanwhile.
"""

import re
from datetime import datetime

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from switchhook.connectors.asterisk.drive.call import Call, Leg, Phase
from switchhook.connectors.asterisk.drive.commands import Command, Purpose
from switchhook.connectors.asterisk.drive.house import House
from switchhook.connectors.asterisk.drive.names import RING, read_leg
from switchhook.connectors.asterisk.drive.requests import read_variable

BARE = re.compile(r"PJSIP/([A-Za-z0-9_.+-]{1,80})")
URI = re.compile(r"sips?:[!-%'-~]{1,300}")
MOST_CONTACTS = 10
# Devices that were configured have small numbers; contacts of one of them come behind it.
PER_DEVICE = 100


class _Value(Struct):
    value: str = ""


def ask(call: Call, leg: Leg, house: House) -> list[Command]:
    """Ask where else the phone of a leg is registered."""
    if not house.settings.rings_all_contacts or leg.making is None:
        return []
    bare = BARE.fullmatch(leg.making.query["endpoint"])
    if bare is None or not leg.extension:
        return []
    request = read_variable(leg.id, variable=f"PJSIP_DIAL_CONTACTS({bare[1]})")
    return [house.ask(call, Purpose.CONTACTS, request, channel=leg.id, may_overtake=True)]


def answered(call: Call, leg: Leg, body: bytes, house: House, at: datetime) -> list[Command]:
    """Ring the other contacts, while the first one is still to be answered."""
    name = read_leg(leg.id)
    if name is None or leg.making is None or call.phase is not Phase.RINGING or leg.unwanted is not None:
        return []
    is_past = (name.step, name.turn) != (call.step, call.turn) if name.kind == RING else bool(call.near)
    if is_past:
        return []
    commands: list[Command] = []
    phone = leg.making.query["endpoint"]
    for index, contact in enumerate(_read(body, phone)[1:MOST_CONTACTS], start=1):
        other = replace(name, device=name.device * PER_DEVICE + index)
        query = {
            **leg.making.query,
            "endpoint": contact,
            "channelId": other.id,
            "originator": call.near or leg.id,
        }
        commands += house.make_as(call, other, replace(leg.making, query=query), at)
    return commands


def _read(body: bytes, phone: str) -> list[str]:
    """Give the dial strings; none where one of them is odd, or of another phone."""
    try:
        contacts = msgspec.json.decode(body, type=_Value).value.split("&")
    except msgspec.DecodeError:
        return []
    is_known = [one.startswith(f"{phone}/") and URI.fullmatch(one[len(phone) + 1 :]) for one in contacts]
    return contacts if all(is_known) else []
