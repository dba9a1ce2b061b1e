"""Says once in the log that the store is down, and once that it is back."""

import structlog

from switchhook.core.errors import StoreDown

log = structlog.get_logger()


class Health:
    """Whether writes succeed at present. One store's, used by its writers alone."""

    def __init__(self) -> None:
        self.reason: str | None = None

    def note_down(self, error: StoreDown) -> None:
        if self.reason is None:
            log.error("the store takes no writes", reason=error.reason)
        self.reason = error.reason

    def note_up(self) -> None:
        if self.reason is not None:
            log.info("the store takes writes again", reason_before=self.reason)
            self.reason = None
