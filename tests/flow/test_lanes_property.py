"""Whatever peers answer and whenever processes die: each lane in order, nothing lost."""

import asyncio
import itertools
from collections import deque
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from switchhook.core.outcome import Delivered, GiveUp, NotSent, Outcome, TryAgain
from switchhook.flow.lanes.attempt import LEASE_MS, PROBE_MS, verdict_of
from switchhook.store import Store, claims, lanes, open_store
from switchhook.store.accounts import ensure_account
from switchhook.store.claims import Claim, ClaimRequest
from switchhook.store.deliveries import State
from switchhook.store.secrets import SecretBox
from switchhook.store.times import to_millis
from tests.fakes import FakeClock, NumberedIds
from tests.flow.exchange import Exchange, ended
from tests.store.new_files import make_file
from tests.store.own_loop import own_loop
from tests.store.times import NOW

CALLS, LEGS = 3, 4
OUTCOMES: list[Outcome] = [
    Delivered(status=200),
    TryAgain("failing", status=503),
    TryAgain("slower", 3.0, 429),
    TryAgain("no answer"),
    GiveUp("refused", 400),
    NotSent("it would drop it"),
]

# What may happen next: a process claims, ends one of its attempts, dies, or time passes.
steps = st.lists(
    st.one_of(
        st.tuples(st.just("claim"), st.integers(0, 1), st.integers(1, 4)),
        st.tuples(st.just("end"), st.integers(0, 1), st.integers(0, len(OUTCOMES) - 1)),
        st.tuples(st.just("die"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("wait"), st.integers(0, 90), st.just(0)),
    ),
    max_size=60,
)


class Post:
    """The peer's side and both processes: who holds what, and what was really sent."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.held: dict[int, deque[Claim]] = {0: deque(), 1: deque()}
        self.frozen: list[Claim] = []  # of processes that died, or only seemed to
        self.sent: dict[str, list[int]] = {}  # ids of deliveries by lane, as the peer got them
        self.kept: dict[str, list[int]] = {}  # those whose end was written down

    async def claim(self, process: int, limit: int) -> int:
        (outlet,) = self.exchange.outlets.values()
        request = ClaimRequest(
            account_id=self.exchange.account_id,
            connection_id=outlet.connection_id,
            now_ms=to_millis(self.exchange.clock.now()),
            lease_ms=LEASE_MS,
            probe_ms=PROBE_MS,
            limit=limit,
            at_once=8,
            rate_per_second=1000,
            live_ms=None,
        )
        claimed = await self.exchange.store.take(claims.claim, request)
        for claim in claimed.claims:
            self.sent.setdefault(claim.lane, []).append(claim.delivery_id)
        self.held[process].extend(claimed.claims)
        return len(claimed.claims)

    async def end(self, claim: Claim, outcome: Outcome) -> bool:
        now = self.exchange.clock.now()
        verdict = verdict_of(outcome, claim, began=now, ended=now, jitter=0.5)
        is_kept = (await self.exchange.store.take(lanes.finish, verdict)).is_kept
        if is_kept and verdict.state is not State.WAITING:
            self.kept.setdefault(claim.lane, []).append(claim.delivery_id)
        return is_kept

    async def step(self, what: str, first: int, second: int) -> None:
        match what:
            case "claim":
                await self.claim(first, second)
            case "end" if self.held[first]:
                await self.end(self.held[first].popleft(), OUTCOMES[second])
            case "die":
                self.frozen.extend(self.held[first])
                self.held[first].clear()
            case "wait":
                self.exchange.clock.pass_time(first)

    async def drain(self) -> None:
        """The survivors work on until nothing waits."""
        for process in self.held:
            await self.step("die", process, 0)
        for _ in range(400):
            self.exchange.clock.pass_time(60)
            await self.claim(0, 8)
            while self.held[0]:
                await self.end(self.held[0].popleft(), Delivered(status=200))
            if not await self.exchange.deliveries(State.WAITING):
                return
        raise AssertionError("something waits for ever")


async def scenario(store: Store, box: SecretBox, happenings: list[tuple[str, int, int]], name: str) -> None:
    account = await store.write(ensure_account, name, at=NOW)
    exchange = Exchange(store, account.id, box, FakeClock(), ids=NumberedIds(f"{account.id}x"))
    await exchange.connect_pbx()
    await exchange.connect_crm()
    for n in range(LEGS):
        await asyncio.gather(*(exchange.accept(ended(f"c-{c}", str(n))) for c in range(CALLS)))
    queued = await exchange.deliveries()
    post = Post(exchange)
    for what in happenings:
        await post.step(*what)
    await post.drain()
    refused = [await post.end(claim, Delivered()) for claim in post.frozen]

    of_lane: dict[str, list[int]] = {}
    for one in queued:
        of_lane.setdefault(one.call_row or "", []).append(one.id)
    assert len(queued) == CALLS * LEGS
    # Each message came to one end, in the order queued, and was sent in that order too,
    # a repeated one standing beside itself.
    assert post.kept == of_lane
    assert {lane: sorted(ids) for lane, ids in post.sent.items()} == post.sent
    assert {lane: sorted(set(ids)) for lane, ids in post.sent.items()} == of_lane
    assert not any(refused)
    states = await exchange.states()
    assert sum(states.values()) == CALLS * LEGS
    assert State.WAITING.value not in states


async def scenario_in(file: Path, box: SecretBox, happenings: list[tuple[str, int, int]]) -> None:
    store = await open_store(file)
    try:
        await scenario(store, box, happenings, "default")
    finally:
        await store.close()


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_each_lane_in_order_and_nothing_lost(happenings: list[tuple[str, int, int]]) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "hub.db"
        make_file(file)
        asyncio.run(scenario_in(file, SecretBox.load(Path(folder)), happenings))


def test_each_lane_in_order_and_nothing_lost_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    box = SecretBox.load(tmp_path)
    names = (f"lanes of example {number}" for number in itertools.count())

    @settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
    @given(steps)
    def prove(happenings: list[tuple[str, int, int]]) -> None:
        runner.run(scenario(store, box, happenings, next(names)))

    with own_loop(postgres_url) as (runner, store):
        prove()
