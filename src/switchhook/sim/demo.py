"""`switchhook demo`: a hub with two played PBXs and two played CRMs, and an ordinary day's calls."""

import asyncio
import random
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, Protocol

import structlog

from switchhook.connectors import discover
from switchhook.core.connector import HttpPort, Role
from switchhook.core.errors import HubError
from switchhook.flow.configure import Configured, change_connection, create_connection
from switchhook.net.http import HttpClient
from switchhook.sim.book import CONTACTS, EMPLOYEES, GROUPS, LINES, STRANGERS, PlayedBook
from switchhook.sim.crm import PlayedCrm
from switchhook.sim.pbx import PlayedPbx
from switchhook.sim.scenarios import SCENARIOS
from switchhook.sim.settings import part_of
from switchhook.sim.trouble import Mood, Trouble
from switchhook.store import Store
from switchhook.store.contacts import add_contact
from switchhook.store.employees import add_employee
from switchhook.store.groups import add_group
from switchhook.store.lines import add_line
from switchhook.store.secrets import SecretBox

log = structlog.get_logger(__name__)

# A running hub takes new connections up within a second.
TAKEN_UP_SECONDS = 1.2
PAIR_GAP_SECONDS = 1.0
# Readable: two or three cards at a time.
GAP_SECONDS = (3.0, 7.0)
FIRST_CALLS = ("answered", "ring_group", "missed", "recording_at_once", "outbound_answered")
CLICK_EVERY = 6
# Our own address book knows these; the CRMs know all of them.
IN_OUR_BOOK = 3


class Desk(Protocol):
    """An open store and one account in it."""

    @property
    def store(self) -> Store: ...
    @property
    def box(self) -> SecretBox: ...
    @property
    def account_id(self) -> int: ...


class Ready(Protocol):
    """A hub that takes events."""

    @property
    def desk(self) -> Desk: ...


@dataclass(frozen=True, kw_only=True)
class Company:
    """The played parties around one hub."""

    pbxs: tuple[PlayedPbx, ...]
    crms: tuple[PlayedCrm, ...]


async def run(now: Ready, *, calls: int | None = None) -> None:
    """Play until cancelled; after so many calls, if a number is given, stay and play no more."""
    async with AsyncExitStack() as stack:
        http = (await stack.enter_async_context(HttpClient())).granted(allow_private=True)
        await fill_book(now.desk)
        company = await found_company(now.desk, http, stack)
        try:
            await play_day(company, calls=calls)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("the demo stopped playing")
        await asyncio.Event().wait()


async def fill_book(desk: Desk) -> None:
    """Write who works here and some of those who call."""
    store, account_id = desk.store, desk.account_id
    for one in EMPLOYEES:
        await store.write(
            add_employee, account_id, name=one.name, extension=one.extension, email=one.email, login=one.login
        )
    for group in GROUPS:
        await store.write(
            add_group, account_id, name=group.name, kind=group.kind, extensions=group.extensions
        )
    for line in LINES:
        await store.write(
            add_line, account_id, number=line.number, name=line.name, site=line.site, group=line.group
        )
    for contact in CONTACTS[:IN_OUR_BOOK]:
        await store.write(
            add_contact,
            account_id,
            name=contact.name,
            phones=contact.phones,
            responsible=contact.responsible,
        )


async def found_company(desk: Desk, http: HttpPort, stack: AsyncExitStack) -> Company:
    """Start the played parties and connect each with the hub."""
    shop = PlayedCrm(
        part_of("crm", "retailcrm", url=None, given={}),
        http,
        name="demo-shop",
        trouble=Trouble(mood=Mood(text="Fails now and then.", fails=0.03)),
    )
    office = PlayedCrm(part_of("crm", "planfix", url=None, given={}), http, name="demo-office")
    for crm in (shop, office):
        await stack.enter_async_context(crm)
    await _connect(
        desk,
        "retailcrm",
        Role.CRM,
        "Shop (played retailCRM)",
        {"url": shop.url, "api_key": shop.part.keys["api_key"], "code": "switchhook-demo"},
    )
    planfix = await _connect(
        desk,
        "planfix",
        Role.CRM,
        "Office (played Planfix)",
        {
            "planfix_url": office.hub.link.urls["api"],
            "planfix_token": office.part.keys["planfix_token"],
        },
    )
    await office.hub.pair(settings={"pbx_url": planfix.urls["pbx"], "pbx_token": planfix.keys["token"]})
    cloud = await _connect(desk, "planfix", Role.PBX, "Cloud PBX (played)", {})
    own = await _connect(desk, "retailcrm", Role.PBX, "Own PBX (played)", {})
    await asyncio.sleep(TAKEN_UP_SECONDS)

    seed = random.SystemRandom().randrange(1_000_000)
    speaks_planfix = PlayedPbx(
        part_of("pbx", "planfix", url=cloud.urls["api"], given=cloud.keys), http, name="cloud", seed=seed
    )
    speaks_retailcrm = PlayedPbx(
        part_of("pbx", "retailcrm", url=own.urls["base"], given={**own.keys, "code": "demo-pbx"}),
        http,
        name="own",
        seed=seed + 1,
        people=PlayedBook(),
    )
    for pbx in (speaks_planfix, speaks_retailcrm):
        await stack.enter_async_context(pbx)
    address = {
        "pbx_url": speaks_planfix.hub.link.urls["pbx"],
        "pbx_token": speaks_planfix.part.keys["token"],
        "extensions": ", ".join(one.extension for one in EMPLOYEES),
    }
    await change_connection(desk.store, desk.box, discover(), desk.account_id, cloud.id, address)
    for pbx in (speaks_planfix, speaks_retailcrm):
        await _pair(pbx)
    return Company(pbxs=(speaks_planfix, speaks_retailcrm), crms=(shop, office))


async def play_day(company: Company, *, calls: int | None) -> None:
    """Play calls at a pace that can be watched; now and then somebody clicks to call."""
    rng = random.Random()
    playing: set[asyncio.Task[Any]] = set()

    def start(work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        playing.add(task)
        task.add_done_callback(playing.discard)

    for number in count():
        if calls is not None and number >= calls:
            break
        name = FIRST_CALLS[number] if number < len(FIRST_CALLS) else "mixed"
        if number and number % CLICK_EVERY == 0:
            start(_click(rng.choice(company.crms), rng))
        else:
            start(company.pbxs[number % len(company.pbxs)].play(SCENARIOS[name]))
        if number >= 1:  # the first two at once, so that there is something to see
            await asyncio.sleep(rng.uniform(*GAP_SECONDS))
    await asyncio.gather(*playing, return_exceptions=True)


async def _click(crm: PlayedCrm, rng: random.Random) -> None:
    try:
        await crm.click(rng.choice(EMPLOYEES).extension, rng.choice(STRANGERS))
    except HubError as error:
        log.warning("a click was not taken", crm=crm.name, reason=error.reason)


async def _connect(desk: Desk, kind: str, role: Role, name: str, settings: Mapping[str, str]) -> Configured:
    return await create_connection(
        desk.store,
        desk.box,
        discover(),
        desk.account_id,
        kind=kind,
        role=role.value,
        name=name,
        settings={**settings, "allow_private": "true"},
        at=datetime.now(UTC),
    )


async def _pair(pbx: PlayedPbx) -> None:
    """Shake hands; the hub may need a moment more to know us."""
    for _ in range(5):
        try:
            await pbx.pair()
            return
        except HubError as error:
            log.info("the played PBX waits for the hub", pbx=pbx.name, reason=error.reason)
        await asyncio.sleep(PAIR_GAP_SECONDS)
