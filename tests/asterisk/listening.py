"""Every kind of call, heard by one hub over several links at once, and what each CRM made of them.

The hub only listens: another program serves the dialplan's application. The links go to two PBXs, and each
has CRMs of its own.
"""

import asyncio
import base64
import functools
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from switchhook.core.call import Call, CallReport, News, Phase, ReportOf
from switchhook.sim.crm import Fetched
from switchhook.store.delivery_log import Delivery
from tests.asterisk.bridged import CRMS, Company, company, settings_for, until
from tests.asterisk.plays import NUMBERS, PLAYS
from tests.asterisk.server import AsteriskServer
from tests.asterisk.stage import Played, play_all

# Ways to one PBX of generation 22, and one to a PBX of generation 16.
WAYS = ("ari", "ari-inbound", "ami")
APPS = {"ari": "listener", "ari-inbound": "listener-in"}
FILES_USER, FILES_PASSWORD = "files", "files-secret"


@dataclass(frozen=True, kw_only=True)
class AtCrm:
    """What one CRM has of a call."""

    call: Call | None
    news: Sequence[News]
    cards: Mapping[str, Sequence[str]]  # what each employee's card was told
    files: Sequence[Fetched]

    @property
    def uploads(self) -> list[CallReport]:
        """Rows for the history."""
        return [one for one in self.news if isinstance(one, CallReport) and one.of is ReportOf.CALL]


@dataclass(frozen=True, kw_only=True)
class Bridged:
    """One call of a play: at the hub, and wherever it was told."""

    call: Call
    deliveries: Mapping[str, Sequence[Delivery]]  # by kind of CRM, and "webhook"
    crms: Mapping[str, AtCrm]
    events: Sequence[Any]  # as webhooks, rightly signed


@dataclass(frozen=True, kw_only=True)
class Evening:
    """Everything that is known afterwards, by way."""

    played: Mapping[str, Played]
    calls: Mapping[str, Sequence[Bridged]]
    public_url: str

    @property
    def played_on(self) -> Mapping[int, Played]:
        """The same, by generation of the PBX."""
        return {22: self.played["ari"], 16: self.played["ami"]}

    def bridged(self, way: str, name: str) -> Bridged:
        """Find a scenario's call by the number that only it has."""
        office = self.played[way].offices[name]
        number = NUMBERS[name] if PLAYS[name].direction != "internal" else f"{office}02"
        (found,) = (one for one in self.calls[way] if one.call.number == number)
        return found


async def listen(folder: Path, pbx22: AsteriskServer, pbx16: AsteriskServer) -> Evening:
    """Play every scenario on both PBXs; some 25 seconds. The first one is not started yet."""
    async with company(folder) as office:
        with files_of(pbx16.monitor) as files_url:
            await _connect(office, pbx22, pbx16, files_url)
            both = await asyncio.gather(play_all(pbx22), play_all(pbx16))
            await until(functools.partial(_is_quiet, office), what="every call is over and told")
            with suppress(AssertionError):  # a recording that cannot be had is told by its own test
                await until(lambda: not any(crm.not_fetched for crm in office.crms.values()))
        played = dict(zip(("ari", "ami"), both, strict=True))
        return Evening(
            played=played | {"ari-inbound": played["ari"]},
            calls={
                way: [await _bridged(office, way, call) for call in await office.calls(way)] for way in WAYS
            },
            public_url=office.public_url,
        )


async def _connect(office: Company, pbx22: AsteriskServer, pbx16: AsteriskServer, files_url: str) -> None:
    offered = {
        "recordings_url": files_url,
        "recordings_folder": str(pbx16.monitor),
        "recordings_user": FILES_USER,
        "recordings_password": FILES_PASSWORD,
    }
    await office.add_pbx("ari", settings_for(pbx22, "ari", app=APPS["ari"]))
    await office.add_pbx("ari-inbound", settings_for(pbx22, "ari-inbound", app=APPS["ari-inbound"]))
    await office.add_pbx("ami", settings_for(pbx16, "ami", **offered))
    for way in WAYS:
        mine = {"calls_from": office.connections[way].id}
        for kind in CRMS:
            await office.add_crm(f"{way} {kind}", kind, **mine)
        await office.add_hook(f"{way} webhook", **mine)
    pbx22.outbound = office.way_in("ari-inbound", pbx22, app=APPS["ari-inbound"])
    await asyncio.to_thread(pbx22.start)
    await office.until_up(*WAYS)
    await office.until_paired()


async def _is_quiet(office: Company) -> bool:
    for call in await office.calls():
        if call.phase is not Phase.FINAL or any(not one.is_ready for one in call.recordings):
            return False
        if any(one.settled_at is None for one in await office.deliveries(call)):
            return False
    crms = office.crms.values()
    return all(one.phase is Phase.FINAL for crm in crms for one in crm.hub.ledger.calls.values())


async def _bridged(office: Company, way: str, call: Call) -> Bridged:
    deliveries = await office.deliveries(call)
    ids = {kind: office.connections[f"{way} {kind}"].id for kind in (*CRMS, "webhook")}
    return Bridged(
        call=call,
        deliveries={
            kind: [one for one in deliveries if one.connection_id == id_] for kind, id_ in ids.items()
        },
        crms={kind: _at_crm(office, f"{way} {kind}", call) for kind in CRMS},
        events=office.hooked(f"{way} webhook", call),
    )


def _at_crm(office: Company, name: str, call: Call) -> AtCrm:
    crm, call_id = office.crms[name], office.id_at(name, call)
    return AtCrm(
        call=crm.hub.ledger.calls.get(call_id),
        news=office.news_at(name, call),
        cards=office.cards_at(name, call),
        files=crm.recordings.get(call_id, ()),
    )


class _Files(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        token = base64.b64encode(f"{FILES_USER}:{FILES_PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") == f"Basic {token}":
            super().do_GET()
        else:
            self.send_error(401)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def files_of(folder: Path) -> Iterator[str]:
    """Offer the files of a folder to whoever knows the password, as a web server on the PBX would."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
