"""One request as the duties see it: read, checked, and with whom it is about."""

from dataclasses import dataclass

from switchhook.connectors.retailcrm.wire.parameters import Parameters
from switchhook.core.connector import Hub, Link


@dataclass(frozen=True, kw_only=True)
class Asked:
    given: Parameters
    link: Link
    hub: Hub
    version: int = 5
    name: str = ""  # the piece of the path that varies: a module's code or a user's id
