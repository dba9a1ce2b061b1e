"""The API that this PBX's customers know, answered out of the calls of the account."""

from switchhook.connectors.voipcloud.api.answers import sorry
from switchhook.connectors.voipcloud.api.serving import API

__all__ = ["API", "sorry"]
