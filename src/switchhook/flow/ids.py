"""Making up ids and tokens."""

import os
import secrets
from datetime import datetime
from typing import Protocol

from switchhook.store.times import to_millis


class Ids(Protocol):
    def new_id(self, at: datetime) -> str: ...

    def new_token(self) -> str: ...


class RandomIds:
    """Ids that sort by time, tokens that cannot be guessed."""

    def new_id(self, at: datetime) -> str:
        """Give 26 hex digits: 12 of time in milliseconds, 14 of chance."""
        return f"{to_millis(at):012x}{os.urandom(7).hex()}"

    def new_token(self) -> str:
        """Give 32 characters that are safe in a path, 192 bits of chance."""
        return secrets.token_urlsafe(24)
