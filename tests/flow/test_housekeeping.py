"""Old rows go, young ones stay."""

from datetime import timedelta
from pathlib import Path

import pytest

from switchhook.core.directory import Availability, CallerAnswer
from switchhook.flow.housekeeping import Housekeeping
from switchhook.store.answers import answers_about, keep_answer
from switchhook.store.dials import Dial, DialState, add_dial, newest_dials
from switchhook.store.presences import take_presence
from tests.fakes import START, FakeClock
from tests.flow.rig import open_rig

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.mark.parametrize("engine", ENGINES)
async def test_what_is_old_goes_and_what_is_young_stays(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    where = request.getfixturevalue("fresh_postgres_url") if engine == "postgresql" else None
    clock = FakeClock(START + timedelta(days=91))
    async with open_rig(tmp_path, {}, where=where, clock=clock) as rig:
        write, account_id = rig.store.write, rig.account_id
        for name, at in (("old", START), ("young", clock.now())):
            await write(keep_answer, account_id, name, "7916", CallerAnswer(name=name), at=at)
            await write(
                take_presence, account_id, "101", Availability.BUSY, teller=name, takers=["crm"], at=at
            )
            dial = Dial(
                id=name,
                extension="101",
                number="7916",
                digits="7916",
                did=None,
                asked_by=None,
                connection_id="pbx",
                state=DialState.ASKED,
                asked_at=at,
            )
            await write(add_dial, account_id, dial)
        await Housekeeping(rig.store, clock=clock).tidy()
        answers = await rig.store.read(answers_about, account_id, "7916")
        dials = await rig.store.read(newest_dials, account_id)

        assert [one.connection_id for one in answers] == ["young"]
        assert {one.id: one.state for one in dials} == {"old": DialState.UNCLEAR, "young": DialState.ASKED}
