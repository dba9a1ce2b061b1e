"""Who is calling: named in time by whoever knows, and the phone rings whether or not anybody does."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from switchhook.core.connector import Link, Role, Side
from switchhook.core.directory import Caller, CallerAnswer
from switchhook.core.errors import PeerDown
from switchhook.flow.lookup import Question
from switchhook.store.answers import answers_about, sweep_answers
from switchhook.store.contacts import add_contact
from switchhook.store.employees import add_employee
from tests.fakes import START, FakeClock, eventually
from tests.flow.rig import Rig, open_rig

NUMBER = "+79161234567"
IVAN = CallerAnswer(name="Ivan", responsible="101", card_url="https://crm.example/7")
ANNA = CallerAnswer(name="Anna", responsible="102")
PBX = Side(role=Role.PBX)
# Short where the deadline passes, long where it must not.
SOON, PATIENT = 0.1, 3.0


@dataclass
class Crm:
    """A CRM that answers as told, once the gate is open."""

    says: CallerAnswer | Exception | None = None
    gate: asyncio.Event | None = None
    asked: list[str] = field(default_factory=list)

    async def who_is(self, number: str, link: Link) -> CallerAnswer | None:
        self.asked.append(number)
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def side(self) -> Side:
        return Side(role=Role.CRM, who_is=self.who_is)


@dataclass
class Card:
    """Remembers the names that were told of calls."""

    told: list[tuple[str | None, str | None]] = field(default_factory=list)

    async def show(self, question: Question, caller: Caller) -> None:
        self.told.append((question.call_id, caller.name))


async def test_the_address_book_answers_alone_when_it_names_the_responsible(tmp_path: Path) -> None:
    crm = Crm(IVAN)
    async with open_rig(tmp_path, {"crm": [crm.side()]}) as rig:
        await rig.connect("crm", Role.CRM)
        await hire(rig, "103")
        await know(rig, "Maria", responsible="103")
        caller = await ask(rig, "8 (916) 123-45-67")

        assert (caller.name, caller.responsible, caller.source) == ("Maria", "103", "directory")
        assert caller.employee is not None
        assert caller.employee.extension == "103"
        assert crm.asked == []


async def test_a_crm_says_who_is_responsible_for_a_contact_of_ours(tmp_path: Path) -> None:
    crm = Crm(IVAN)
    async with open_rig(tmp_path, {"crm": [crm.side()]}) as rig:
        await rig.connect("crm", Role.CRM)
        await hire(rig, "101")
        await know(rig, "Maria")
        caller = await ask(rig)

        assert (caller.name, caller.responsible, caller.source) == ("Maria", "101", "directory")
        assert caller.employee is not None
        assert caller.card_url == IVAN.card_url


async def test_the_first_useful_answer_wins(tmp_path: Path) -> None:
    slow, empty, quick = Crm(ANNA, gate=asyncio.Event()), Crm(None), Crm(IVAN)
    sides = {"slow": [slow.side()], "empty": [empty.side()], "quick": [quick.side()]}
    async with open_rig(tmp_path, sides, deadline_seconds=PATIENT) as rig:
        await rig.connect("slow", Role.CRM)
        await rig.connect("empty", Role.CRM)
        made = await rig.connect("quick", Role.CRM)
        caller = await ask(rig)

        assert (caller.name, caller.source) == ("Ivan", made.id)
        assert (slow.asked, empty.asked, quick.asked) == ([NUMBER], [NUMBER], [NUMBER])


async def test_whoever_asks_is_not_asked(tmp_path: Path) -> None:
    crm = Crm(IVAN)
    async with open_rig(tmp_path, {"crm": [crm.side()]}) as rig:
        made = await rig.connect("crm", Role.CRM)
        caller = await rig.hub(made).who_is(NUMBER)

        assert caller == Caller(number=NUMBER)
        assert crm.asked == []


async def test_with_every_crm_silent_the_phone_rings_all_the_same(tmp_path: Path) -> None:
    silent, down, broken = (
        Crm(IVAN, gate=asyncio.Event()),
        Crm(PeerDown("refuses connections")),
        Crm(ZeroDivisionError()),
    )
    sides = {"silent": [silent.side()], "down": [down.side()], "broken": [broken.side()]}
    async with open_rig(tmp_path, sides, deadline_seconds=SOON) as rig:
        for kind in sides:
            await rig.connect(kind, Role.CRM)
        caller = await ask(rig)

        assert caller == Caller(number=NUMBER)


async def test_a_store_that_is_down_names_nobody_and_stops_nothing(tmp_path: Path) -> None:
    crm = Crm(IVAN)
    async with open_rig(tmp_path, {"crm": [crm.side()]}) as rig:
        await rig.connect("crm", Role.CRM)
        await rig.store.close()
        caller = await ask(rig)

        assert (caller.name, caller.responsible) == ("Ivan", "101")


@pytest.mark.parametrize("number", ["anonymous", "", "Restricted"])
async def test_a_withheld_number_is_nobody_and_is_asked_of_nobody(tmp_path: Path, number: str) -> None:
    crm = Crm(IVAN)
    async with open_rig(tmp_path, {"crm": [crm.side()]}) as rig:
        await rig.connect("crm", Role.CRM)
        caller = await ask(rig, number)

        assert caller == Caller(number=number)
        assert crm.asked == []


@pytest.mark.parametrize("number", ["101", "+7 495 000-11-22"])
async def test_a_colleague_is_named_without_asking_a_crm(tmp_path: Path, number: str) -> None:
    async with open_rig(tmp_path, {}) as rig:
        await rig.store.write(
            add_employee, rig.account_id, name="Olga", extension="101", numbers=["8 495 000 11 22"]
        )
        caller = await ask(rig, number)

        assert (caller.name, caller.source) == ("Olga", "directory")


async def test_an_answer_is_remembered_while_it_is_fresh(tmp_path: Path) -> None:
    crm, clock = Crm(IVAN), FakeClock()
    async with open_rig(tmp_path, {"crm": [crm.side()]}, clock=clock) as rig:
        await rig.connect("crm", Role.CRM)
        await ask(rig)
        clock.pass_time(299)
        again = await ask(rig, "8 916 123 45 67")
        clock.pass_time(2)
        await ask(rig)

        assert (again.name, again.asked_at) == ("Ivan", START)
        assert len(crm.asked) == 2


async def test_an_answer_is_remembered_over_a_restart(tmp_path: Path) -> None:
    crm, clock = Crm(IVAN), FakeClock()
    for _ in range(2):
        async with open_rig(tmp_path, {"crm": [crm.side()]}, clock=clock) as rig:
            if not crm.asked:
                await rig.connect("crm", Role.CRM)
            caller = await ask(rig)

    assert caller.name == "Ivan"
    assert len(crm.asked) == 1


async def test_a_stranger_is_asked_about_again_soon(tmp_path: Path) -> None:
    crm, clock = Crm(None), FakeClock()
    async with open_rig(tmp_path, {"crm": [crm.side()]}, clock=clock) as rig:
        await rig.connect("crm", Role.CRM)
        await ask(rig)
        clock.pass_time(29)
        await ask(rig)
        clock.pass_time(2)
        crm.says = IVAN
        caller = await ask(rig)

        assert caller.name == "Ivan"
        assert len(crm.asked) == 2


async def test_an_old_answer_is_better_than_none(tmp_path: Path) -> None:
    crm, clock = Crm(IVAN), FakeClock()
    async with open_rig(tmp_path, {"crm": [crm.side()]}, clock=clock) as rig:
        await rig.connect("crm", Role.CRM)
        await ask(rig)
        clock.pass_time(86_400)
        crm.says = PeerDown("refuses connections")
        caller = await ask(rig)

        assert (caller.name, caller.asked_at) == ("Ivan", START)


async def test_an_old_answer_that_the_crm_takes_back_is_not_used(tmp_path: Path) -> None:
    crm, clock = Crm(IVAN), FakeClock()
    async with open_rig(tmp_path, {"crm": [crm.side()]}, clock=clock) as rig:
        await rig.connect("crm", Role.CRM)
        await ask(rig)
        clock.pass_time(86_400)
        crm.says = None
        caller = await ask(rig)

        assert caller == Caller(number=NUMBER)


async def test_many_lookups_of_one_number_ask_a_crm_once(tmp_path: Path) -> None:
    crm = Crm(IVAN, gate=asyncio.Event())
    async with open_rig(tmp_path, {"crm": [crm.side()]}, deadline_seconds=PATIENT) as rig:
        await rig.connect("crm", Role.CRM)
        asking = [asyncio.create_task(ask(rig)) for _ in range(20)]
        await eventually(lambda: bool(crm.asked))
        assert crm.gate is not None
        crm.gate.set()
        callers = await asyncio.gather(*asking)

        assert {caller.name for caller in callers} == {"Ivan"}
        assert len(crm.asked) == 1


async def test_an_answer_that_comes_too_late_still_names_the_open_card_and_the_next_call(
    tmp_path: Path,
) -> None:
    crm, card = Crm(IVAN, gate=asyncio.Event()), Card()
    sides = {"crm": [crm.side()], "pbx": [PBX]}
    async with open_rig(tmp_path, sides, on_named=card.show, deadline_seconds=SOON) as rig:
        await rig.connect("crm", Role.CRM)
        pbx = await rig.connect("pbx", Role.PBX)
        in_time = await rig.hub(pbx).who_is(NUMBER, call_id="call-1")
        assert crm.gate is not None
        crm.gate.set()
        await eventually(lambda: bool(card.told))
        next_call = await rig.hub(pbx).who_is(NUMBER)

        assert in_time.name is None
        assert card.told == [("call-1", "Ivan")]
        assert next_call.name == "Ivan"
        assert len(crm.asked) == 1


async def test_an_answer_in_time_names_the_open_card_too(tmp_path: Path) -> None:
    card = Card()
    async with open_rig(tmp_path, {"pbx": [PBX]}, on_named=card.show) as rig:
        pbx = await rig.connect("pbx", Role.PBX)
        await know(rig, "Maria")
        await rig.hub(pbx).who_is(NUMBER, call_id="call-1")
        await eventually(lambda: bool(card.told))

        assert card.told == [("call-1", "Maria")]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (CallerAnswer(name="a\u202eb\r\n", responsible="101"), CallerAnswer(name="ab", responsible="101")),
        (CallerAnswer(name="Ivan", responsible="101&102"), CallerAnswer(name="Ivan")),
        (CallerAnswer(name="Ivan", responsible="SIP/101"), CallerAnswer(name="Ivan")),
        (CallerAnswer(name="Ivan", responsible="+79161112233"), CallerAnswer(name="Ivan")),
        (CallerAnswer(name="Ivan", responsible="0101"), CallerAnswer(name="Ivan", responsible="0101")),
        (CallerAnswer(name="Ivan", card_url="javascript:alert(1)"), CallerAnswer(name="Ivan")),
    ],
)
async def test_of_a_crms_answer_only_what_may_be_shown_and_dialled_is_used(
    tmp_path: Path, said: CallerAnswer, kept: CallerAnswer
) -> None:
    crm = Crm(said)
    async with open_rig(tmp_path, {"crm": [crm.side()]}) as rig:
        await rig.connect("crm", Role.CRM)
        caller = await ask(rig)
        used = CallerAnswer(name=caller.name, responsible=caller.responsible, card_url=caller.card_url)

        assert used == kept


async def test_answers_of_one_account_are_not_anothers(tmp_path: Path) -> None:
    crm = Crm(IVAN)
    async with open_rig(tmp_path, {"crm": [crm.side()]}) as rig:
        await rig.connect("crm", Role.CRM)
        await know(rig, "Maria")
        await ask(rig)
        caller = await rig.lookup.who_is(rig.account_id + 1, NUMBER)

        assert caller == Caller(number=NUMBER)


@pytest.mark.postgres
async def test_answers_are_kept_and_swept_on_postgresql_too(tmp_path: Path, fresh_postgres_url: str) -> None:
    crm, clock = Crm(IVAN), FakeClock()
    async with open_rig(tmp_path, {"crm": [crm.side()]}, where=fresh_postgres_url, clock=clock) as rig:
        made = await rig.connect("crm", Role.CRM)
        await know(rig, "Maria")
        for says in (IVAN, ANNA):
            crm.says = says
            await ask(rig)
            clock.pass_time(301)
        kept = await rig.store.read(answers_about, rig.account_id, "79161234567")
        swept = await rig.store.write(sweep_answers, before=START + timedelta(days=1))

        assert [(one.connection_id, one.answer) for one in kept] == [(made.id, ANNA)]
        assert swept == 1


async def ask(rig: Rig, number: str = NUMBER) -> Caller:
    return await rig.lookup.who_is(rig.account_id, number)


async def know(rig: Rig, name: str, *, responsible: str | None = None) -> None:
    await rig.store.write(
        add_contact, rig.account_id, name=name, phones=["+7 916 123-45-67"], responsible=responsible
    )


async def hire(rig: Rig, extension: str) -> None:
    await rig.store.write(add_employee, rig.account_id, name=f"Employee {extension}", extension=extension)
