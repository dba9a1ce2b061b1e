"""No verb shows or changes another account's rows. A new verb or table is held to it by itself.

Every table gets a row of a first account, every verb is called for a second account with the ids of
these rows. Should a verb have a parameter that is not known here, it is added to VALUES.
"""

import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from importlib import import_module
from typing import get_origin, get_type_hints

import sqlalchemy as sa

import switchhook.store
from switchhook.core.api import HistoryKind, HistoryQuery
from switchhook.core.call import Call, Leg, Phase, Recording
from switchhook.core.contact_files import ContactDraft
from switchhook.core.directory import Contact, Employee, Group, GroupKind, Line
from switchhook.core.errors import HubError
from switchhook.core.link_hub import LinkOrder
from switchhook.store import Store
from switchhook.store.accounts import ensure_account
from switchhook.store.calls import CallFilter
from switchhook.store.dials import Dial, DialState
from switchhook.store.link_orders import AskedOrder
from switchhook.store.secrets import SecretBox
from switchhook.store.tables import load_tables
from switchhook.store.tables.book import contacts, employees
from switchhook.store.times import to_millis
from tests.store.times import NOW

CANARY = "canary"
NUMBER = "+79161234567"

# Rows of the first account, and what the verbs are asked for. Other columns hold the canary.
VALUES: Mapping[str, object] = {
    "account": None,
    "after_id": 0,
    "answer": None,
    "asked": AskedOrder(
        account_id=0, connection_id="c-1", order=LinkOrder(id="order-3", verb="dial", body={}),
        asked_ms=to_millis(NOW), until_ms=to_millis(NOW) * 2,
    ),
    "at_ms": to_millis(NOW),
    "availability": "free",
    "call": Call(
        id="call-b", connection_id="c-1", call_id="p-1", shared_id="s-1", recording_token="t-b",
        started_at=NOW, recordings=(Recording(url="https://pbx.example/r.mp3"),),
    ),
    "call_id": "p-1",
    "call_ids": ["p-1"],
    "call_parties.kind": "user",
    "call_parties.party": "101",
    "call_party_days.kind": "user",
    "call_party_days.party": "",
    "call_row": "call-1",
    "calls": [
        Call(
            id="call-c", connection_id="c-1", call_id="p-1", shared_id="s-1", recording_token="t-c",
            started_at=NOW, phase=Phase.ENDED, legs=(Leg(extension="101"),), group="sales",
        )
    ],
    "calls.id": "call-1",
    "canonical": NUMBER,
    "changes": {"name": "changed"},
    "connection_id": "c-1",
    "connection_ids": ["c-1"],
    "connections.id": "c-1",
    "contact": Contact(id=1, name="changed"),
    "contact_id": 1,
    "delivery_id": 1,
    "dial": Dial(
        id="dial-2", asked_by=None, connection_id=None, extension="101", number=NUMBER, digits="79161234567",
        did=None, state=DialState.ASKED, asked_at=NOW,
    ),
    "dial_id": "dial-1",
    "dials.id": "dial-1",
    "digits": "79161234567",
    "drafts": [ContactDraft(name="Иван", phones=(NUMBER,))],
    "e164": NUMBER,
    "employee": Employee(id=1, name="changed", extension="101"),
    "epoch": 1,
    "extension": "101",
    "extensions": [],
    "group_id": 1,
    "group": Group(id=1, name="sales", kind=GroupKind.RING, extensions=()),
    "groups.name": "sales",
    "id": 1,
    "idempotency.order_id": None,
    "idempotency_key": "once",
    "index": 0,
    "key": "token",
    "key_id": 1,
    "keys": {"token": "k-1"},
    "kind": "planfix",
    "lane": "lane-1",
    "learned": [Employee(id=1, name="changed", extension="101")],
    "limit": 10,
    "link_orders.id": "dial-2",
    "line_id": 1,
    "line": Line(id=1, number=NUMBER, name="changed"),
    "name": "sales",
    "now_ms": to_millis(NOW),
    "number": NUMBER,
    "number_digits": "79161234567",
    "offset": 0,
    "order_id": "dial-2",
    "owner": "process-1",
    "rate_per_second": 1000.0,
    "reason": None,
    "recordings.number": 0,
    "reversed_digits": "76543216197",
    "settings": {"url": "changed"},
    "shared_id": "s-1",
    "shared_ids": ["s-1"],
    "since_ms": 0,
    "started_ms": to_millis(NOW),
    "state": {"cursor": 1},
    "status": "active",
    "takers": ["c-1"],
    "teller": None,
    "times": 1,
    "until_ms": to_millis(NOW) * 2,
    "wanted": CallFilter(line=CANARY),
    "what": None,
}  # fmt: skip

# What a verb may tell of others on purpose, with the reason.
TOLD: Mapping[str, str] = {}


class Undone(HubError):
    """Carries what was found out of a transaction that is not kept."""


def public_verbs() -> Iterator[tuple[str, Callable[..., object]]]:
    for module in pkgutil.iter_modules(switchhook.store.__path__, "switchhook.store."):
        for name, verb in vars(import_module(module.name)).items():
            is_ours = inspect.isfunction(verb) and verb.__module__ == module.name and not name.startswith("_")
            if is_ours and next(iter(inspect.signature(verb).parameters), None) == "tx":
                yield f"{module.name.rpartition('.')[2]}.{name}", verb


def takes_account(verb: Callable[..., object]) -> bool:
    return list(inspect.signature(verb).parameters)[1:2] == ["account_id"]


def takes_batch(verb: Callable[..., object]) -> bool:
    names = list(inspect.signature(verb).parameters)[1:2]
    return any(issubclass(get_origin(get_type_hints(verb)[name]) or object, Iterable) for name in names)


def value_for(name: str, kind: object, box: SecretBox) -> object:
    if kind is SecretBox:
        return box
    if kind is bool:
        return False
    if kind is datetime:
        return NOW + timedelta(seconds=1)
    if kind is HistoryQuery:
        return HistoryQuery(kind=HistoryKind.USER)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    if name not in VALUES:
        raise AssertionError(f"add to VALUES what `{name}` may be")
    return VALUES[name]


def arguments_of(verb: Callable[..., object], box: SecretBox) -> dict[str, object]:
    hints = get_type_hints(verb)
    required = [p for p in inspect.signature(verb).parameters.values() if p.default is p.empty][2:]
    return {p.name: value_for(p.name, hints[p.name], box) for p in required}


def fill(tx: sa.Connection, account_id: int) -> None:
    """Give the account a row in every table."""
    for table in load_tables().sorted_tables:
        if "account_id" in table.c:
            # Numbers that the database gives out: the first is 1.
            given = (c for c in table.c if c.name != "account_id" and c.identity is None)
            row = {c.name: value_of(table, c) for c in given}
            tx.execute(sa.insert(table).values(account_id=account_id, **row))


def value_of(table: sa.Table, column: sa.Column[object]) -> object:
    if isinstance(column.type, sa.LargeBinary):
        return CANARY.encode()
    if isinstance(column.type, sa.Boolean):
        return False
    by_name = VALUES.get(f"{table.name}.{column.name}", VALUES.get(column.name))
    if isinstance(column.type, sa.Integer | sa.Double):
        return by_name if isinstance(by_name, int | float) else 1
    return by_name if isinstance(by_name, str) and column.name != "name" else CANARY


def rows_of(tx: sa.Connection, account_id: int) -> list[object]:
    tables = [table for table in load_tables().sorted_tables if "account_id" in table.c]
    return [
        (table.name, tuple(row))
        for table in tables
        for row in tx.execute(sa.select(table).where(table.c.account_id == account_id))
    ]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Two accounts, and the rows of the first one; no call of a verb is kept, so they stay as they are."""

    owner: int
    asking: int
    stored: list[object]


def fault(tx: sa.Connection, verb: Callable[..., object], rows: Rows, arguments: dict[str, object]) -> None:
    """Call a verb for another account; raise `Undone` with what was wrong about it, or nothing."""
    try:
        answer = repr(verb(tx, rows.asking, **arguments))
    except HubError:
        answer = ""
    after = rows_of(tx, rows.owner)
    changed = [row for row in rows.stored if row not in after]
    raise Undone(
        "; ".join(["showed " + answer] * (CANARY in answer) + [f"changed {changed}"] * bool(changed))
    )


async def fill_one_of_two(store: Store) -> Rows:
    owner = (await store.write(ensure_account, "owner", at=NOW)).id
    asking = (await store.write(ensure_account, "asking", at=NOW)).id
    await store.write(fill, owner)
    return Rows(owner=owner, asking=asking, stored=await store.read(rows_of, owner))


async def faults(store: Store, verb: Callable[..., object], rows: Rows, box: SecretBox) -> str:
    try:
        await store.write(fault, verb, rows, arguments_of(verb, box))
    except Undone as undone:
        return undone.reason
    raise AssertionError("`fault` always raises")


async def test_no_verb_shows_or_changes_rows_of_another_account(store: Store, box: SecretBox) -> None:
    verbs = {name: verb for name, verb in public_verbs() if takes_account(verb)}
    rows = await fill_one_of_two(store)
    found = {name: await faults(store, verb, rows, box) for name, verb in verbs.items()}

    assert {name: reason for name, reason in found.items() if reason and name not in TOLD} == {}
    assert len(verbs) > 50


async def test_the_test_above_sees_what_it_is_there_for(store: Store, box: SecretBox) -> None:
    def show_any(tx: sa.Connection, account_id: int, contact_id: int) -> object:
        return tx.execute(sa.select(contacts.c.name)).all()

    def change_any(tx: sa.Connection, account_id: int, extension: str) -> None:
        tx.execute(sa.update(employees).where(employees.c.extension == extension).values(name="changed"))

    rows = await fill_one_of_two(store)

    assert (await faults(store, show_any, rows, box)).startswith("showed")
    assert (await faults(store, change_any, rows, box)).startswith("changed")


def test_verbs_that_take_no_account_say_why() -> None:
    """Each serves the whole hub; of a batch every item carries its account, or a key that includes it."""
    without = {name: verb for name, verb in public_verbs() if not takes_account(verb)}
    rooms = ("accounts.", "hub_settings.", "schema.", "inserts.", "jobs.")

    silent = [
        name
        for name, verb in without.items()
        if not (name.startswith(rooms) or takes_batch(verb) or "account" in (verb.__doc__ or ""))
    ]
    assert silent == []
