"""Corrections wait until the call is over and the store answers, and are made once."""

from collections.abc import Mapping, Sequence

import pytest
from msgspec.structs import replace

from switchhook.connectors.asterisk.link.clock import SystemClock
from switchhook.connectors.asterisk.link.follower import Follower
from switchhook.connectors.asterisk.link.reconciling import Reconciler
from switchhook.core.call import Call, CallReport, LegState
from switchhook.core.errors import LinkLost, StoreDown

from .cutting import cut
from .holding import MemoryHub

CASE = "22/inbound_answered"


class Moody(MemoryHub):
    """A hub whose store may not answer."""

    is_silent = False
    asked: int = 0

    async def history(self, call_ids: Sequence[str]) -> Mapping[str, Call]:
        self.asked += 1
        if self.is_silent:
            raise StoreDown("the disk is gone")
        return await super().history(call_ids)


def reconciler_of(hub: MemoryHub, *, most_looks: int = 9) -> Reconciler:
    told = cut(CASE, at=0.9, for_seconds=6, is_restarted=True)
    hub.calls = dict(told.calls)
    clock = SystemClock()
    return Reconciler(
        Follower(told.listener, hub, clock, found=lambda one: None), hub, clock, most_looks=most_looks
    )


def lengths(hub: MemoryHub) -> list[int | None]:
    news = (one for batch in hub.batches for one in batch)
    return [one.talk_seconds for one in news if isinstance(one, CallReport)]


async def test_the_first_look_only_waits_for_more() -> None:
    hub = Moody()
    reconciler = reconciler_of(hub)

    await reconciler.look()
    assert lengths(hub) == []
    for _ in range(3):
        await reconciler.look()
    assert lengths(hub) == [6]
    assert hub.asked == 1


async def test_a_store_that_does_not_answer_is_asked_again() -> None:
    hub = Moody()
    reconciler = reconciler_of(hub)
    await reconciler.look()
    hub.is_silent = True
    for _ in range(2):
        with pytest.raises(StoreDown):
            await reconciler.look()
    hub.is_silent = False
    await reconciler.look()

    assert lengths(hub) == [6]


async def test_a_call_that_still_goes_on_in_the_store_is_waited_for() -> None:
    hub = Moody()
    reconciler = reconciler_of(hub)
    ((call_id, call),) = hub.calls.items()
    (leg,) = call.legs
    hub.calls[call_id] = replace(call, legs=(replace(leg, state=LegState.TALKING),))
    for _ in range(3):
        await reconciler.look()
    assert lengths(hub) == []

    hub.calls[call_id] = call
    await reconciler.look()
    assert lengths(hub) == [6]


async def test_what_never_ends_in_the_store_is_given_up() -> None:
    hub = Moody()
    reconciler = reconciler_of(hub, most_looks=2)
    ((call_id, call),) = hub.calls.items()
    hub.calls[call_id] = replace(call, legs=(replace(call.legs[0], state=LegState.TALKING),))
    for _ in range(9):
        await reconciler.look()

    assert hub.asked == 3


async def test_a_link_that_is_lost_ends_it() -> None:
    hub = Moody()
    reconciler = reconciler_of(hub)
    await reconciler.look()
    hub.held = False

    with pytest.raises(LinkLost):
        await reconciler.look()
