"""News in: once taken they are stored, folded and queued for everyone who is to hear of them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import structlog
from msgspec.structs import replace

from switchhook.core.call import News
from switchhook.core.errors import StoreDown
from switchhook.flow.clock import Clock
from switchhook.flow.desk import Arrival
from switchhook.flow.destinations import Destinations
from switchhook.flow.ids import Ids
from switchhook.flow.taking import Taken, Taking, Tools
from switchhook.store import Store
from switchhook.store.call_rows import Raced, Tx

log = structlog.get_logger()

# Each round some other writer has made the same call first; the next finds it.
ROUNDS = 5

# Told of everything taken, after the commit, in the event loop. Must be quick and not wait.
Listener = Callable[[Taken], None]
# Asked of each destination for which something may be in news that were just handed to the store: does it
# see to them itself? What it hands to the store at once is committed with them.
Herald = Callable[[str], bool]


class Intake:
    """The one way for news into the store."""

    def __init__(self, store: Store, *, clock: Clock, ids: Ids, destinations: Destinations) -> None:
        self._store = store
        self._clock = clock
        self._tools = Tools(destinations=destinations, ids=ids, now=clock.now)
        self._listeners: list[Listener] = []
        self._herald: Herald | None = None

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def foretell(self, herald: Herald) -> None:
        self._herald = herald

    async def accept(
        self,
        account_id: int,
        connection_id: str,
        news: Sequence[News],
        *,
        at: datetime | None = None,
        fence: int | None = None,
    ) -> Taken:
        """Take news of one connection; once this returns they are stored and will be delivered.

        All of them or none, in this order. `at` is when they were heard, if not now. `fence` is the epoch
        of the open link that they came by, where they did.

        Raises:
            LinkLost: another process has taken the link over; nothing was stored.
            StoreDown: nothing was stored.
        """
        arrival = Arrival(
            account_id=account_id,
            connection_id=connection_id,
            news=tuple(news),
            at=at or self._clock.now(),
            fence=fence,
        )
        taking = self._store.take(self._take_all, arrival)
        return await self._accept(arrival, taking, seen_to=self._foretold(arrival))

    async def tell(
        self, account_id: int, call_row: str, news: Sequence[News], *, at: datetime | None = None
    ) -> Taken:
        """Take our own news of one call, named by our id: time has passed, its recording is here.

        A call that there is not is left in peace. Raises as `accept` does.
        """
        return await self._accept(
            Arrival(
                account_id=account_id,
                connection_id="",
                news=tuple(news),
                at=at or self._clock.now(),
                call_row=call_row,
            )
        )

    async def tell_each(self, about: Sequence[tuple[int, str, News]]) -> list[Taken | Exception]:
        """Do as `tell` does for many calls at once, without waiting for one before the next is told.

        Of each are given: account, our id of the call, the news. Gives what came of each, or what `tell`
        would have raised.
        """
        now = self._clock.now()
        arrivals = [
            Arrival(account_id=account_id, connection_id="", news=(news,), at=now, call_row=call_row)
            for account_id, call_row, news in about
        ]
        waiting = [self._store.take(self._take_all, arrival) for arrival in arrivals]
        results: list[Taken | Exception] = []
        for arrival, taking in zip(arrivals, waiting, strict=True):
            try:
                results.append(await self._accept(arrival, taking))
            except Exception as error:  # noqa: BLE001 - given to the caller
                results.append(error)
        return results

    def _foretold(self, arrival: Arrival) -> frozenset[str]:
        """Say which destinations are seen to, should the news be for them."""
        herald = self._herald
        if herald is None:
            return frozenset()
        return frozenset(
            destination.connection_id
            for destination in self._tools.destinations(arrival.account_id)
            if destination.side.deliver is not None
            and destination.hears(arrival.connection_id)
            and herald(destination.connection_id)
        )

    async def _accept(
        self,
        arrival: Arrival,
        taking: Awaitable[Taken] | None = None,
        *,
        seen_to: frozenset[str] = frozenset(),
    ) -> Taken:
        """`taking`: it has been handed to the store already, and these destinations are seen to with it."""
        for _ in range(ROUNDS):
            try:
                taken = await (taking or self._store.take(self._take_all, arrival))
                break
            except Raced:
                taking, seen_to = None, frozenset()
        else:
            raise StoreDown(f"other writers were first {ROUNDS} times")
        if seen_to:
            taken = replace(taken, destinations=taken.destinations - seen_to)
        for listener in self._listeners:
            try:
                listener(taken)
            except Exception:
                log.exception("a listener of intake failed")
        return taken

    def _take_all(self, tx: Tx, arrivals: list[Arrival]) -> list[Taken | Exception]:
        return Taking(tx, self._tools, arrivals).run()
