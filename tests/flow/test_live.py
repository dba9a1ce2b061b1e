"""Open browsers hear of calls as they are now, and can catch up on what they missed."""

from switchhook.flow.live import Live, Resync, Update
from tests.flow.exchange import Exchange, answered, ended, ringing


def live_of(exchange: Exchange) -> Live:
    live = Live(exchange.store, clock=exchange.clock)
    exchange.intake.listen(live.note)
    return live


async def test_tells_each_call_once_with_its_newest_state(exchange: Exchange) -> None:
    live = live_of(exchange)
    with live.subscribe(exchange.account_id) as subscription:
        await exchange.accept(ringing("a"), ringing("b"))
        await exchange.accept(answered("a"))
        heard = await subscription.next()

    assert [(one.call.call_id, len(one.changes)) for one in heard if isinstance(one, Update)] == [
        ("b", 1),
        ("a", 2),
    ]
    assert [one.id for one in heard] == sorted({one.id for one in heard})


async def test_tells_nobody_of_other_accounts_or_unwanted_calls(exchange: Exchange) -> None:
    live = live_of(exchange)
    with (
        live.subscribe(exchange.account_id + 1) as foreign,
        live.subscribe(exchange.account_id, lambda call: "102" in call.rung) as other,
        live.subscribe(exchange.account_id) as mine,
    ):
        await exchange.accept(ringing())
        await mine.next()

        assert not foreign._waiting
        assert not other._waiting


async def test_an_older_snapshot_never_replaces_a_newer_one(exchange: Exchange) -> None:
    live = live_of(exchange)
    first = await exchange.intake.accept(exchange.account_id, exchange.pbx, [ringing()])
    second = await exchange.intake.accept(exchange.account_id, exchange.pbx, [answered()])
    with live.subscribe(exchange.account_id) as subscription:
        live.note(second)
        live.note(first)
        (update,) = await subscription.next()

    assert isinstance(update, Update)
    assert update.call == second.told[0].call
    assert update.changes == (*first.told[0].changes, *second.told[0].changes)


async def test_a_subscriber_who_falls_behind_is_told_to_start_over(exchange: Exchange) -> None:
    live = live_of(exchange)
    with live.subscribe(exchange.account_id, most_waiting=3) as subscription:
        for n in range(5):
            await exchange.accept(ringing(f"c-{n}"))
        heard = await subscription.next()

    assert isinstance(heard[0], Resync)
    assert [one.call.call_id for one in heard[1:] if isinstance(one, Update)] == ["c-4"]


async def test_a_browser_that_comes_back_hears_what_it_missed(exchange: Exchange) -> None:
    live = live_of(exchange)
    with live.subscribe(exchange.account_id) as subscription:
        await exchange.accept(ringing("before"))
        (last,) = await subscription.next()
    exchange.clock.pass_time(60)
    await exchange.accept(ringing("a"), answered("a"))
    await exchange.accept(ringing("b"))

    missed = await live.missed(exchange.account_id, last.id)

    by_call = {one.call.call_id: one for one in missed if isinstance(one, Update)}
    assert {"a", "b"} <= by_call.keys()
    assert by_call["a"].call == next(call for call in await exchange.calls() if call.call_id == "a")


async def test_ids_grow_though_time_stands_still(exchange: Exchange) -> None:
    live = live_of(exchange)
    seen = []
    with live.subscribe(exchange.account_id) as subscription:
        for news in (ringing(), answered(), ended()):
            await exchange.accept(news)
            seen += [one.id for one in await subscription.next()]

    assert seen == sorted(set(seen))


async def test_a_listener_that_fails_does_not_undo_what_was_taken(exchange: Exchange) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("broken listener")

    exchange.intake.listen(fail)
    live = live_of(exchange)
    with live.subscribe(exchange.account_id) as subscription:
        await exchange.accept(ringing())

        assert len(await subscription.next()) == 1
