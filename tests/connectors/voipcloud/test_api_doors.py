"""Who may use the API: the key, the address it comes from, and how often, as the vendor has it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace
from structlog.testing import capture_logs

from switchhook.app.desk import open_desk
from switchhook.connectors.voipcloud.api import API, sorry
from switchhook.core.api import Scope
from switchhook.core.edge import Reply, Request
from switchhook.flow.gate import Gate
from switchhook.settings import read_place
from switchhook.store.api_keys import add_api_key
from switchhook.web.api_doors import ApiDoors
from tests.connectors.voipcloud.office import SAMPLES, V2, api, get
from tests.fakes import START, FakeClock

LISTED, UNLISTED = "198.51.100.7", "198.51.100.8"
USERS = f"{V2}/get-user-calls"
REFUSED = b'{"status":"error","code":401,"message":"Not authorised","data":[]}'


@dataclass(frozen=True, kw_only=True)
class Street:
    """The doors of a real hub, and the keys that open them."""

    doors: ApiDoors
    clock: FakeClock
    key: str  # from the listed address, for everything
    free_key: str  # from anywhere
    read_key: str  # from the listed address, to read alone

    async def ask(self, key: str | None, client: str, request: Request | None = None) -> Reply:
        asked = request or get(USERS)
        headers = {name: value for name, value in asked.headers.items() if name != "token"}
        asked = replace(asked, client=client, headers=headers | ({"token": key} if key else {}))
        return await self.doors.serve(API, asked, sorry=sorry)


@asynccontextmanager
async def street(folder: Path) -> AsyncIterator[Street]:
    clock = FakeClock()
    async with open_desk(read_place(folder, environ={}, given={})) as desk:

        async def make(allow: tuple[str, ...], scopes: tuple[Scope, ...]) -> str:
            made = await desk.store.write(
                add_api_key, desk.account_id, desk.box, name="CRM", at=START, allow=allow, scopes=scopes
            )
            return made[1]

        gate = Gate(desk.store, desk.box, clock=clock)
        yield Street(
            doors=ApiDoors(gate=gate, hub_for=lambda key: api(*SAMPLES)),
            clock=clock,
            key=await make((LISTED,), tuple(Scope)),
            free_key=await make((), tuple(Scope)),
            read_key=await make((LISTED,), (Scope.READ,)),
        )
        await gate.close()


async def test_a_right_key_from_a_listed_address_is_answered(tmp_path: Path) -> None:
    async with street(tmp_path) as there:
        reply = await there.ask(there.key, LISTED)

    assert reply.status == 200
    assert {name.lower(): value for name, value in reply.headers.items()} == {
        "x-total-count": "3",
        "ratelimit-limit": "100",
        "ratelimit-remaining": "99",
        "ratelimit-reset": "900",
    }


async def test_every_refusal_is_the_same_to_the_byte(tmp_path: Path) -> None:
    order = Request(method="POST", path=f"{V2}/call-to-number", body=b"{}")
    in_query = get(USERS, "token=")
    async with street(tmp_path) as there:
        replies = [
            await there.ask(there.key, UNLISTED),
            await there.ask(there.key[:-1] + "x", LISTED),
            await there.ask(there.free_key, LISTED),
            await there.ask(None, LISTED),
            await there.ask(None, LISTED, replace(in_query, raw_query=f"token={there.key}")),
            await there.ask(there.read_key, LISTED, order),
            await there.ask("é", LISTED),
        ]

    assert {(reply.status, reply.body) for reply in replies} == {(401, REFUSED)}


async def test_the_101st_request_within_a_quarter_of_an_hour_is_too_many(tmp_path: Path) -> None:
    async with street(tmp_path) as there:
        statuses = []
        for _ in range(100):
            statuses.append((await there.ask(there.key, LISTED)).status)
            there.clock.pass_time(1)
        refused = await there.ask(there.key, LISTED)
        there.clock.pass_time(int(refused.headers["retry-after"]))
        again = await there.ask(there.key, LISTED)

    assert set(statuses) == {200}
    assert refused.status == 429
    assert refused.headers["retry-after"] == "800"
    assert refused.body == b'{"status":"error","code":429,"message":"Too many requests","data":[]}'
    assert again.status == 200


async def test_the_key_is_in_no_log_and_in_no_answer(tmp_path: Path) -> None:
    async with street(tmp_path) as there:
        with capture_logs() as logged:
            replies = [
                await there.ask(there.key, client, request)
                for client in (LISTED, UNLISTED)
                for request in (
                    get(USERS, f"token={there.key}&limit=1"),
                    get(USERS, f"limit={there.key}"),
                    get(f"{V2}/{there.key}"),
                    Request(method="POST", path=f"{V2}/call-to-number", body=there.key.encode()),
                )
            ]
        key = there.key

    assert {reply.status for reply in replies} == {200, 400, 401, 404}
    assert not [line for line in logged if key in str(line)]
    assert not [reply for reply in replies if key in f"{reply.headers}" or key.encode() in reply.body]
