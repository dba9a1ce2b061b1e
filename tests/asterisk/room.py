"""Where a story of a hub that drives a PBX is played, and what every CRM is to have of its call."""

import asyncio
import functools
from dataclasses import dataclass

from switchhook.core.call import Call, CallReport, Disposition, ReportOf
from tests.asterisk import tones
from tests.asterisk.actors import Actor, Actors
from tests.asterisk.bridged import CRMS, Company, until
from tests.asterisk.server import AsteriskServer
from tests.asterisk.sounding import samples_of

SHORT_SECONDS = 0.8
# Enough for a tone to be found in it.
RECORDED_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Room:
    """Where a story is played."""

    office: Company
    pbx: AsteriskServer
    sip: Actors
    number: str  # of whoever is at the other end
    outside: asyncio.Lock  # only one at a time can be called there

    def line(self, room: int) -> str:
        return f"7495000{room - 1}001"

    async def talks(self, *, seconds: float = SHORT_SECONDS) -> None:
        """Wait until the hub knows of the talk, and let it last."""
        await self.office.until_call(self.number, so=lambda call: call.has_talked)
        await asyncio.sleep(seconds)

    async def call(self) -> Call:
        """Wait until the call is over and everything of it is told."""
        call = await self.office.until_call(self.number)
        await until(functools.partial(self._is_heard, call), what=f"CRMs know the call of {self.number}")
        return call

    async def _is_heard(self, call: Call) -> bool:
        deliveries = await self.office.deliveries(call)
        return bool(deliveries) and all(one.settled_at is not None for one in deliveries)

    def check_crms(self, call: Call, *, answered: bool) -> None:
        """Every CRM was told of every phone, in order and once, and has one row of the call."""
        for crm in CRMS:
            cards = self.office.cards_at(crm, call)
            assert cards.keys() == set(call.rung), crm
            for leg in call.legs:
                steps = ["ringing", "answered", "ended"] if leg.has_talked else ["ringing", "ended"]
                twice = ["ringing", "ended", "ended"] if crm == "voipcloud" and not answered else steps
                assert cards[leg.extension] in (
                    [["ringing", "ended"]] if crm == "retailcrm" else [steps, twice]
                )
        rows = [
            one
            for one in self.office.news_at("retailcrm", call)
            if isinstance(one, CallReport) and one.of is ReportOf.CALL
        ]
        assert len(rows) == 1
        assert (rows[0].disposition is Disposition.ANSWERED) == answered
        types = [one["type"] for one in self.office.hooked("webhook", call)]
        assert types.count("call.ringing") == len(call.legs)
        assert (types.count("call.ended"), types.count("call.final"), types[-1]) == (1, 1, "call.final")


def check_length(call: Call, phone: Actor) -> None:
    """The talk is as long as the phone had it, in whole seconds; a hub that is late hears both ends late."""
    assert phone.talk is not None
    assert abs((call.talk_seconds or 0) - (phone.talk[1] - phone.talk[0])) <= 1.5


async def check_recording(s: Room, call: Call) -> None:
    """It was kept once, holds both sides, and is a link in each CRM that gives any part of it."""
    (recording,) = call.recordings
    assert recording.is_kept
    for crm in CRMS:
        call_id = s.office.id_at(crm, call)
        fetched = s.office.crms[crm].recordings
        await until(functools.partial(fetched.get, call_id), what=f"{crm} has the recording")
        (file,) = fetched[call_id]
        assert file.url == f"{s.office.public_url}{call.recording_path()}"
        samples = samples_of(file.body)
        assert tones.are_both_heard(samples)
        part = await s.office.http.send("GET", file.url, headers={"range": "bytes=44-143"})
        assert (part.status, part.body) == (206, file.body[44:144])
        assert part.headers["content-range"] == f"bytes 44-143/{len(file.body)}"
    types = [one["type"] for one in s.office.hooked("webhook", call)]
    assert types[-2:] == ["recording.ready", "call.final"]
