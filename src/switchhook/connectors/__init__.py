"""The protocols: one sub-package each, found by being there, and those that outsiders install."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from types import MappingProxyType

import structlog

from switchhook.core.connector import Connector, Field, FieldKind, Side

log = structlog.get_logger(__name__)

ENTRY_POINTS = "switchhook.connectors"

# What every connection may set whatever its protocol; a side's own field of the same name wins.
COMMON_FIELDS = (
    Field(
        name="allow_private",
        label="Allow private addresses",
        kind=FieldKind.SWITCH,
        default="false",
        help="For peers in the same network or on the same machine.",
    ),
    Field(
        name="calls_from",
        label="Calls from",
        help="Ids of the connections whose calls this one is told, separated by commas; empty for all.",
    ),
    Field(
        name="recordings",
        label="Recordings",
        default="copy",
        choices=("copy", "link"),
        help="Keep a copy of each recording of this connection's calls, or only its link.",
    ),
)


@cache
def discover() -> Mapping[str, Connector]:
    """Find every connector by its key: our own sub-packages, then entry points of outsiders.

    A sub-package without CONNECTOR is a mistake of ours and raises. An outsider that cannot be
    imported, exports something else or takes a key that is ours is left out, with a log line.
    """
    own = (_own(module.name) for module in iter_modules(__path__) if module.ispkg)
    found = {connector.key: connector for connector in own}
    for point in entry_points(group=ENTRY_POINTS):
        try:
            outsider = point.load()
        except Exception:
            log.exception("connector cannot be loaded", entry_point=point.name)
            continue
        if not isinstance(outsider, Connector) or outsider.key in found:
            log.error("connector left out: not a Connector, or its key is taken", entry_point=point.name)
            continue
        found[outsider.key] = outsider
    return MappingProxyType(found)


def fields_of(side: Side) -> tuple[Field, ...]:
    """Give every setting of a connection: the side's own fields, then the common ones."""
    own = {field.name for field in side.fields}
    return side.fields + tuple(field for field in COMMON_FIELDS if field.name not in own)


def _own(name: str) -> Connector:
    connector = import_module(f"{__name__}.{name}").CONNECTOR
    if not isinstance(connector, Connector) or connector.key != name:
        raise TypeError(f"expected CONNECTOR of {name!r} to be a Connector with that key")
    return connector
