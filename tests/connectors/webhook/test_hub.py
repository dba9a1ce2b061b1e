"""A whole hub, a PBX that posts to it, and a receiver on loopback: order, retries, the end of a receiver."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from switchhook.connectors import discover
from switchhook.flow.configure import Configured, change_connection
from switchhook.store import delivery_log
from switchhook.store.connections import ConnectionStatus, get_connection, set_status
from switchhook.store.deliveries import State, replay
from switchhook.store.delivery_log import Delivery
from tests.connectors.webhook.receiver import Got, Receiver, receiving
from tests.loopback.clock import PatientClock, passing
from tests.web.hubs import TestHub, path_of, planfix_event, running_hub

PATIENCE_SECONDS = 20.0
SPEED = 10.0
# Lanes look for what is due every second of that clock.
SILENCE_SECONDS = 5.0


@dataclass(kw_only=True)
class Stage:
    hub: TestHub
    clock: PatientClock
    pbx: Configured
    hook: Configured
    receiver: Receiver

    async def hears(self, happening: str, call_id: str, **fields: str) -> None:
        """Let the PBX post one event."""
        form = planfix_event(self.pbx, happening, call_id, **fields)
        reply = await self.hub.post(path_of(self.pbx.urls["api"]), data=form)
        assert reply.status == 200

    async def call(self, call_id: str) -> None:
        await self.hears("INCOMING", call_id)
        await self.hears("ACCEPTED", call_id)
        await self.hears("COMPLETED", call_id, status="Success", duration="5", is_recorded="0")

    def of_call(self, call_id: str) -> list[Got]:
        return [one for one in self.receiver.got if one.event["data"]["shared_id"] == call_id]

    def steps(self, call_id: str) -> list[str]:
        """What the receiver was told of a call, without repetitions."""
        return list(dict.fromkeys(one.event["type"] for one in self.of_call(call_id)))

    async def deliveries(self) -> list[Delivery]:
        """Oldest first."""
        desk = self.hub.now.desk
        return (await desk.store.read(delivery_log.newest, desk.account_id))[::-1]

    async def is_dead(self) -> bool:
        return (await self.deliveries())[0].state is State.DEAD

    async def reason_of_pause(self) -> str | None:
        desk = self.hub.now.desk
        row = await desk.store.read(get_connection, desk.account_id, desk.box, self.hook.id)
        return row.status_reason if row.status is ConnectionStatus.PAUSED else None

    async def eventually(self, is_reached: Callable[[], Awaitable[object] | object]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                reached = is_reached()
                if (await reached) if isinstance(reached, Awaitable) else reached:
                    return
                await asyncio.sleep(0.02)


@asynccontextmanager
async def stage(folder: Path, **settings: str) -> AsyncIterator[Stage]:
    async with (
        receiving() as receiver,
        passing(SPEED) as clock,
        running_hub(folder / "data", clock=clock) as hub,
    ):
        pbx = await hub.connect("planfix", "pbx")
        hook = await hub.connect("webhook", "crm", url=receiver.url, allow_private="true", **settings)
        yield Stage(hub=hub, clock=clock, pbx=pbx, hook=hook, receiver=receiver)


ALL = ["call.ringing", "call.answered", "call.leg_ended", "call.ended", "call.final"]


async def test_every_call_is_told_in_its_order_and_signed(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await asyncio.gather(*(on.call(f"k-{number}") for number in range(5)))
        await on.eventually(lambda: on.receiver.types.count("call.ended") == 5)
        for got in on.receiver.got:
            got.verify(on.hook.keys["secret"])

        assert [on.steps(f"k-{number}")[:4] for number in range(5)] == [ALL[:4]] * 5
        assert len({got.id for got in on.receiver.got}) == len(on.receiver.got)


async def test_what_failed_comes_again_before_anything_after_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        on.receiver.say("500 Internal Server Error", body=b"no disk")
        await on.call("k-1")
        await on.eventually(lambda: "call.leg_ended" in on.receiver.types)
        first, again, *others = on.of_call("k-1")

        assert (first.event["type"], again.id, again.body) == ("call.ringing", first.id, first.body)
        assert [one.event["type"] for one in others][:2] == ALL[1:3]
        (delivery, *_) = await on.deliveries()
        desk = on.hub.now.desk
        tries = await desk.store.read(delivery_log.attempts_of, desk.account_id, delivery.id)
        assert [(one.status, one.answer) for one in tries] == [(500, b"no disk"), (204, b"")]


async def test_an_event_sent_again_by_hand_is_the_same_event(tmp_path: Path) -> None:
    async with stage(tmp_path, events="call.ringing") as on:
        on.receiver.say("404 Not Found")
        await on.hears("INCOMING", "k-1")
        await on.eventually(lambda: len(on.receiver.got) == 1)
        desk = on.hub.now.desk
        await on.eventually(on.is_dead)
        dead = (await on.deliveries())[0]
        await desk.store.write(replay, desk.account_id, dead.id, at=on.clock.now())
        await on.eventually(lambda: len(on.receiver.got) == 2)
        first, again = on.receiver.got
        again.verify(on.hook.keys["secret"])

        assert (again.id, again.body) == (first.id, first.body)


async def test_nothing_more_goes_to_a_receiver_that_is_gone(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        on.receiver.say("410 Gone")
        await on.hears("INCOMING", "k-1")
        await on.eventually(lambda: len(on.receiver.got) == 1)
        desk = on.hub.now.desk
        await on.eventually(on.reason_of_pause)
        reason = await on.reason_of_pause()
        await on.hub.now.registry.refresh()
        await on.hears("ACCEPTED", "k-1")
        await on.call("k-2")
        await on.clock.sleep(SILENCE_SECONDS)
        heard_while_gone = len(on.receiver.got)
        await desk.store.write(set_status, desk.account_id, on.hook.id, ConnectionStatus.ACTIVE)
        await on.eventually(lambda: "call.leg_ended" in on.steps("k-2"))

        assert reason == "the receiver says that it is gone (410)"
        assert heard_while_gone == 1
        assert on.steps("k-1")[:2] == ALL[:2]


async def test_only_what_was_chosen_is_queued_at_all(tmp_path: Path) -> None:
    async with stage(tmp_path, events="call.answered,recording.*") as on:
        await on.call("k-1")
        await on.eventually(lambda: len(on.receiver.got) == 1)
        kinds = [delivery.kind for delivery in await on.deliveries()]
        desk = on.hub.now.desk
        await change_connection(
            desk.store, desk.box, discover(), desk.account_id, on.hook.id, {"events": "call.ringing"}
        )
        await on.hub.now.registry.refresh()
        await on.call("k-2")
        await on.eventually(lambda: len(on.receiver.got) == 2)

        assert kinds == ["leg.answered"]
        assert on.receiver.types == ["call.answered", "call.ringing"]
