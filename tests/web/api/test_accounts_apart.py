"""Every operation that takes an id says of another account's what it says of one that there is not."""

from collections.abc import Mapping
from typing import Any

import msgspec

from switchhook.web.api.openapi import document
from switchhook.web.api.operation import JSON, Operation
from switchhook.web.api.operations import OPERATIONS
from tests.net.peers import listening
from tests.store.kept_calls import ended, keep
from tests.web.api.client import Client
from tests.web.hubs import planfix_event

# By the name of the parameter: what the first account has.
Owned = Mapping[str, str]


async def own_everything(client: Client) -> dict[str, str]:
    """Have an account own one of everything that has an id."""
    async with listening() as peer:
        pbx = await client.hub.connect(
            "planfix", "pbx", pbx_url=peer.url, pbx_token="secret", allow_private="true"
        )
        await client.hub.connect("planfix", "crm")
        await client.hub.post("/tel/api", data=planfix_event(pbx, "INCOMING", "1"))
        dial = (await client.post("/dial", {"extension": "101", "number": "+79101234567"})).json
    await client.hub.now.desk.store.write(keep, client.key.account_id, [ended("kept", "101", recordings=1)])
    group = {"name": "sales", "kind": "ring", "extensions": ["101"]}
    contact = await client.post("/contacts", {"name": "Anna"})
    await client.post("/employees", {"name": "Ivan", "extension": "101"})
    line = await client.post("/lines", {"name": "Main", "number": "+74951234567"})
    made = await client.post("/groups", group)
    (delivery,) = (await client.get("/deliveries")).json["items"]
    return {
        "contact_id": str(contact.json["id"]),
        "extension": "101",
        "line_id": str(line.json["id"]),
        "group_id": str(made.json["id"]),
        "connection_id": pbx.id,
        "call_id": "kept",
        "number": "0",
        "dial_id": dial["id"],
        "delivery_id": str(delivery["id"]),
    }


def with_id() -> list[Operation]:
    return [operation for operation in OPERATIONS if "path" in operation.shapes]


def body_of(operation: Operation) -> Mapping[str, Any]:
    """Give the body that documents show, so that nothing but the id is wrong."""
    if not operation.reads_body:
        return {}
    assert operation.body_types == (JSON,)
    return {"json": msgspec.to_builtins(operation.body_example)}


async def ask(client: Client, operation: Operation, owned: Owned) -> int:
    answer = await client.ask(operation.method, operation.path.format_map(owned), **body_of(operation))
    return answer.status


async def test_another_accounts_ids_are_not_there(client: Client, stranger: Client) -> None:
    owned = await own_everything(client)

    told = {operation.id: await ask(stranger, operation, owned) for operation in with_id()}

    assert len(told) > 15
    assert told == dict.fromkeys(told, 404)
    # And they have been left alone, since the owner finds each of them.
    shows = [operation for operation in with_id() if operation.method == "GET"]
    # The sound of this call is not here yet.
    found = {one.id: await ask(client, one, owned) for one in shows if "{number}" not in one.path}
    assert found == dict.fromkeys(found, 200)


async def test_lists_hold_nothing_of_another_account(client: Client, stranger: Client) -> None:
    await own_everything(client)
    lists = [one for one in OPERATIONS if one.id.startswith("list_")]

    ours = {one.id: len((await client.get(one.path)).json["items"]) for one in lists}
    theirs = {one.id: len((await stranger.get(one.path)).json["items"]) for one in lists}

    assert len(lists) == 7
    assert min(ours.values()) > 0
    assert set(theirs.values()) == {0}


async def test_every_path_with_an_id_is_among_them() -> None:
    paths = {path for path in document()["paths"] if "{" in path}

    assert {"/api/v1" + operation.path for operation in with_id()} == paths
