"""Who has which extension in the account, as remembered from the last registration."""

from dataclasses import dataclass
from typing import Any

import msgspec

from switchhook.connectors.retailcrm.wire.callbacks import Activity
from switchhook.connectors.retailcrm.wire.module import UserCode
from switchhook.core.connector import Link

SWITCHED_ON = Activity(is_active=True, is_frozen=False)


@dataclass(frozen=True, kw_only=True)
class Roster:
    """`codes` is the account's map; `users` pairs extensions with users that the map leaves out."""

    is_registered: bool = False
    activity: Activity = SWITCHED_ON
    codes: tuple[UserCode, ...] = ()
    users: tuple[UserCode, ...] = ()
    offered: tuple[UserCode, ...] = ()  # pairs that we proposed once; users may have removed them since

    @property
    def off_because(self) -> str | None:
        if self.activity.is_frozen:
            return "the module is frozen in the CRM"
        return None if self.activity.is_active else "the module is switched off in the CRM"

    def user_of(self, extension: str) -> int | None:
        both = (*self.codes, *self.users)
        return next((pair.user_id for pair in both if pair.code == extension), None)

    def extension_of(self, user_id: int) -> str | None:
        return next((pair.code for pair in (*self.codes, *self.users) if pair.user_id == user_id), None)

    def has_code(self, extension: str) -> bool:
        return any(pair.code == extension for pair in self.codes)

    def known(self, extensions: tuple[str, ...]) -> tuple[str, ...]:
        """Keep the extensions that the account can show a card to; all of them while no map is known."""
        named = tuple(extension for extension in extensions if extension)
        return tuple(extension for extension in named if self.has_code(extension)) if self.codes else named


def roster_of(link: Link) -> Roster:
    stored = link.state.get("activity")
    return Roster(
        is_registered=bool(link.state.get("is_registered")),
        activity=msgspec.convert(stored, Activity) if stored else SWITCHED_ON,
        codes=_pairs(link.state.get("codes")),
        users=_pairs(link.state.get("users")),
        offered=_pairs(link.state.get("offered")),
    )


def to_state(roster: Roster) -> dict[str, Any]:
    return {
        "is_registered": roster.is_registered,
        "activity": msgspec.to_builtins(roster.activity),
        "codes": msgspec.to_builtins(list(roster.codes)),
        "users": msgspec.to_builtins(list(roster.users)),
        "offered": msgspec.to_builtins(list(roster.offered)),
    }


def _pairs(stored: object) -> tuple[UserCode, ...]:
    return msgspec.convert(stored or [], tuple[UserCode, ...])
