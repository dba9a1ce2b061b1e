"""A key is replaced while its peer goes on with the old one, until the time is over and not longer."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from switchhook.connectors import discover
from switchhook.core.connector import Key, Role, Side
from switchhook.core.errors import Misconfigured, NotFound, StoreDown
from switchhook.flow.clock import Clock
from switchhook.flow.configure import Configured, change_connection, create_connection
from switchhook.flow.registry import Registry
from switchhook.flow.rotation import LONGEST_OVERLAP_HOURS, Rotated, rotate_connection
from switchhook.store import delivery_log
from switchhook.store.accounts import ensure_account
from tests.connectors.webhook.receiver import Receiver, receiving
from tests.fakes import START, FakeClock
from tests.flow.rig import Rig, open_rig, rings, running
from tests.loopback.clock import passing
from tests.web.hubs import TestHub, path_of, planfix_event, running_hub

PBX = Side(
    role=Role.PBX,
    keys=(Key(name="token", label="Token"), Key(name="other", label="Other", make=lambda: "x" * 20)),
)
CRM = Side(role=Role.CRM, keys=(Key(name="client_id", label="Client"),))
PLAIN = Side(role=Role.CRM)
SIDES = {"own": (PBX, CRM), "plain": (PLAIN,)}
HOUR = 3600.0


async def rotate(rig: Rig, made: Configured, *, hours: float = 24, key: str | None = None) -> Rotated:
    done = await rotate_connection(
        rig.store,
        rig.box,
        rig.connectors,
        rig.account_id,
        made.id,
        key_name=key,
        overlap_hours=hours,
        at=rig.clock.now(),
    )
    await rig.registry.refresh()
    return done


async def test_both_keys_find_the_connection_until_the_time_is_over(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_rig(tmp_path, SIDES, clock=clock) as rig:
        made = await rig.connect("own", Role.CRM)
        old = made.keys["client_id"]
        done = await rotate(rig, made, hours=24)
        new = done.keys["client_id"]

        def found() -> list[str | None]:
            attached = [rig.registry.by_presented_key("own", key) for key in (old, new)]
            return [None if one is None else one.id for one in attached]

        during = found()
        link = rig.registry.link(rig.account_id, made.id).link
        accepted = [link.accepts("client_id", key) for key in (old, new, old[:-1], "", None)]
        clock.pass_time(24 * HOUR - 1)
        await rig.registry.refresh()
        at_last = found()
        clock.pass_time(1)
        await rig.registry.refresh()
        link = rig.registry.link(rig.account_id, made.id).link

        assert new != old
        assert done.old_key_until == START + timedelta(hours=24)
        assert (during, at_last, found()) == ([made.id, made.id], [made.id, made.id], [None, made.id])
        assert accepted == [True, True, False, False, False]
        assert (link.old_keys, link.accepts("client_id", old), link.accepts("client_id", new)) == (
            {},
            False,
            True,
        )


async def test_a_running_hub_notices_the_time_by_itself(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_rig(tmp_path, SIDES, clock=clock) as rig:
        made = await rig.connect("own", Role.CRM)
        hub = Registry(rig.store, rig.box, rig.connectors, rig.http, clock=clock)
        old = made.keys["client_id"]
        async with running(hub.run()):
            await rotate(rig, made, hours=1)
            await clock.pass_until(lambda: bool((one := hub.get(made.id)) and one.link.old_keys))
            before = hub.by_presented_key("own", old)
            clock.pass_time(HOUR)
            await clock.pass_until(lambda: hub.by_presented_key("own", old) is None)

        assert before is not None
        assert before.link.old_keys == {"client_id": old}


async def test_the_time_is_noticed_while_the_store_is_away(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_rig(tmp_path, SIDES, clock=clock) as rig:
        made = await rig.connect("own", Role.CRM)
        done = await rotate(rig, made, hours=1)
        await rig.store.close()
        clock.pass_time(HOUR)
        with pytest.raises(StoreDown):
            await rig.registry.refresh()

        assert rig.registry.by_presented_key("own", made.keys["client_id"]) is None
        assert rig.registry.by_presented_key("own", done.keys["client_id"]) is not None


async def test_another_rotation_ends_the_first_old_key(tmp_path: Path) -> None:
    async with open_rig(tmp_path, SIDES, clock=FakeClock()) as rig:
        made = await rig.connect("own", Role.CRM)
        first = await rotate(rig, made)
        second = await rotate(rig, made)
        keys = (made.keys["client_id"], first.keys["client_id"], second.keys["client_id"])
        found = [rig.registry.by_presented_key("own", key) is not None for key in keys]

        assert found == [False, True, True]


async def test_without_an_overlap_the_old_key_ends_at_once(tmp_path: Path) -> None:
    async with open_rig(tmp_path, SIDES, clock=FakeClock()) as rig:
        made = await rig.connect("own", Role.CRM)
        done = await rotate(rig, made, hours=0)

        assert done.old_key_until is None
        assert rig.registry.by_presented_key("own", made.keys["client_id"]) is None


async def test_one_of_several_keys_is_named(tmp_path: Path) -> None:
    async with open_rig(tmp_path, SIDES, clock=FakeClock()) as rig:
        made = await rig.connect("own", Role.PBX, settings={"other": "brought-along"})
        done = await rotate(rig, made, key="other")
        link = rig.registry.link(rig.account_id, made.id).link

        assert done.keys == {"other": "x" * 20}
        assert link.keys == {"token": made.keys["token"], "other": "x" * 20}
        assert link.old_keys == {"other": "brought-along"}
        # The old one of these opens nothing that the other key opens.
        assert not link.accepts("token", "brought-along")


@pytest.mark.parametrize(
    ("kind", "role", "key", "hours", "field", "words"),
    [
        ("own", Role.PBX, None, 24, "key", "other, token, got none"),
        ("own", Role.PBX, "tokn", 24, "key", "other, token, got 'tokn'"),
        ("plain", Role.CRM, None, 24, "key", "no key"),
        ("own", Role.CRM, None, -1, "overlap_hours", "0 to 720"),
        ("own", Role.CRM, None, LONGEST_OVERLAP_HOURS + 1, "overlap_hours", "0 to 720"),
        ("own", Role.CRM, None, float("nan"), "overlap_hours", "0 to 720"),
    ],
)
async def test_what_cannot_be_replaced_is_refused_and_named(
    tmp_path: Path, kind: str, role: Role, key: str | None, hours: float, field: str, words: str
) -> None:
    async with open_rig(tmp_path, SIDES, clock=FakeClock()) as rig:
        made = await rig.connect(kind, role)
        with pytest.raises(Misconfigured, match=words) as caught:
            await rotate(rig, made, hours=hours, key=key)

        assert caught.value.field == field
        assert rig.registry.link(rig.account_id, made.id).link.keys == made.keys


async def test_keys_of_another_account_are_not_there(tmp_path: Path) -> None:
    async with open_rig(tmp_path, SIDES, clock=FakeClock()) as rig:
        other = await rig.store.write(ensure_account, "other", at=START)
        made = await rig.connect("own", Role.CRM, account_id=other.id)

        with pytest.raises(NotFound):
            await rotate(rig, made)


async def test_what_one_has_now_is_stronger_than_what_another_had(tmp_path: Path) -> None:
    async with open_rig(tmp_path, SIDES, clock=FakeClock()) as rig:
        one = await rig.connect("own", Role.CRM, settings={"client_id": "brought-along"})
        await rotate(rig, one)
        two = await rig.connect("own", Role.CRM, settings={"client_id": "brought-along"})
        found = rig.registry.by_presented_key("own", "brought-along")

        assert found is not None
        assert found.id == two.id


# With peers.

SPEED = 10.0
# Less than a webhook may be old.
OVERLAP_SECONDS = 60.0
# A running hub looks at its connections twice a second.
NOTICED_SECONDS = 5.0


async def pings(hub: TestHub, made: Configured, key: str) -> list[int]:
    """Ask as a Planfix PBX, at the connection's own address and at the vendor's."""
    form = {"cmd": "ping", "planfix_token": key}
    replies = [await hub.post(path, data=form) for path in (path_of(made.urls["api"]), "/tel/api")]
    return [reply.status for reply in replies]


async def credentials(hub: TestHub, made: Configured, key: str) -> list[int]:
    """Ask as a PBX that takes the hub for retailCRM."""
    own = path_of(made.urls["base"])
    replies = [await hub.get(f"{base}/api/credentials?apiKey={key}") for base in (own, "")]
    return [reply.status for reply in replies]


async def statuses(hub: TestHub, made: Configured, key: str) -> list[int]:
    """Ask as a retailCRM account."""
    path = path_of(made.urls["account"])
    return [(await hub.get(f"{path}?clientId={key}")).status]


@pytest.mark.parametrize(
    ("kind", "role", "key", "ask", "settings"),
    [
        ("planfix", "pbx", "planfix_token", pings, {}),
        ("retailcrm", "pbx", "api_key", credentials, {}),
        (
            "retailcrm",
            "crm",
            "client_id",
            statuses,
            {"url": "http://127.0.0.1:9", "api_key": "x" * 32, "code": "hub", "allow_private": "true"},
        ),
    ],
)
async def test_peers_go_on_with_the_old_key_until_the_time_is_over(
    tmp_path: Path,
    kind: str,
    role: str,
    key: str,
    ask: Callable[[TestHub, Configured, str], Awaitable[list[int]]],
    settings: dict[str, str],
) -> None:
    async with passing(SPEED) as clock, running_hub(tmp_path / "data", clock=clock) as hub:
        made = await hub.connect(kind, role, **settings)
        done = await rotate_in(hub, made, clock, seconds=OVERLAP_SECONDS)
        during = [await ask(hub, made, one[key]) for one in (made.keys, done.keys)]
        clock.pass_time(OVERLAP_SECONDS)
        await clock.sleep(NOTICED_SECONDS)
        after = [await ask(hub, made, one[key]) for one in (made.keys, done.keys)]

    assert {status for one in during for status in one} == {200}
    assert set(after[1]) == {200}
    assert set(after[0]) <= {401, 403}


async def rotate_in(hub: TestHub, made: Configured, clock: Clock, *, seconds: float) -> Rotated:
    desk = hub.now.desk
    done = await rotate_connection(
        desk.store,
        desk.box,
        discover(),
        desk.account_id,
        made.id,
        overlap_hours=seconds / HOUR,
        at=clock.now(),
    )
    await hub.now.registry.refresh()
    return done


def verified(receiver: Receiver, number: int, secret: str) -> bool:
    got = receiver.got[number]
    try:
        Webhook(secret).verify(got.body, dict(got.headers))
    except WebhookVerificationError:
        return False
    return True


async def test_a_webhook_is_signed_with_both_until_the_time_is_over(tmp_path: Path) -> None:
    async with (
        receiving() as receiver,
        passing(SPEED) as clock,
        running_hub(tmp_path / "data", clock=clock) as hub,
    ):
        pbx = await hub.connect("planfix", "pbx")
        hook = await hub.connect(
            "webhook", "crm", url=receiver.url, allow_private="true", events="call.ringing"
        )

        async def ring(call_id: str) -> None:
            count = len(receiver.got)
            form = planfix_event(pbx, "INCOMING", call_id)
            await hub.post(path_of(pbx.urls["api"]), data=form)
            async with asyncio.timeout(20):
                while len(receiver.got) == count:  # noqa: ASYNC110 - the receiver is a plain list
                    await asyncio.sleep(0.02)

        await ring("k-1")
        done = await rotate_in(hub, hook, clock, seconds=OVERLAP_SECONDS)
        await ring("k-2")
        clock.pass_time(OVERLAP_SECONDS)
        await clock.sleep(NOTICED_SECONDS)
        await ring("k-3")
        old, new = hook.keys["secret"], done.keys["secret"]
        taken = [(verified(receiver, number, old), verified(receiver, number, new)) for number in range(3)]

    assert new.startswith("whsec_")
    assert taken == [(True, False), (True, True), (False, True)]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"events": "call.finished"}, "events"),
        ({"secret": "whsec_canarycanarycanary"}, "secret"),
        ({"secret": "0123456789abcdef0123456789abcdef"}, "secret"),
    ],
)
async def test_a_manifest_judges_its_own_values(tmp_path: Path, settings: dict[str, str], field: str) -> None:
    sides = {"webhook": tuple(discover()["webhook"].sides.values())}
    async with open_rig(tmp_path, sides) as rig:
        made = await rig.connect("webhook", Role.CRM, settings={"url": "https://program.example/hooks"})
        with pytest.raises(Misconfigured) as at_first:
            await create_connection(
                rig.store,
                rig.box,
                rig.connectors,
                rig.account_id,
                kind="webhook",
                role="crm",
                name="x",
                settings={"url": "https://program.example/hooks", **settings},
                at=START,
            )
        with pytest.raises(Misconfigured) as later:
            await change_connection(rig.store, rig.box, rig.connectors, rig.account_id, made.id, settings)

        assert (at_first.value.field, later.value.field) == (field, field)
        assert "canary" not in at_first.value.reason + later.value.reason
        assert rig.registry.link(rig.account_id, made.id).link.keys == made.keys


async def test_changes_that_nobody_chose_are_not_queued(tmp_path: Path) -> None:
    sides = {"own": (PBX,), "webhook": tuple(discover()["webhook"].sides.values())}
    async with open_rig(tmp_path, sides) as rig:
        pbx = await rig.connect("own", Role.PBX)
        await rig.connect("webhook", Role.CRM, settings={"url": "http://127.0.0.1:9", "events": "call.final"})
        chose = await rig.connect(
            "webhook", Role.CRM, settings={"url": "http://127.0.0.1:9", "events": "call.*"}
        )
        await rig.hub(pbx).accept([rings("1")])
        queued = await rig.store.read(delivery_log.newest, rig.account_id)

        assert len(rig.registry.destinations(rig.account_id)) == 2
        assert [one.connection_id for one in queued] == [chose.id]
