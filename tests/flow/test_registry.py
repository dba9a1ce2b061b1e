"""Connections are found by what peers present, and changes are taken up whoever makes them."""

from pathlib import Path

import pytest

from switchhook.core.call import Call
from switchhook.core.connector import Field, FieldKind, Key, Role, Side
from switchhook.core.errors import Misconfigured, NotFound
from switchhook.core.outcome import Delivered, Outcome
from switchhook.flow.configure import change_connection, create_connection
from switchhook.flow.registry import Registry
from switchhook.store.accounts import ensure_account
from switchhook.store.connections import ConnectionStatus, remove_connection, set_status
from tests.fakes import START, FakeClock
from tests.flow.rig import PUBLIC, Rig, open_rig, running


async def delivers(*_: object) -> Outcome:
    return Delivered()


PBX = Side(
    role=Role.PBX,
    fields=(
        Field(name="pbx_url", label="Address", kind=FieldKind.URL, is_required=True),
        Field(name="token", label="Token", is_secret=True),
        Field(name="mode", label="Mode", choices=("a", "b"), default="a"),
        Field(name="port", label="Port", kind=FieldKind.NUMBER),
        Field(name="is_loud", label="Loud", kind=FieldKind.SWITCH, default="false"),
    ),
    keys=(Key(name="api_key", label="Key", bytes=24),),
    urls={"api": "/tel/api"},
)
CRM = Side(role=Role.CRM, deliver=delivers, keys=(Key(name="client_id", label="Client"),))
SIDES = {"own": (PBX, CRM)}
URL = "https://pbx.example/api"


async def test_a_new_connection_has_keys_and_addresses_to_give_to_the_peer(tmp_path: Path) -> None:
    async with open_rig(tmp_path, SIDES) as rig:
        made = await rig.connect("own", Role.PBX, settings={"pbx_url": URL})
        attached = rig.registry.link(rig.account_id, made.id)

        assert len(made.keys["api_key"]) == 48
        assert made.urls == {"api": f"{PUBLIC}/x/{attached.row.url_key}/tel/api"}
        assert attached.link.urls == made.urls
        assert attached.link.keys == made.keys


async def test_settings_left_out_have_the_defaults_of_the_manifest_and_of_all_connections(
    tmp_path: Path,
) -> None:
    async with open_rig(tmp_path, SIDES) as rig:
        made = await rig.connect("own", Role.PBX, settings={"pbx_url": URL, "token": "s3cret"})

        assert rig.registry.link(rig.account_id, made.id).link.settings == {
            "pbx_url": URL,
            "token": "s3cret",
            "mode": "a",
            "port": "",
            "is_loud": "false",
            "allow_private": "true",
            "calls_from": "",
            "recordings": "copy",
        }


async def test_a_connection_is_found_by_its_address_and_by_the_key_its_peer_presents(tmp_path: Path) -> None:
    async with open_rig(tmp_path, {"own": (PBX, CRM), "other": (PBX, CRM)}) as rig:
        made = await rig.connect("own", Role.PBX, settings={"pbx_url": URL})
        key = made.keys["api_key"]
        url_key = made.urls["api"].split("/")[4]
        found = [
            rig.registry.by_url_key(url_key),
            rig.registry.by_presented_key("own", key),
            rig.registry.by_presented_key("other", key),
            rig.registry.by_presented_key("own", key[:-1]),
            rig.registry.by_url_key(""),
        ]

        assert [one and one.id for one in found] == [made.id, made.id, None, None, None]


async def test_a_connection_of_another_account_is_not_there(tmp_path: Path) -> None:
    async with open_rig(tmp_path, SIDES) as rig:
        other = await rig.store.write(ensure_account, "other", at=START)
        made = await rig.connect("own", Role.CRM, account_id=other.id)

        with pytest.raises(NotFound):
            rig.registry.link(rig.account_id, made.id)
        assert rig.registry.active(rig.account_id) == []
        assert rig.registry.destinations(rig.account_id) == ()


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({}, "pbx_url"),
        ({"pbx_url": ""}, "pbx_url"),
        ({"pbx_url": "ftp://pbx.example"}, "pbx_url"),
        ({"pbx_url": "pbx.example"}, "pbx_url"),
        ({"pbx_url": URL, "pbx_ulr": URL}, "pbx_ulr"),
        ({"pbx_url": URL, "mode": "c"}, "mode"),
        ({"pbx_url": URL, "port": "many"}, "port"),
        ({"pbx_url": URL, "is_loud": "perhaps"}, "is_loud"),
        ({"pbx_url": URL, "token": "a\nb"}, "token"),
        ({"pbx_url": URL, "recordings": "both"}, "recordings"),
        ({"pbx_url": URL, "api_key": "short"}, "api_key"),
    ],
)
async def test_a_wrong_setting_is_refused_and_named(
    tmp_path: Path, settings: dict[str, str], field: str
) -> None:
    async with open_rig(tmp_path, SIDES) as rig:
        with pytest.raises(Misconfigured) as caught:
            await create(rig, "own", "pbx", settings)

        assert caught.value.field == field
        assert "\n" not in caught.value.reason


@pytest.mark.parametrize(("kind", "role", "field"), [("none", "pbx", "kind"), ("own", "both", "role")])
async def test_an_unknown_kind_or_role_is_refused_and_named(
    tmp_path: Path, kind: str, role: str, field: str
) -> None:
    async with open_rig(tmp_path, SIDES) as rig:
        with pytest.raises(Misconfigured) as caught:
            await create(rig, kind, role, {"pbx_url": URL})

        assert caught.value.field == field


async def test_a_key_may_be_brought_along_and_changed(tmp_path: Path) -> None:
    async with open_rig(tmp_path, SIDES) as rig:
        made = await rig.connect("own", Role.PBX, settings={"pbx_url": URL, "api_key": "brought-along"})
        before = rig.registry.by_presented_key("own", "brought-along")
        changed = await change_connection(
            rig.store,
            rig.box,
            rig.connectors,
            rig.account_id,
            made.id,
            {"api_key": "another-one", "is_loud": "on"},
        )
        await rig.registry.refresh()
        after = rig.registry.by_presented_key("own", "another-one")

        assert before is not None
        assert after is not None
        assert changed.keys == {"api_key": "another-one"}
        assert after.link.settings["is_loud"] == "true"
        assert rig.registry.by_presented_key("own", "brought-along") is None


async def test_a_required_setting_cannot_be_taken_away(tmp_path: Path) -> None:
    async with open_rig(tmp_path, SIDES) as rig:
        made = await rig.connect("own", Role.PBX, settings={"pbx_url": URL})

        with pytest.raises(Misconfigured, match="pbx_url"):
            await change_connection(
                rig.store, rig.box, rig.connectors, rig.account_id, made.id, {"pbx_url": ""}
            )


async def test_a_running_hub_takes_up_what_another_process_changes(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_rig(tmp_path, SIDES, clock=clock) as rig:
        heard: list[int] = []
        running_hub = Registry(rig.store, rig.box, rig.connectors, rig.http, clock=clock)
        running_hub.on_change(lambda: heard.append(len(running_hub.snapshot.by_id)))
        async with running(running_hub.run()):
            await clock.pass_until(lambda: heard == [0])
            made = await rig.connect("own", Role.CRM)
            await clock.pass_until(lambda: running_hub.get(made.id) is not None)
            await rig.store.write(remove_connection, rig.account_id, made.id)
            await clock.pass_until(lambda: running_hub.get(made.id) is None)

        assert heard == [0, 1, 0]


async def test_a_protocol_that_is_not_installed_leaves_the_others_working(tmp_path: Path) -> None:
    async with open_rig(tmp_path, {"own": (CRM,), "gone": (CRM,)}) as rig:
        gone = await rig.connect("gone", Role.CRM)
        kept = await rig.connect("own", Role.CRM)
        without = Registry(rig.store, rig.box, {"own": rig.connectors["own"]}, rig.http)
        await without.refresh()

        assert without.get(gone.id) is None
        assert without.get(kept.id) is not None


async def test_a_paused_connection_is_still_told_of_calls_but_not_used(tmp_path: Path) -> None:
    async with open_rig(tmp_path, SIDES) as rig:
        made = await rig.connect("own", Role.CRM)
        await rig.store.write(set_status, rig.account_id, made.id, ConnectionStatus.PAUSED)
        await rig.registry.refresh()
        (destination,) = rig.registry.destinations(rig.account_id)

        assert destination.connection_id == made.id
        assert rig.registry.active(rig.account_id) == []
        assert rig.hubs.outlets()[made.id].is_paused


async def test_a_connection_may_want_the_calls_of_some_others_only(tmp_path: Path) -> None:
    async with open_rig(tmp_path, SIDES) as rig:
        made = await rig.connect("own", Role.CRM, settings={"calls_from": "c-one, c-two,"})
        (destination,) = rig.registry.destinations(rig.account_id)
        wanted = [destination.wants(call_from(name)) for name in ("c-one", "c-two", "c-three", made.id)]

        assert wanted == [True, True, False, False]


def call_from(connection_id: str) -> Call:
    return Call(
        id="1", connection_id=connection_id, call_id="1", shared_id="1", recording_token="t", started_at=START
    )


async def create(rig: Rig, kind: str, role: str, settings: dict[str, str]) -> object:
    return await create_connection(
        rig.store,
        rig.box,
        rig.connectors,
        rig.account_id,
        kind=kind,
        role=role,
        name="x",
        settings=settings,
        at=START,
    )
