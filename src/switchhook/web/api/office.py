"""What the API is given to work with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from switchhook.core.api import ApiHub
from switchhook.core.connector import Connector
from switchhook.flow.clock import Clock
from switchhook.flow.gate import Gate
from switchhook.flow.lookup import Lookup
from switchhook.flow.playback import Playback
from switchhook.flow.presence import PresenceDesk
from switchhook.flow.probe import Prober
from switchhook.store import Store
from switchhook.store.api_keys import ApiKey
from switchhook.store.secrets import SecretBox
from switchhook.web.hall import Hall


@dataclass(frozen=True, kw_only=True)
class Office:
    """One for the process. What the pages have too is the hall's."""

    hall: Hall
    box: SecretBox
    connectors: Mapping[str, Connector]
    gate: Gate
    hub_of: Callable[[ApiKey], ApiHub]
    lookup: Lookup
    presence: PresenceDesk
    prober: Prober
    playback: Playback
    clock: Clock
    streams: dict[int, int] = field(default_factory=dict)  # open now, by the id of the key

    @property
    def store(self) -> Store:
        return self.hall.store
