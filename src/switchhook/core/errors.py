"""The error tree, named by who has to act.

HubError
├── BadMessage          the peer's developer: it sent what its own protocol forbids
│   └── TooLarge        the same, by size
├── Refused             whoever holds the key: wrong, missing or revoked
├── Unsupported         nobody: the protocol cannot say it
├── NotFound            whoever asked: no such thing
├── TooMany             whoever asked: slower, please
├── Misconfigured       our administrator: names the connection and the field
│   └── ForbiddenTarget     an address that this connection may not reach
├── PeerDown            time: the peer does not answer
├── LinkLost            nobody: another process holds the link to the peer
└── StoreDown           our administrator: the disk or the database takes no writes
"""


class HubError(Exception):
    """Anything the hub says no with. `id` is stable and listed in docs/errors.md."""

    id = "hub_error"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BadMessage(HubError):
    """The peer sent something its own protocol does not allow.

    The peer has to change what it sends; repeating the request will not help.
    """

    id = "bad_message"

    def __init__(self, reason: str, *, field: str | None = None) -> None:
        super().__init__(reason)
        self.field = field


class TooLarge(BadMessage):
    """The message is over the size, depth or field count that we read."""

    id = "too_large"


class Refused(HubError):
    """The key is missing, wrong or revoked, or the address is not listed."""

    id = "refused"

    def __init__(self, reason: str, *, is_missing: bool = False) -> None:
        super().__init__(reason)
        self.is_missing = is_missing


class Unsupported(HubError):
    """The protocol on the other side has no words for this."""

    id = "unsupported"


class NotFound(HubError):
    """There is no such thing in this account."""

    id = "not_found"


class TooMany(HubError):
    """More of these than we take at once; try again later."""

    id = "too_many"

    def __init__(
        self, reason: str, *, retry_after_seconds: float | None = None, limit: int | None = None
    ) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds
        self.limit = limit  # of what they may ask in a while, where that is told


class Misconfigured(HubError):
    """Our own administrator has to change a setting of a connection or of the hub."""

    id = "misconfigured"

    def __init__(self, reason: str, *, connection: str | None = None, field: str | None = None) -> None:
        super().__init__(reason)
        self.connection = connection
        self.field = field


class ForbiddenTarget(Misconfigured):
    """The address is private or special and the connection was not granted such targets."""

    id = "forbidden_target"


class PeerDown(HubError):
    """The peer does not answer, or not in time; the text says which."""

    id = "peer_down"


class LinkLost(HubError):
    """Another process holds the link to this peer now; nothing was written."""

    id = "link_lost"


class StoreDown(HubError):
    """The store takes no writes (disk full, database away); the peer may try again later."""

    id = "store_down"
