"""What whoever asks at a connection's address is told when it did not work. Pure."""

from switchhook.core.edge import Reply, reply_json
from switchhook.core.errors import BadMessage, NotFound, Refused, StoreDown, TooLarge, TooMany, Unsupported

# The first class that fits speaks, so narrow ones come first.
ANSWERS: tuple[tuple[type[Exception], int, str], ...] = (
    (TooLarge, 413, "too large"),
    (BadMessage, 400, "bad message"),
    (Refused, 401, "refused"),
    (NotFound, 404, "not found"),
    (Unsupported, 404, "not found"),
    (TooMany, 429, "too many requests"),
    (StoreDown, 503, "temporarily unavailable"),
)


def sorry(error: Exception) -> Reply:
    """Say no as ARI does: a JSON object with `message`."""
    status, text = next(
        ((status, text) for kind, status, text in ANSWERS if isinstance(error, kind)), (500, "internal error")
    )
    return reply_json(status, {"message": text})
