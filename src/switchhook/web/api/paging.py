"""Pages of lists that are ordered by a growing id: where one ends and the next goes on."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from msgspec import UNSET, Struct, UnsetType

from switchhook.web.api.fields import IdCursor, Limit

LIMIT = 50


class Numbered(Protocol):
    @property
    def id(self) -> int: ...


N = TypeVar("N", bound=Numbered)


class PageQuery(Struct, frozen=True, kw_only=True):
    """Which page of a list."""

    cursor: IdCursor | UnsetType = UNSET
    limit: Limit = LIMIT

    @property
    def position(self) -> int | None:
        """Give the id at which the page before ended."""
        return int(self.cursor) if self.cursor else None


def cut(found: Sequence[N], limit: int) -> tuple[Sequence[N], str | None]:
    """Cut a page off a list that was read with one more than `limit`; give where the next one goes on."""
    shown = found[:limit]
    return shown, str(shown[-1].id) if len(found) > limit else None
