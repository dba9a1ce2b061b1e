"""`switchhook delivery`: what was told to CRMs, and what could not be."""

from datetime import UTC, datetime

from cyclopts import App

from switchhook.app.desk import Desk
from switchhook.cli.frame import COMMON, Common, Switch, desk, show, table
from switchhook.core.errors import BadMessage, NotFound
from switchhook.store.connections import list_connections
from switchhook.store.deliveries import State, replay, replay_all
from switchhook.store.delivery_log import newest

app = App(name="delivery")

# Of one transaction: events wait no longer than for these.
CHUNK = 2000


@app.command(name="list")
async def list_(*, state: State | None = None, limit: int = 100, common: Common = COMMON) -> None:
    """List deliveries, newest first.

    Parameters
    ----------
    state
        Only those in this state.
    limit
        How many at most.
    """
    async with desk(common) as at:
        found = await at.store.read(newest, at.account_id, state=state, limit=limit)
        names = {row.id: row.name for row in await at.store.read(list_connections, at.account_id, at.box)}
    rows = [
        (
            one.id,
            one.created_at,
            names.get(one.connection_id, one.connection_id),
            one.kind,
            one.state.value,
            one.attempts,
            one.reason,
        )
        for one in found
    ]
    columns = ("ID", "SINCE", "TO", "WHAT", "STATE", "TRIES", "BECAUSE")
    show(common, found, table(columns, rows, empty="Nothing was to be told."))


@app.command(name="replay")
async def replay_(
    delivery_id: int | None = None, /, *, dead: Switch = False, common: Common = COMMON
) -> None:
    """Send dead letters again: one by its id, or all of them.

    Parameters
    ----------
    delivery_id
        Which one.
    dead
        All of them.
    """
    if (delivery_id is None) is not dead:
        raise BadMessage("expected the id of a delivery, or --dead")
    async with desk(common) as at:
        now = datetime.now(UTC)
        if delivery_id is not None:
            if not await at.store.write(replay, at.account_id, delivery_id, at=now):
                raise NotFound(f"no such delivery that has come to an end: {delivery_id}")
            count = 1
        else:
            count = await replay_dead(at, now)
    show(common, {"replayed": count}, f"{count} will be sent again")


async def replay_dead(at: Desk, now: datetime) -> int:
    """Send all dead letters of the account again; those that die meanwhile wait for the next time."""
    count = 0
    while True:
        some = await at.store.write(replay_all, at.account_id, at=now, limit=CHUNK)
        count += some
        if some < CHUNK:
            return count
