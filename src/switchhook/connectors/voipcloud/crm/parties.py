"""Who is who in a message: the other party, our own line, and from which side the call began. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from switchhook.connectors.voipcloud.wire.number import is_extension, read_party
from switchhook.core.call import Direction


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How numbers of one connection are read."""

    region: str = "AU"
    extensions: Collection[str] = field(default_factory=frozenset)


@dataclass(frozen=True, kw_only=True)
class Parties:
    """A call's facts as the hub keeps them; `caller_name` is never the name of one of our own lines."""

    direction: Direction
    number: str
    did: str | None
    caller_name: str | None


def plan_of(settings: Mapping[str, str]) -> Plan:
    return Plan(region=settings.get("region") or "AU", extensions=frozenset(extensions_of(settings)))


def extensions_of(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Give the extensions that the administrator says this PBX has; no request can ask for them."""
    return tuple(settings.get("extensions", "").replace(",", " ").split())


def read_parties(
    *, is_outbound: bool, caller_id: str | None, dest_number: str | None, caller_name: str | None, plan: Plan
) -> Parties:
    """Tell the parties apart. A call whose other party is an extension is between users.

    Of a call between users both rows name the same number, the one that was dialled.
    """
    caller = read_party(caller_id, plan.region, plan.extensions)
    dialled = read_party(dest_number, plan.region, plan.extensions)
    other, ours = (dialled, caller) if is_outbound else (caller, dialled)
    if is_extension(other, plan.extensions):
        return Parties(direction=Direction.INTERNAL, number=dialled, did=None, caller_name=None)
    if is_outbound:
        return Parties(direction=Direction.OUTBOUND, number=other, did=ours or None, caller_name=None)
    return Parties(direction=Direction.INBOUND, number=other, did=ours or None, caller_name=caller_name)
