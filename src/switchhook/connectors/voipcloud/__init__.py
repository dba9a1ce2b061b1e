"""VoIPcloud: the hub in place of a PBX of this family, of its customers' systems, and of its API."""

from switchhook.connectors.voipcloud import as_crm, as_pbx
from switchhook.connectors.voipcloud.api import API, sorry
from switchhook.connectors.voipcloud.wire.notice import MAX_BODY_BYTES
from switchhook.core.connector import Connector, Role

API_BODY_BYTES = 64 * 1024


def max_body_bytes(path: str) -> int:
    """A batch of events is larger than anything that the API is asked."""
    return API_BODY_BYTES if path.startswith(API.root_paths) else MAX_BODY_BYTES


CONNECTOR = Connector(
    key="voipcloud",
    title="VoIPcloud",
    sides={Role.PBX: as_crm.SIDE, Role.CRM: as_pbx.SIDE},
    sorry=sorry,
    max_body_bytes=max_body_bytes,
    api=API,
)
