"""Making up ids and tokens."""

import os
import secrets
from datetime import datetime
from typing import Protocol

from switchhook.store.times import to_millis


class Ids(Protocol):
    def new_id(self, at: datetime) -> str: ...

    def new_token(self, at: datetime) -> str: ...


class RandomIds:
    """Ids that sort by time, tokens that cannot be guessed."""

    def new_id(self, at: datetime) -> str:
        """Give 26 hex digits: 12 of time in milliseconds, 14 of chance."""
        return f"{to_millis(at):012x}{os.urandom(7).hex()}"

    def new_token(self, at: datetime) -> str:
        """Give 36 characters that are safe in a path: 12 of time, 24 that are 144 bits of chance.

        With the time in front, new tokens come next to each other in their index; all of chance, each call
        had a page of it written for itself.
        """
        return f"{to_millis(at):012x}{secrets.token_urlsafe(18)}"
