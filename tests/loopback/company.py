"""A made-up company around one hub: PBXs with staff of their own, CRMs that everybody shares."""

from collections.abc import Awaitable, Callable
from dataclasses import replace as replaced
from functools import partial
from typing import ParamSpec, TypeVar

from msgspec.structs import replace

from switchhook.connectors import discover
from switchhook.connectors.retailcrm.as_crm import answer
from switchhook.connectors.retailcrm.as_crm import serve as retailcrm_serve
from switchhook.connectors.retailcrm.crm.rate import RateLimits
from switchhook.core.connector import Connector, Side
from switchhook.core.directory import Contact, Employee
from switchhook.sim.book import CONTACTS, EMPLOYEES, PlayedBook
from tests.loopback.clock import PatientClock

P = ParamSpec("P")
T = TypeVar("T")

OWN_NUMBER = "+79165550199"  # an employee's own telephone


def staff(first: int) -> tuple[Employee, ...]:
    """People of one office; extensions count on from `first`."""
    return tuple(
        Employee(
            id=first + index,
            name=f"{one.name} {first}",
            extension=str(first + index),
            email=f"{one.login}{first}@office.example",
            numbers=(OWN_NUMBER,) if first + index == 105 else (),
        )
        for index, one in enumerate(EMPLOYEES, 1)
    )


def customers(first: int) -> tuple[Contact, ...]:
    """Customers of one office: numbers and responsibles of their own."""
    return tuple(
        replace(
            contact,
            id=first + contact.id,
            name=f"{contact.name} {first}",
            phones=(f"+7916555{first + 1000 + contact.id:04d}",),
            responsible=str(first + contact.id) if contact.responsible and contact.id <= 5 else None,
        )
        for contact in CONTACTS
    )


OFFICES = {"planfix": 100, "retailcrm": 200, "voipcloud": 300}
EVERYBODY = tuple(one for first in OFFICES.values() for one in staff(first))
CUSTOMERS = tuple(one for first in OFFICES.values() for one in customers(first))
# Only the hub's own address book knows these; CRMs know the others.
OURS = tuple(contact for contact in CUSTOMERS if contact.id % 100 == 3)


def office(kind: str) -> PlayedBook:
    """The address book behind one PBX: its staff and their customers."""
    # A PBX does not know whose own telephone calls: it would keep such calls to itself.
    people = tuple(replace(one, numbers=()) for one in staff(OFFICES[kind]))
    return PlayedBook(staff=people, known=customers(OFFICES[kind]))


def headquarters() -> PlayedBook:
    """The address book of a CRM: everybody, but for the customers that only the hub knows."""
    return PlayedBook(staff=EVERYBODY, known=tuple(one for one in CUSTOMERS if one not in OURS))


def connectors(clock: PatientClock) -> dict[str, Connector]:
    """The connectors; what they do takes no time of this clock, and what they count is counted by it."""
    found = dict(discover())
    for kind in OFFICES:
        sides = {role: unhurried(side, clock) for role, side in found[kind].sides.items()}
        found[kind] = replaced(found[kind], sides=sides)
    return found


def unhurried(side: Side, clock: PatientClock) -> Side:
    """Give the same side, for which time stands still while it works."""
    serve = side.serve
    if serve is retailcrm_serve:
        serve = partial(answer, limits=RateLimits(clock.seconds))
    return replaced(
        side,
        serve=serve and held(serve, clock),
        deliver=side.deliver and held(side.deliver, clock),
        who_is=side.who_is and held(side.who_is, clock),
        dial=side.dial and held(side.dial, clock),
        poll=side.poll and held(side.poll, clock),
    )


def held(work: Callable[P, Awaitable[T]], clock: PatientClock) -> Callable[P, Awaitable[T]]:
    async def at_work(*args: P.args, **kwargs: P.kwargs) -> T:
        with clock.hold():
            return await work(*args, **kwargs)

    return at_work
