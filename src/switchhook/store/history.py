"""Histories of users, queues and ring groups: ended calls by the row of whoever took part."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from switchhook.core.api import HistoryKind, HistoryPage, HistoryQuery, HistoryRow
from switchhook.core.call import Call
from switchhook.core.numeric_id import MOST_DIGITS, digits_of, second_of
from switchhook.core.result import talked
from switchhook.store.call_parties import LONGEST_PARTY, folded
from switchhook.store.call_rows import decode_call
from switchhook.store.many import ByKeys
from switchhook.store.party_days import EVER_MS, SHALLOW, TOTAL, Rows, ends_of, find_page, in_time, meant
from switchhook.store.tables.book import employees
from switchhook.store.tables.calls import calls
from switchhook.store.tables.parties import call_parties
from switchhook.store.times import to_millis

MOST_ROWS = 10_000
# From so many rows on it takes longer to look at what is skipped than to look twice at what is not.
DEEP = 1_000
KEYS = ("started_ms", "call_row", "party")
SHOWN = ("numeric_id", "group_name", "group_kind")
NOTHING = HistoryPage(rows=(), total=0)

p = call_parties.c
_NAMES = ByKeys(
    sa.select(employees.c.extension, employees.c.name).where(
        employees.c.account_id == sa.bindparam("account_id"),
        employees.c.extension.in_(sa.bindparam("keys", expanding=True)),
    ),
    "account_id",
)
_OF_CALLS = (
    sa.select(p.started_ms, p.party, p.numeric_id, p.group_name, p.group_kind, calls.c.id, calls.c.snapshot)
    .join(calls, (calls.c.id == p.call_row) & (calls.c.account_id == p.account_id))
    # Not the column itself: in its index lie everybody's rows, and these are few.
    .order_by(p.started_ms + 0, p.call_row, p.party)
    .limit(MOST_ROWS)
)
_OF_NUMBER = _OF_CALLS.where(*meant(call_parties, is_named=False), p.numeric_id == sa.bindparam("numeric_id"))
_OF_SECOND = _OF_CALLS.where(
    p.call_row >= sa.bindparam("first"),
    p.call_row < sa.bindparam("last"),
    p.numeric_id.is_(None),
    # As above: these are the rows of one second, of whatever account.
    p.account_id + 0 == sa.bindparam("account_id"),
    p.kind == sa.bindparam("kind"),
)


def history(tx: sa.Connection, account_id: int, wanted: HistoryQuery) -> HistoryPage:
    """Give a page of rows, ordered by (start of the call, our id, party), at most 10,000.

    `total` is exact at every size and costs no more for a big account: rows are counted by the day
    when they are written. A deep offset costs no more than a day's rows either.

    Rows come when a call has ended, into the place of its start. So pages of `oldest_first` lose and
    repeat nothing while later calls come in; a long call that ends meanwhile moves what follows it.

    A name that nobody has matches nothing, and neither does a `call_id` that no call has.
    """
    parties = _parties(tx, account_id, wanted)
    if parties == ():
        return NOTHING
    rows = Rows(
        account_id=account_id,
        kind=wanted.kind.value,
        parties=parties,
        since_ms=-EVER_MS if wanted.since is None else to_millis(wanted.since),
        until_ms=EVER_MS if wanted.until is None else to_millis(wanted.until),
    )
    offset, limit = max(0, wanted.offset), max(0, min(wanted.limit, MOST_ROWS))
    if wanted.call_id is not None:
        found = _of_calls(tx, rows, wanted.call_id)
        ordered = found[::-1] if wanted.is_newest_first else found
        return HistoryPage(rows=_shown(tx, rows, ordered[offset : offset + limit]), total=len(found))
    which = {
        "is_named": parties is not None,
        "is_in_order": rows.is_in_order,
        "is_newest_first": wanted.is_newest_first,
        "is_of_users": wanted.kind is HistoryKind.USER,
        "is_deep": offset > DEEP,
    }
    asked = {**rows.parameters(), "skipped": offset, "limit": limit}
    if offset <= SHALLOW and rows.is_in_order and (ends := ends_of(rows)) is not None:
        page = tx.execute(_page(**which, is_counted=True), asked | ends).all()
        if page:
            return HistoryPage(rows=_shown(tx, rows, page), total=int(page[0].total))
    total, place = find_page(tx, rows, offset=offset, limit=limit, is_newest_first=wanted.is_newest_first)
    if place is None:
        return HistoryPage(rows=(), total=total)
    asked |= {"since_ms": place.start_ms, "until_ms": place.end_ms, "skipped": place.skipped}
    return HistoryPage(rows=_shown(tx, rows, tx.execute(_page(**which), asked).all()), total=total)


def _parties(tx: sa.Connection, account_id: int, wanted: HistoryQuery) -> tuple[str, ...] | None:
    """Say whose rows are asked for, as `call_parties` names them; None: everybody's."""
    if not wanted.names:
        return None
    asked = {folded(name) for name in wanted.names}
    found = asked
    if wanted.kind is HistoryKind.USER:
        # Cases of other alphabets are nothing that SQLite knows, so names are compared here.
        people = sa.select(employees.c.extension, employees.c.name).where(
            employees.c.account_id == account_id
        )
        found = {name.strip()[:LONGEST_PARTY] for name in wanted.names}
        found |= {person.extension for person in tx.execute(people) if folded(person.name) in asked}
    return tuple(sorted(found - {""}))


@cache
def _page(
    *,
    is_named: bool,
    is_in_order: bool,
    is_newest_first: bool,
    is_of_users: bool,
    is_deep: bool,
    is_counted: bool = False,
) -> sa.Select[Any]:
    """Order by an index alone, and look only at what is on the page. What no index orders is sorted.

    With `is_deep` what is skipped is not looked at outside the index, which else is the quicker way.

    Made once: to put such a statement together takes longer than to run it.
    """

    def directed(*columns: sa.ColumnElement[Any]) -> list[sa.ColumnElement[Any]]:
        return [column.desc() if is_newest_first else column.asc() for column in columns]

    started_ms = p.started_ms if is_in_order else p.started_ms + 0
    columns = KEYS if is_deep else (*KEYS, *SHOWN)
    rows = (
        sa.select(*(p[name] for name in columns))
        .where(*meant(call_parties, is_named=is_named), *in_time())
        .order_by(*directed(started_ms, p.call_row, p.party))
        .offset(sa.bindparam("skipped", type_=sa.Integer))
        .limit(sa.bindparam("limit", type_=sa.Integer))
        .subquery("page")
    )
    r = rows.c
    table = call_parties.alias("shown") if is_deep else rows
    shown = sa.select(r.started_ms, r.party, *(table.c[name] for name in SHOWN), calls.c.id, calls.c.snapshot)
    shown = shown.select_from(rows)
    if is_deep:
        mine = meant(table, is_named=False)
        shown = shown.join(table, (table.c.call_row == r.call_row) & (table.c.party == r.party)).where(*mine)
    shown = shown.join(calls, calls.c.id == r.call_row)
    # The rest on the same way: each way to a database server takes its time.
    if is_of_users:
        user = (employees.c.account_id == sa.bindparam("account_id")) & (employees.c.extension == r.party)
        shown = shown.outerjoin(employees, user).add_columns(employees.c.name.label("user_name"))
    if is_counted:
        shown = shown.add_columns(TOTAL[is_named].label("total"))
    return shown.where(calls.c.account_id == sa.bindparam("account_id")).order_by(
        *directed(r.started_ms, r.call_row, r.party)
    )


def _of_calls(tx: sa.Connection, rows: Rows, call_id: str) -> Sequence[Any]:
    """Find the rows of the call with this number; of several, if a client gave them one."""
    is_number = call_id.isascii() and call_id.isdigit() and len(call_id) <= MOST_DIGITS
    if not is_number or call_id.startswith("0"):
        return ()
    number = int(call_id)
    first, last = second_of(number)
    asked: dict[str, object] = {"account_id": rows.account_id, "kind": rows.kind}
    found = [
        *tx.execute(_OF_NUMBER, asked | {"numeric_id": number}),
        *(
            row
            for row in tx.execute(_OF_SECOND, asked | {"first": first, "last": last})
            if digits_of(row.id) == call_id
        ),
    ]
    found.sort(key=lambda row: (row.started_ms, row.id, row.party))
    return [
        row
        for row in found
        if rows.since_ms <= row.started_ms < rows.until_ms
        and (rows.parties is None or row.party in rows.parties)
    ]


def _shown(tx: sa.Connection, rows: Rows, found: Sequence[Any]) -> tuple[HistoryRow, ...]:
    snapshots = {row.id: row.snapshot for row in found}
    decoded = {row_id: decode_call(snapshot) for row_id, snapshot in snapshots.items()}
    is_user = rows.kind == HistoryKind.USER.value
    extensions = [row.party if is_user else who_had_it(decoded[row.id]) for row in found]
    names = _names_of(tx, rows, found, extensions)
    return tuple(
        HistoryRow(
            call=decoded[row.id],
            call_id=digits_of(row.id) if row.numeric_id is None else str(row.numeric_id),
            extension=extension,
            user_name=names.get(extension, extension),
            group=row.group_name or "",
            group_is_queue=row.group_kind == HistoryKind.QUEUE.value,
        )
        for row, extension in zip(found, extensions, strict=True)
    )


def _names_of(
    tx: sa.Connection, rows: Rows, found: Sequence[Any], extensions: Sequence[str]
) -> dict[str, str]:
    """Give the names of those who are employees, by extension."""
    if found and hasattr(found[0], "user_name"):
        return {row.party: row.user_name for row in found if row.user_name is not None}
    return dict(_NAMES.run(tx, extensions, rows.account_id))


def who_had_it(call: Call) -> str:
    """Give the extension that a group's call is shown with: who answered first, else who rang last."""
    answered = [leg.extension for leg in talked(call) if leg.extension]
    rang = [leg.extension for leg in reversed(call.legs) if leg.extension]
    return next(iter(answered or rang), "")
