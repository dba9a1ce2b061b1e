"""A key opens what it is for, from where it is listed, as often as it may; a refusal tells nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from switchhook.core.api import Scope
from switchhook.core.errors import HubError, Refused, TooMany
from switchhook.flow.gate import NOT_AUTHORISED, WRONG_TRIES, WRONG_TRIES_SECONDS, Admission, Gate
from switchhook.flow.rates import SlidingWindows, source_of
from switchhook.store import Store
from switchhook.store.accounts import ensure_account
from switchhook.store.api_keys import (
    EVERY_SCOPE,
    ApiKey,
    add_api_key,
    list_api_keys,
    revoke_api_key,
)
from switchhook.store.secrets import SecretBox
from tests.fakes import START, FakeClock

OFFICE = "203.0.113.7"
ELSEWHERE = "198.51.100.1"


class Door:
    """A gate with a clock, and keys made for it."""

    def __init__(self, store: Store, account_id: int, box: SecretBox) -> None:
        self.store, self.account_id, self.box = store, account_id, box
        self.clock = FakeClock()
        self.gate = Gate(store, box, clock=self.clock)

    async def key(
        self,
        name: str = "shop",
        *,
        allow: Sequence[str] = (),
        scopes: Sequence[Scope] = EVERY_SCOPE,
        rate: tuple[int, int] | None = None,
    ) -> tuple[ApiKey, str]:
        return await self.store.write(
            add_api_key,
            self.account_id,
            self.box,
            name=name,
            at=START,
            allow=allow,
            scopes=scopes,
            rate=rate,
        )

    async def ask(
        self,
        key: str | None,
        client: str = OFFICE,
        *,
        scope: Scope = Scope.READ,
        requests: int = 100,
        per_seconds: int = 900,
        needs_listed_address: bool = False,
    ) -> Admission:
        return await self.gate.admit(
            key,
            client,
            scope=scope,
            requests=requests,
            per_seconds=per_seconds,
            needs_listed_address=needs_listed_address,
        )

    async def refusal(self, key: str | None, client: str = OFFICE, **kwargs: bool | Scope) -> HubError:
        with pytest.raises(HubError) as caught:
            await self.ask(key, client, **kwargs)  # type: ignore[arg-type]
        return caught.value


@pytest_asyncio.fixture(loop_scope="session")
async def door(store: Store, account_id: int, box: SecretBox) -> AsyncIterator[Door]:
    made = Door(store, account_id, box)
    yield made
    await made.gate.close()


async def test_a_right_key_is_let_in_and_told_its_rate(door: Door) -> None:
    made, key = await door.key()

    admission = await door.ask(key)

    assert admission.key == made
    assert admission.headers == {
        "RateLimit-Limit": "100",
        "RateLimit-Remaining": "99",
        "RateLimit-Reset": "900",
    }


@pytest.mark.parametrize(
    ("allow", "client"),
    [
        ((), ELSEWHERE),
        (("203.0.113.7",), "203.0.113.7"),
        (("203.0.113.0/24",), "203.0.113.255"),
        (("203.0.113.9/24",), "203.0.113.1"),
        (("203.0.113.7",), "::ffff:203.0.113.7"),
        (("203.0.113.7",), "::ffff:cb00:7107"),
        (("::ffff:203.0.113.7",), "203.0.113.7"),
        (("::ffff:203.0.113.0/120",), "::ffff:203.0.113.9"),
        (("2001:db8::/32",), "2001:db8:ffff::1"),
        (("2001:db8::1",), "2001:0DB8:0:0:0:0:0:1"),
        (("10.0.0.0/8", "2001:db8::/32"), "2001:db8::5"),
        (("fe80::/10",), "fe80::1%eth0"),
        (("0.0.0.0/0",), "198.51.100.1"),
    ],
)
async def test_a_listed_address_is_let_in_however_it_is_written(
    door: Door, allow: Sequence[str], client: str
) -> None:
    made, key = await door.key(allow=allow)

    assert (await door.ask(key, client)).key == made


@pytest.mark.parametrize(
    ("allow", "client"),
    [
        (("203.0.113.7",), "203.0.113.8"),
        (("203.0.113.0/24",), "203.0.114.0"),
        (("203.0.113.7",), "::203.0.113.7"),
        (("203.0.113.7",), "64:ff9b::203.0.113.7"),
        (("2001:db8::/32",), "2001:db9::1"),
        (("2001:db8::/32",), "203.0.113.7"),
        (("::/0",), "203.0.113.7"),
        (("203.0.113.7",), ""),
        (("203.0.113.7",), "203.0.113.7, 10.0.0.1"),
        (("203.0.113.7",), "localhost"),
    ],
)
async def test_an_address_that_is_not_listed_is_not_let_in(
    door: Door, allow: Sequence[str], client: str
) -> None:
    _, key = await door.key(allow=allow)

    assert isinstance(await door.refusal(key, client), Refused)


async def test_a_key_without_a_list_opens_nothing_where_a_list_is_needed(door: Door) -> None:
    _, open_key = await door.key("open")
    listed, listed_key = await door.key("listed", allow=[OFFICE])

    assert isinstance(await door.refusal(open_key, needs_listed_address=True), Refused)
    assert (await door.ask(listed_key, needs_listed_address=True)).key == listed


async def test_a_key_opens_what_it_is_for_and_nothing_else(door: Door) -> None:
    _, key = await door.key(scopes=[Scope.LOOKUP])

    assert (await door.ask(key, scope=Scope.LOOKUP)).key.scopes == (Scope.LOOKUP,)
    for scope in (Scope.READ, Scope.WRITE, Scope.DIAL):
        assert isinstance(await door.refusal(key, scope=scope), Refused)


async def test_every_refusal_reads_the_same_and_only_the_owner_hears_why(door: Door) -> None:
    shop, shop_key = await door.key("shop", allow=[OFFICE])
    desk, desk_key = await door.key("desk", scopes=[Scope.LOOKUP])
    left, left_key = await door.key("left")
    bare, bare_key = await door.key("bare")
    await door.store.write(revoke_api_key, door.account_id, left.id, at=START)

    with capture_logs() as logs:
        refusals = [
            await door.refusal("wrong"),
            await door.refusal(None),
            await door.refusal(""),
            await door.refusal(shop_key, ELSEWHERE),
            await door.refusal(desk_key),
            await door.refusal(left_key),
            await door.refusal(bare_key, needs_listed_address=True),
        ]
    reasons = [one["reason"] for one in logs]
    said = {(type(one), one.reason, one.is_missing) for one in refusals if isinstance(one, Refused)}

    assert said == {(Refused, NOT_AUTHORISED, False)}
    assert len(refusals) == len([one for one in refusals if isinstance(one, Refused)])
    assert reasons == [
        "no such key",
        "no such key",
        "no such key",
        f"address {ELSEWHERE} is not listed for key shop",
        "key desk is not for read",
        "key left is revoked",
        "key bare has no list of addresses",
    ]
    last = {one.name: door.gate.last_refusal(one.id) for one in (shop, desk, left, bare)}
    assert {name: one.reason for name, one in last.items() if one} == {
        "shop": f"address {ELSEWHERE} is not listed for key shop",
        "desk": "key desk is not for read",
        "left": "key left is revoked",
        "bare": "key bare has no list of addresses",
    }
    of_nobody = door.gate.last_refusal(None)
    assert of_nobody is not None
    assert (of_nobody.client, of_nobody.at, of_nobody.reason) == (OFFICE, START, "no such key")


async def test_a_key_is_never_in_logs_nor_in_errors(door: Door) -> None:
    _, key = await door.key("shop", allow=[OFFICE], rate=(1, 60))
    wrong = "canary-" + key[:-1]

    with capture_logs() as logs:
        await door.ask(key)
        errors = [await door.refusal(key), await door.refusal(key, ELSEWHERE), await door.refusal(wrong)]
        await door.gate.close()
    told = repr(logs) + repr(errors) + repr(vars(door.gate))

    assert isinstance(errors[0], TooMany)
    assert logs
    assert key not in told
    assert "canary" not in told


async def test_a_revoked_key_is_refused_at_once_whoever_revoked_it(door: Door) -> None:
    made, key = await door.key()
    await door.ask(key)
    await door.store.write(revoke_api_key, door.account_id, made.id, at=START)

    assert isinstance(await door.refusal(key), Refused)


async def test_keys_of_accounts_are_told_apart(door: Door) -> None:
    other = await door.store.write(ensure_account, "other", at=START)
    _, key = await door.key()
    others, others_key = await door.store.write(add_api_key, other.id, door.box, name="shop", at=START)

    assert (await door.ask(key)).key.account_id == door.account_id
    assert (await door.ask(others_key)).key == others
    assert others.account_id == other.id != door.account_id


async def test_the_request_over_the_rate_waits_for_its_window(door: Door) -> None:
    _, key = await door.key()
    for number in range(100):
        told = await door.ask(key)
        door.clock.pass_time(1)
        assert told.headers["RateLimit-Remaining"] == str(99 - number)

    over = await door.refusal(key)
    door.clock.pass_time(799)
    still_over = await door.refusal(key)
    door.clock.pass_time(1)
    again = await door.ask(key)
    # The window slides: only the first of them is a window ago.
    over_again = await door.refusal(key)

    assert isinstance(over, TooMany)
    assert over.retry_after_seconds == 800
    assert isinstance(still_over, TooMany)
    assert still_over.retry_after_seconds == 1
    assert again.headers["RateLimit-Remaining"] == "0"
    assert isinstance(over_again, TooMany)
    assert over_again.retry_after_seconds == 1


async def test_a_key_may_have_its_own_rate(door: Door) -> None:
    _, slow = await door.key("slow", rate=(2, 10))
    _, other = await door.key("other")
    # One rate for all it does, whatever the API would give others.
    await door.ask(slow, requests=100, per_seconds=900)
    await door.ask(slow, requests=600, per_seconds=60)

    assert isinstance(await door.refusal(slow), TooMany)
    assert (await door.ask(other)).headers["RateLimit-Remaining"] == "99"
    door.clock.pass_time(10)
    assert (await door.ask(slow)).headers["RateLimit-Limit"] == "2"


async def test_being_over_the_rate_is_logged_once_until_it_is_over(door: Door) -> None:
    _, key = await door.key(rate=(1, 10))
    with capture_logs() as logs:
        for _ in range(2):
            await door.ask(key)
            for _ in range(5):
                await door.refusal(key)
            door.clock.pass_time(10)

    assert [(one["event"], one["name"]) for one in logs] == [("api key is over its rate", "shop")] * 2


async def test_apis_of_different_rates_do_not_use_up_each_others(door: Door) -> None:
    _, key = await door.key()
    for _ in range(3):
        await door.ask(key, requests=3, per_seconds=60)

    with pytest.raises(TooMany):
        await door.ask(key, requests=3, per_seconds=60)
    assert (await door.ask(key, requests=5, per_seconds=60)).headers["RateLimit-Remaining"] == "4"


async def test_a_clock_that_was_set_back_keeps_nobody_out(door: Door) -> None:
    _, key = await door.key(rate=(1, 60))
    await door.ask(key)
    door.clock.pass_time(-3600)

    assert (await door.ask(key)).headers["RateLimit-Remaining"] == "0"


async def test_wrong_keys_are_counted_by_where_they_come_from_and_right_ones_are_still_served(
    door: Door,
) -> None:
    made, key = await door.key(rate=(1000, 60))
    with capture_logs() as logs:
        told = [await door.refusal(f"wrong {number}") for number in range(WRONG_TRIES + 5)]
    elsewhere = await door.refusal("wrong", ELSEWHERE)
    right = await door.ask(key)
    door.clock.pass_time(WRONG_TRIES_SECONDS)
    later = await door.refusal("wrong")

    assert [type(one) for one in told] == [Refused] * WRONG_TRIES + [TooMany] * 5
    assert len(logs) == WRONG_TRIES
    assert isinstance(elsewhere, Refused)
    assert right.key.id == made.id
    assert isinstance(later, Refused)


async def test_use_is_noted_at_most_once_a_minute(door: Door) -> None:
    made, key = await door.key()

    async def last_use() -> object:
        await door.gate.close()
        (listed,) = await door.store.read(list_api_keys, door.account_id)
        return listed.last_used_at

    assert await last_use() is None
    await door.ask(key)
    first = await last_use()
    door.clock.pass_time(59)
    await door.ask(key)
    second = await last_use()
    door.clock.pass_time(1)
    await door.ask(key)
    third = await last_use()

    assert (first, second, third) == (START, START, START + timedelta(minutes=1))
    assert made.last_used_at is None


async def test_requests_at_the_same_moment_do_not_get_past_the_rate(door: Door) -> None:
    _, key = await door.key(rate=(10, 60))

    results = await asyncio.gather(*(door.ask(key) for _ in range(30)), return_exceptions=True)

    assert sum(isinstance(one, Admission) for one in results) == 10
    assert sum(isinstance(one, TooMany) for one in results) == 20


def test_windows_take_bounded_memory() -> None:
    windows = SlidingWindows(most_names=100)
    for number in range(1000):
        windows.take(number, 1, 60, now=0.0)

    assert len(windows) == 100
    assert windows.take(999, 1, 60, now=1.0).is_over
    assert not windows.take(0, 1, 60, now=1.0).is_over


@pytest.mark.parametrize(
    ("client", "source"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_customer_counts_as_one_and_a_mapped_address_as_itself(client: str, source: str) -> None:
    assert source_of(client) == source
