"""What each pair of a PBX and a CRM carries: `python -m switchhook.connectors.pairs` writes the page."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from switchhook.connectors import discover
from switchhook.core.connector import Capability, Connector, Role, Side


@dataclass(frozen=True, kw_only=True)
class Flow:
    """One thing that may pass between a PBX and a CRM, and what each side needs for it."""

    title: str
    pbx: Capability
    crm: Capability


def _both(capability: Capability) -> Flow:
    return Flow(title=capability.value, pbx=capability, crm=capability)


FLOWS = (
    *map(
        _both,
        (
            Capability.CALLER_NAME,
            Capability.ROUTING,
            Capability.RINGING,
            Capability.ANSWERED,
            Capability.LOSERS,
            Capability.ENDED,
            Capability.HISTORY,
            Capability.WAITING_TIME,
            Capability.RECORDING,
            Capability.LATE_RECORDING,
            Capability.TRANSFERS,
            Capability.CUSTOM_FIELDS,
            Capability.CORRECTIONS,
            Capability.DIAL,
        ),
    ),
    Flow(
        title="employee status, CRM to PBX",
        pbx=Capability.PRESENCE_TO_PEER,
        crm=Capability.PRESENCE_FROM_PEER,
    ),
    Flow(
        title="employee status, PBX to CRM",
        pbx=Capability.PRESENCE_FROM_PEER,
        crm=Capability.PRESENCE_TO_PEER,
    ),
)

HEAD = """# What each pair carries

Made from the connectors' own capabilities by `python -m switchhook.connectors.pairs`; a test fails
when it is out of date. Any PBX reaches any CRM through the hub. What a pair does not carry is lost on
that pair only, and the delivery log says so.
"""


def page(connectors: Mapping[str, Connector]) -> str:
    """Write the whole page: a table of pairs, then the notes of each connector."""
    return "\n".join([HEAD, *_table(connectors), "", "## Notes", "", *_notes(connectors), ""])


def _table(connectors: Mapping[str, Connector]) -> Iterator[str]:
    pairs = [
        (pbx, crm)
        for pbx in connectors.values()
        if Role.PBX in pbx.sides
        for crm in connectors.values()
        if Role.CRM in crm.sides
    ]
    yield "| | " + " | ".join(f"{pbx.title} PBX → {crm.title} CRM" for pbx, crm in pairs) + " |"
    yield "| --- |" + " --- |" * len(pairs)
    for flow in FLOWS:
        cells = (_cell(flow, pbx, crm) for pbx, crm in pairs)
        yield f"| {flow.title} | " + " | ".join(cells) + " |"


def _cell(flow: Flow, pbx: Connector, crm: Connector) -> str:
    """Say yes, or which of the two has no words for it."""
    silent = [
        f"the {connector.title} {kind} side"
        for connector, role, kind, capability in (
            (pbx, Role.PBX, "PBX", flow.pbx),
            (crm, Role.CRM, "CRM", flow.crm),
        )
        if capability not in connector.sides[role].capabilities
    ]
    return "no: " + " and ".join(silent) if silent else "yes"


def _notes(connectors: Mapping[str, Connector]) -> Iterator[str]:
    for connector in connectors.values():
        for role, side in connector.sides.items():
            for capability, note in _noted(side):
                yield f"- {connector.title}, peer is a {role.upper()}: {capability.value}: {note}"


def _noted(side: Side) -> Iterator[tuple[Capability, str]]:
    return ((capability, note) for capability, note in side.capabilities.items() if note)


if __name__ == "__main__":
    sys.stdout.write(page(discover()))
