"""Every operation of the API, in the order in which documents show them."""

from switchhook.web.api import (
    call_recordings,
    calls,
    connection_actions,
    connections,
    contact_transfer,
    contacts,
    deliveries,
    dial,
    employees,
    groups,
    lines,
    live,
    lookup,
)
from switchhook.web.api.operation import Operation

ROOMS = (
    calls,
    call_recordings,
    live,
    dial,
    contacts,
    lookup,
    contact_transfer,
    employees,
    lines,
    groups,
    connections,
    connection_actions,
    deliveries,
)

OPERATIONS: tuple[Operation, ...] = tuple(
    one for room in ROOMS for one in vars(room).values() if isinstance(one, Operation)
)
