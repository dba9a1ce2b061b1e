"""The hub as a connector sees it: bound to one connection, and kept to its account."""

from pathlib import Path

import pytest

from switchhook.core.call import Phase
from switchhook.core.connector import Field, Key, Role, Side
from switchhook.core.directory import Employee, GroupKind
from switchhook.core.errors import Misconfigured, NotFound
from switchhook.store.accounts import ensure_account
from switchhook.store.connections import remove_connection
from switchhook.store.contacts import add_contact
from switchhook.store.employees import add_employee
from switchhook.store.groups import add_group
from switchhook.store.lines import add_line
from tests.fakes import START
from tests.flow.rig import open_rig, rings

FIELDS = (Field(name="url", label="Address"), Field(name="secret", label="Secret", is_secret=True))
SIDES = {"own": [Side(role=Role.PBX, fields=FIELDS), Side(role=Role.CRM, keys=(Key(name="k", label="Key"),))]}


async def test_what_is_taken_in_is_in_the_history_of_its_connection_only(tmp_path: Path) -> None:
    async with open_rig(tmp_path, SIDES) as rig:
        one, two = await rig.connect("own", Role.PBX), await rig.connect("own", Role.PBX)
        await rig.hub(one).accept([rings("1"), rings("2")])
        await rig.hub(two).accept([rings("2", "102"), rings("3")])
        history = await rig.hub(one).history(["1", "2", "3"])

        assert {key: (call.connection_id, call.rung) for key, call in history.items()} == {
            "1": (one.id, ("101",)),
            "2": (one.id, ("101",)),
        }
        assert history["1"].phase is Phase.OPEN


async def test_nothing_told_is_nothing_taken(tmp_path: Path) -> None:
    async with open_rig(tmp_path, SIDES) as rig:
        made = await rig.connect("own", Role.PBX)
        await rig.hub(made).accept([])

        assert await rig.hub(made).history([]) == {}


async def test_pairing_replaces_what_is_named_and_keeps_the_rest(tmp_path: Path) -> None:
    async with open_rig(tmp_path, SIDES) as rig:
        made = await rig.connect("own", Role.PBX, settings={"url": "https://a", "secret": "old"})
        hub = rig.hub(made)
        await hub.pair(state={"a": 1, "b": [1, 2]})
        link = await hub.pair(settings={"secret": "new"}, state={"b": None})
        in_registry = rig.registry.link(rig.account_id, made.id).link

        assert (link.settings["url"], link.settings["secret"]) == ("https://a", "new")
        assert link.state == {"a": 1, "b": None}
        assert in_registry.settings == link.settings
        assert in_registry.state == link.state


async def test_a_peer_may_not_set_what_the_manifest_does_not_name(tmp_path: Path) -> None:
    async with open_rig(tmp_path, SIDES) as rig:
        made = await rig.connect("own", Role.PBX)
        with pytest.raises(Misconfigured) as caught:
            await rig.hub(made).pair(settings={"owner": "me"})

        assert caught.value.field == "owner"


async def test_a_peer_may_not_grant_itself_private_addresses(tmp_path: Path) -> None:
    async with open_rig(tmp_path, SIDES) as rig:
        made = await rig.connect("own", Role.PBX, settings={"allow_private": "false"})
        with pytest.raises(Misconfigured) as caught:
            await rig.hub(made).pair(settings={"allow_private": "true"})

        assert caught.value.field == "allow_private"


async def test_a_connection_that_is_gone_has_no_hub(tmp_path: Path) -> None:
    async with open_rig(tmp_path, SIDES) as rig:
        made = await rig.connect("own", Role.PBX)
        hub = rig.hub(made)
        await rig.store.write(remove_connection, rig.account_id, made.id)
        await rig.registry.refresh()

        with pytest.raises(NotFound):
            rig.hubs.of(made.id)
        with pytest.raises(NotFound):
            await hub.pair(state={"a": 1})


async def test_the_book_is_the_accounts_own(tmp_path: Path) -> None:
    async with open_rig(tmp_path, SIDES) as rig:
        other = await rig.store.write(ensure_account, "other", at=START)
        made = await rig.connect("own", Role.PBX)
        for account_id, name in ((rig.account_id, "ours"), (other.id, "theirs")):
            await rig.store.write(add_employee, account_id, name=name, extension="101")
            await rig.store.write(add_line, account_id, number="74950000000", name=name)
            await rig.store.write(add_group, account_id, name=name, kind=GroupKind.RING, extensions=["101"])
            await rig.store.write(add_contact, account_id, name=name, phones=["79161234567"])
        book = rig.hub(made).book
        contact = await book.contact("8 916 123-45-67")
        lists = await book.employees(), await book.lines(), await book.groups()

        assert [[one.name for one in found] for found in lists] == [["ours"]] * 3
        assert contact is not None
        assert contact.name == "ours"


async def test_learned_employees_never_change_known_ones(tmp_path: Path) -> None:
    async with open_rig(tmp_path, SIDES) as rig:
        made = await rig.connect("own", Role.PBX)
        await rig.store.write(add_employee, rig.account_id, name="Anna", extension="101")
        book = rig.hub(made).book
        await book.learn_employees(
            [Employee(id=7, name="Other", extension="101"), Employee(id=8, name="Boris", extension="102")]
        )

        assert [(one.name, one.extension) for one in await book.employees()] == [
            ("Anna", "101"),
            ("Boris", "102"),
        ]
