"""Plans for calls that are ours to route: from the address book and the CRMs, and always in time."""

import asyncio
from pathlib import Path

from switchhook.core.connector import Link, Role, Side
from switchhook.core.directory import Availability, CallerAnswer, GroupKind
from switchhook.flow.lookup import Lookup
from switchhook.flow.ring_plans import RingPlans
from switchhook.store.contacts import add_contact
from switchhook.store.employees import add_employee, set_availability
from switchhook.store.groups import add_group
from switchhook.store.lines import add_line
from tests.flow.rig import Rig, open_rig

NUMBER, DID = "+79161234567", "74950000001"


async def fill(rig: Rig) -> None:
    write = rig.store.write
    for extension in ("101", "102", "103"):
        await write(add_employee, rig.account_id, name=f"E{extension}", extension=extension)
    members = ("101", "102", "103", "199")
    await write(add_group, rig.account_id, name="sales", kind=GroupKind.HUNT, extensions=members)
    await write(add_line, rig.account_id, number=DID, name="Main", group="sales")
    await write(add_contact, rig.account_id, name="Ivan", phones=(NUMBER,), responsible="102")


def plans(rig: Rig, *, deadline_seconds: float = 3) -> RingPlans:
    return RingPlans(rig.store, rig.lookup, deadline_seconds=deadline_seconds)


async def test_the_book_gives_name_responsible_and_group(tmp_path: Path) -> None:
    async with open_rig(tmp_path, {}) as rig:
        await fill(rig)

        plan = await plans(rig).plan(rig.account_id, NUMBER, did="+7 495 000-00-01")

        assert plan.caller.name == "Ivan"
        assert [(step.kind, step.extensions) for step in plan.steps] == [
            (GroupKind.RING, ("102",)),
            (GroupKind.HUNT, ("101", "103", "199")),
        ]


async def test_a_status_that_was_set_counts_from_the_next_call_on(tmp_path: Path) -> None:
    async with open_rig(tmp_path, {}) as rig:
        await fill(rig)
        await rig.store.write(set_availability, rig.account_id, "102", Availability.DINNER)
        await rig.store.write(set_availability, rig.account_id, "101", Availability.BUSY)

        plan = await plans(rig).plan(rig.account_id, NUMBER, did=DID)

        assert [step.extensions for step in plan.steps] == [("103", "199")]


async def test_a_silent_crm_delays_no_plan_beyond_the_deadline(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def who_is(number: str, link: Link) -> CallerAnswer | None:
        asked.set()
        await asyncio.sleep(60)
        return None

    crm = Side(role=Role.CRM, who_is=who_is)
    async with open_rig(tmp_path, {"crm": [crm]}, deadline_seconds=0.1) as rig:
        await fill(rig)
        await rig.connect("crm", Role.CRM)

        async with asyncio.timeout(5):
            plan = await plans(rig, deadline_seconds=0.1).plan(rig.account_id, "+79990000000", did=DID)

        assert asked.is_set()
        assert plan.caller.name is None
        assert [step.extensions for step in plan.steps] == [("101", "102", "103", "199")]


async def test_the_connection_that_asks_is_not_asked_itself(tmp_path: Path) -> None:
    asked: list[str] = []

    async def who_is(number: str, link: Link) -> CallerAnswer | None:
        asked.append(link.id)
        return CallerAnswer(name="Oleg", responsible="103")

    side = Side(role=Role.CRM, who_is=who_is)
    async with open_rig(tmp_path, {"one": [side], "two": [side]}) as rig:
        await fill(rig)
        one, two = await rig.connect("one", Role.CRM), await rig.connect("two", Role.CRM)

        plan = await plans(rig).plan(rig.account_id, "+79990000000", did=DID, asker=one.id)

        assert asked == [two.id]
        assert (plan.caller.name, plan.steps[0].extensions) == ("Oleg", ("103",))


async def test_a_store_that_is_gone_gives_a_plan_without_steps(tmp_path: Path) -> None:
    async with open_rig(tmp_path, {}) as rig:
        await fill(rig)
        lookup = Lookup(rig.store, rig.registry, deadline_seconds=0.2)
        silent = RingPlans(rig.store, lookup, deadline_seconds=0.0)

        plan = await silent.plan(rig.account_id, "+79990000000", did=DID)

        assert plan.steps == ()
        assert plan.because == "this line has no group, and no responsible employee is free"
        await lookup.close()
