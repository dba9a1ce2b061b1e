"""`switchhook call`: the history of calls."""

import msgspec
from cyclopts import App
from rich.console import Group
from rich.text import Text

from switchhook.cli.frame import COMMON, Common, desk, facts, read_since, show, table
from switchhook.core.errors import NotFound
from switchhook.store import delivery_log, events
from switchhook.store.calls import CallFilter, find_shared, get, page
from switchhook.store.connections import list_connections

app = App(name="call")


@app.command(name="list")
async def list_(*, since: str | None = None, limit: int = 100, common: Common = COMMON) -> None:
    """List calls, newest first.

    Parameters
    ----------
    since
        Only those begun since then: a time such as 2026-01-31T09:00, or an age such as 12h or 7d.
    limit
        How many at most.
    """
    wanted = CallFilter(since=read_since(since))
    async with desk(common) as at:
        found = await at.store.read(page, at.account_id, wanted, limit=limit)
    rows = [
        (
            call.id,
            call.started_at,
            call.direction.value,
            call.number,
            call.contact_name,
            call.extension or call.rung,
            call.disposition.value if call.disposition else call.phase.value,
            call.talk_seconds,
        )
        for call in found.calls
    ]
    columns = ("ID", "BEGAN", "DIRECTION", "NUMBER", "NAME", "EXTENSION", "RESULT", "TALK")
    show(common, list(found.calls), table(columns, rows, empty="No calls."))


@app.command(name="show")
async def show_(call_id: str, /, *, common: Common = COMMON) -> None:
    """Show a call with its legs, what was told about it and what was passed on.

    Parameters
    ----------
    call_id
        Its id here, or the one that other systems were told.
    """
    async with desk(common) as at:
        call = await at.store.read(get, at.account_id, call_id) or await at.store.read(
            find_shared, at.account_id, call_id
        )
        if call is None:
            raise NotFound(f"no such call: {call_id}")
        heard = await at.store.read(events.of_call, at.account_id, call.id)
        told = await at.store.read(delivery_log.of_call, at.account_id, call.id)
        names = {row.id: row.name for row in await at.store.read(list_connections, at.account_id, at.box)}
    value = {**msgspec.to_builtins(call), "events": heard, "deliveries": told}
    human = Group(
        facts(
            {
                "id": call.id,
                "began": call.started_at,
                "direction": call.direction.value,
                "number": call.number,
                "name": call.contact_name,
                "line": call.did,
                "result": call.disposition.value if call.disposition else call.phase.value,
                "rang, s": call.ring_seconds,
                "talked, s": call.talk_seconds,
                "ended because": call.ended_because,
                "recordings": [one.url for one in call.recordings],
                "came by": names.get(call.connection_id, call.connection_id),
                "id there": call.call_id,
                **call.custom,
            }
        ),
        Text("\nPhones", style="bold"),
        table(
            ("EXTENSION", "STATE", "RESULT", "TALK"),
            [
                (leg.extension, leg.state.value, leg.disposition and leg.disposition.value, leg.talk_seconds)
                for leg in call.legs
            ],
            empty="None.",
        ),
        Text("\nHeard", style="bold"),
        table(
            ("WHEN", "WHAT", "EXTENSION"),
            [(one.at, one.kind, one.extension) for one in heard],
            empty="Nothing is kept.",
        ),
        Text("\nPassed on", style="bold"),
        table(
            ("TO", "WHAT", "STATE", "TRIES", "BECAUSE"),
            [
                (
                    names.get(one.connection_id, one.connection_id),
                    one.kind,
                    one.state.value,
                    one.attempts,
                    one.reason,
                )
                for one in told
            ],
            empty="Nothing.",
        ),
    )
    show(common, value, human)
