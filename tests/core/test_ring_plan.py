"""Whom to ring for an inbound call, in which order, and why."""

import pytest

from switchhook.core.directory import Availability, Caller, Employee, Group, GroupKind
from switchhook.core.ring_plan import RingPlan, plan_rings

FREE, BUSY, OFFLINE = Availability.FREE, Availability.BUSY, Availability.OFFLINE


def employee(extension: str, availability: Availability = FREE) -> Employee:
    return Employee(id=int(extension), name=extension, extension=extension, availability=availability)


def caller(responsible: Employee | None = None) -> Caller:
    return Caller(
        number="+79161234567",
        responsible=responsible.extension if responsible else None,
        employee=responsible,
    )


def group(kind: GroupKind, *extensions: str) -> Group:
    return Group(id=1, name="sales", kind=kind, extensions=extensions)


def shown(plan: RingPlan) -> list[tuple[str, tuple[str, ...]]]:
    return [(step.kind.value, step.extensions) for step in plan.steps]


def test_the_responsible_rings_first_and_alone_then_the_group_without_them() -> None:
    members = [employee("101"), employee("102"), employee("103")]

    plan = plan_rings(caller(members[1]), group(GroupKind.RING, "101", "102", "103"), members)

    assert shown(plan) == [("ring", ("102",)), ("ring", ("101", "103"))]
    assert [step.because for step in plan.steps] == [
        "responsible for this contact",
        "free in the group sales of this line",
    ]
    assert [step.group for step in plan.steps] == [None, "sales"]


@pytest.mark.parametrize("availability", [one for one in Availability if one is not FREE])
def test_nobody_is_rung_who_is_not_free(availability: Availability) -> None:
    members = [employee("101", availability), employee("102")]

    plan = plan_rings(caller(members[0]), group(GroupKind.RING, "101", "102"), members)

    assert shown(plan) == [("ring", ("102",))]


def test_a_group_that_hunts_keeps_its_order() -> None:
    members = [employee("103"), employee("101"), employee("102", BUSY)]

    plan = plan_rings(caller(), group(GroupKind.HUNT, "103", "101", "102"), members)

    assert shown(plan) == [("hunt", ("103", "101"))]


def test_a_queue_is_a_place_to_wait_though_nobody_is_free() -> None:
    members = [employee("101", BUSY), employee("102", OFFLINE)]

    plan = plan_rings(caller(), group(GroupKind.QUEUE, "101", "102"), members)

    assert shown(plan) == [("queue", ())]
    assert "somebody may be soon" in plan.steps[0].because


def test_nobody_waits_in_a_queue_whose_members_have_all_gone_home() -> None:
    members = [employee("101", OFFLINE), employee("102", OFFLINE)]

    plan = plan_rings(caller(), group(GroupKind.QUEUE, "101", "102"), members)

    assert shown(plan) == []
    assert plan.because == "nobody is free in the group sales of this line"


def test_a_queue_tries_the_responsible_again_when_nobody_else_is_free() -> None:
    members = [employee("101"), employee("102", BUSY)]

    plan = plan_rings(caller(members[0]), group(GroupKind.QUEUE, "101", "102"), members)

    assert shown(plan) == [("ring", ("101",)), ("queue", ("101",))]


def test_the_fallback_is_the_last_step_and_is_not_rung_alone_twice() -> None:
    members = [employee("101")]

    behind = plan_rings(caller(), group(GroupKind.RING, "101"), members, fallback="100")
    same = plan_rings(caller(), group(GroupKind.RING, "101"), members, fallback="101")

    assert shown(behind) == [("ring", ("101",)), ("ring", ("100",))]
    assert shown(same) == [("ring", ("101",))]


def test_a_plan_without_steps_says_why() -> None:
    plan = plan_rings(caller(employee("101", BUSY)), None, [])

    assert plan.steps == ()
    assert plan.because == "this line has no group, and no responsible employee is free"


def test_a_group_of_which_only_the_responsible_is_free_is_no_second_step() -> None:
    members = [employee("101"), employee("102", BUSY)]

    plan = plan_rings(caller(members[0]), group(GroupKind.RING, "101", "102"), members)

    assert shown(plan) == [("ring", ("101",))]
