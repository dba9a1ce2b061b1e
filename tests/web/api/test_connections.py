"""Connections by the API: made, shown without their secrets, changed, paused, tried, given new keys."""

from switchhook.core.api import Scope
from tests.net.peers import listening
from tests.web.api.client import Client, client_of
from tests.web.hubs import path_of, planfix_event

PBX = {
    "kind": "planfix",
    "role": "pbx",
    "name": "Office PBX",
    "settings": {"pbx_token": "a-secret-of-the-pbx"},
}


async def test_a_new_connection_is_served_at_once_and_its_keys_are_shown_once(client: Client) -> None:
    made = await client.post("/connections", PBX)
    where = f"/connections/{made.json['id']}"
    form = {"cmd": "ping", "planfix_token": made.json["keys"]["planfix_token"]}
    served = await client.hub.post(path_of(made.json["urls"]["api"]), data=form)
    shown, listed = await client.get(where), await client.get("/connections")

    assert (made.status, served.status) == (201, 200)
    assert shown.json["keys"]["planfix_token"] != made.json["keys"]["planfix_token"]
    assert shown.json["settings"] == {"pbx_token": "…"}
    assert listed.json["items"] == [shown.json]
    for answer in (made, shown, listed):
        assert b"a-secret-of-the-pbx" not in answer.body


async def test_who_may_only_read_is_not_told_the_address_of_a_connection(client: Client) -> None:
    made = await client.post("/connections", PBX)
    reader = await client_of(client.hub, scopes=[Scope.READ])
    url_key = made.json["urls"]["api"].split("/x/")[1].partition("/")[0]

    shown = await reader.get(f"/connections/{made.json['id']}")

    assert shown.status == 200
    assert url_key.encode() not in shown.body


async def test_a_connection_is_changed_and_removed(client: Client) -> None:
    made = (await client.post("/connections", PBX)).json
    where = f"/connections/{made['id']}"

    changed = await client.patch(
        where, {"name": "Shop", "settings": {"extensions": "101,102", "pbx_token": ""}}
    )
    removed, gone = await client.delete(where), await client.get(where)

    assert (changed.json["name"], changed.json["settings"]["extensions"]) == ("Shop", "101,102")
    assert changed.json["settings"]["pbx_token"] == ""
    assert (removed.status, gone.problem) == (204, "not_found")


async def test_what_is_wrong_with_a_connection_is_named(client: Client) -> None:
    made = (await client.post("/connections", PBX)).json
    answers = [
        await client.post("/connections", {**PBX, "kind": "nothing"}),
        await client.post("/connections", {**PBX, "role": "boss"}),
        await client.post("/connections", {**PBX, "settings": {"color": "red"}}),
        await client.post("/connections", {**PBX, "settings": {"pbx_url": "ftp://pbx"}}),
        await client.patch(f"/connections/{made['id']}", {"settings": {"pbx_url": "nowhere"}}),
    ]

    assert [(one.status, one.wrong) for one in answers] == [
        (400, ["kind"]),
        (400, ["role"]),
        (400, ["settings.color"]),
        (400, ["settings.pbx_url"]),
        (400, ["settings.pbx_url"]),
    ]


async def test_a_key_that_another_connection_has_is_a_conflict(client: Client) -> None:
    key = {"planfix_token": "0123456789abcdef"}
    first = await client.post("/connections", {**PBX, "settings": key})
    second = await client.post("/connections", {**PBX, "settings": key})
    third = await client.post("/connections", PBX)
    moved = await client.patch(f"/connections/{third.json['id']}", {"settings": key})

    assert first.status == 201
    assert [(one.status, one.wrong) for one in (second, moved)] == [(409, ["planfix_token"])] * 2


async def test_a_connection_is_paused_and_resumed(client: Client) -> None:
    made = await client.hub.connect("planfix", "crm")

    paused = await client.post(f"/connections/{made.id}/pause")
    while_paused = client.hub.now.registry.link(client.key.account_id, made.id).is_paused
    resumed = await client.post(f"/connections/{made.id}/resume")

    assert (paused.json["status"], while_paused, resumed.json["status"]) == ("paused", True, "active")


async def test_a_connection_is_tried_in_words(client: Client) -> None:
    async with listening() as peer:
        made = await client.hub.connect(
            "planfix", "pbx", pbx_url=peer.url, pbx_token="secret", allow_private="true"
        )
        right = await client.post(f"/connections/{made.id}/try")
    wrong = await client.post(f"/connections/{made.id}/try")

    assert right.json["is_ok"] is True
    assert wrong.json["is_ok"] is False
    assert wrong.json["findings"][0]["detail"]


async def test_a_key_is_replaced_and_the_one_before_holds_on(client: Client) -> None:
    made = await client.hub.connect("planfix", "pbx")

    rotated = await client.post(f"/connections/{made.id}/rotate", {"overlap_hours": 1})
    old = await client.hub.post("/tel/api", data=planfix_event(made, "INCOMING", "1"))
    ended = await client.post(f"/connections/{made.id}/rotate", {"overlap_hours": 0})
    unknown = await client.post(f"/connections/{made.id}/rotate", {"key": "another"})

    assert rotated.json["keys"]["planfix_token"] != made.keys["planfix_token"]
    assert rotated.json["old_key_until"] is not None
    assert old.status == 200
    assert ended.json["old_key_until"] is None
    assert unknown.wrong == ["key"]
