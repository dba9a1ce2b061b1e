"""The API of a played PBX, where its protocol has one: histories and clicks, out of the played calls."""

import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from switchhook.core.api import Api, HistoryKind, HistoryPage, HistoryQuery, HistoryRow
from switchhook.core.book import Book
from switchhook.core.call import Call, Direction, Phase
from switchhook.core.directory import GroupKind
from switchhook.core.edge import Reply, Request
from switchhook.core.errors import Refused
from switchhook.core.numeric_id import numeric_id
from switchhook.sim.stage import PlayedHub
from switchhook.store.call_parties import folded, users_of
from switchhook.store.history import who_had_it


@dataclass(kw_only=True)
class PlayedApi:
    """A `core.api.ApiHub` over what one played side remembers. One key, and no limit of the rate."""

    api: Api
    hub: PlayedHub
    key: str
    zone: str = "UTC"
    region: str = "RU"
    public_url: str = field(init=False)
    orders: dict[str, str] = field(default_factory=dict)  # id by idempotency key

    def __post_init__(self) -> None:
        self.public_url = self.hub.link.public_url

    def is_asked(self, path: str) -> bool:
        return any(path == root or path.startswith(f"{root}/") for root in self.api.root_paths)

    async def answer(self, request: Request) -> Reply:
        """Answer whoever holds the key. Raises: Refused: it is another one, or none."""
        presented = self.api.presented_key(request) or ""
        if not hmac.compare_digest(presented.encode(errors="replace"), self.key.encode()):
            raise Refused("the key does not match", is_missing=not presented)
        return await self.api.serve(request, self)

    def extensions(self) -> frozenset[str]:
        return frozenset()

    @property
    def book(self) -> Book:
        return self.hub.book

    async def open_calls(self) -> Sequence[Call]:
        return [call for call in reversed(self.hub.ledger.calls.values()) if call.phase is Phase.OPEN]

    async def dial(
        self, extension: str, number: str, *, did: str | None = None, idempotency_key: str | None = None
    ) -> str:
        if idempotency_key in self.orders and idempotency_key is not None:
            return self.orders[idempotency_key]
        order_id = await self.hub.dial(extension, number, did=did)
        if idempotency_key is not None:
            self.orders[idempotency_key] = order_id
        return order_id

    async def history(self, wanted: HistoryQuery) -> HistoryPage:
        names = {folded(name) for name in wanted.names}
        rows = [
            row
            for call in self.hub.ledger.calls.values()
            for row in self._rows_of(call, wanted.kind)
            if _is_wanted(row, wanted, names)
        ]
        rows.sort(key=lambda row: (row.call.started_at, row.call.id, row.extension))
        if wanted.is_newest_first:
            rows.reverse()
        return HistoryPage(rows=rows[wanted.offset : wanted.offset + wanted.limit], total=len(rows))

    def _rows_of(self, call: Call, kind: HistoryKind) -> Iterator[HistoryRow]:
        if call.phase is Phase.OPEN or call.is_shadow:
            return
        group, group_kind = self._group_of(call)
        is_queue = group_kind is GroupKind.QUEUE
        if kind is not HistoryKind.USER and (not group or is_queue is not (kind is HistoryKind.QUEUE)):
            return
        names = {one.extension: one.name for one in self.hub.people.staff}
        for extension in users_of(call) if kind is HistoryKind.USER else (who_had_it(call),):
            yield HistoryRow(
                call=call,
                call_id=numeric_id(call),
                extension=extension,
                user_name=names.get(extension, extension),
                group=group,
                group_is_queue=is_queue,
            )

    def _group_of(self, call: Call) -> tuple[str, GroupKind | None]:
        """Say which group brought the call: as it was played, else that of its line."""
        by_line = {line.number: line.group for line in self.hub.people.outside}
        is_inbound = call.direction is Direction.INBOUND
        name = call.group or (by_line.get(call.did or "") if is_inbound else None) or ""
        kinds = {group.name: group.kind for group in self.hub.people.teams}
        return name, call.group_kind or kinds.get(name)


def _is_wanted(row: HistoryRow, wanted: HistoryQuery, names: set[str]) -> bool:
    began_at = row.call.started_at
    if wanted.since is not None and began_at < wanted.since:
        return False
    if wanted.until is not None and began_at >= wanted.until:
        return False
    if wanted.call_id is not None and row.call_id != wanted.call_id:
        return False
    own = {row.extension, folded(row.user_name)} if wanted.kind is HistoryKind.USER else {folded(row.group)}
    return not names or bool(names & own)
