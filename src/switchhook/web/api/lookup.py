"""Who is calling: one number, asked of the address book and of every CRM that is connected."""

from typing import Annotated

from msgspec import Meta, Struct

from switchhook.core.api import Scope
from switchhook.core.call_view import NumberView
from switchhook.core.directory import Caller
from switchhook.core.number import read_number
from switchhook.web.api import contacts, employees
from switchhook.web.api.contacts import ANNA, TAG, ContactView
from switchhook.web.api.employees import IVAN, EmployeeView
from switchhook.web.api.fields import NumberPart
from switchhook.web.api.operation import Answer, Answers, Asked, json_answer, operation


class LookupQuery(Struct, frozen=True, kw_only=True):
    number: Annotated[
        NumberPart, Meta(description="The number, in whatever spelling.", examples=["89101234567"])
    ]


class CallerView(Struct, frozen=True, kw_only=True):
    """Who is behind a number, as far as anybody knows."""

    number: NumberView
    name: Annotated[str | None, Meta(description="Null: nobody knows them.")]
    responsible: Annotated[str | None, Meta(description="Extension of the employee whose client they are.")]
    employee: Annotated[EmployeeView | None, Meta(description="That employee, when they are one of ours.")]
    contact: Annotated[ContactView | None, Meta(description="When our own address book knows them.")]
    card_url: Annotated[str | None, Meta(description="Where their CRM shows them.")]
    source: Annotated[
        str | None, Meta(description="`directory`, or the id of the connection that knew them.")
    ]


def view(caller: Caller, region: str) -> CallerView:
    return CallerView(
        number=NumberView(raw=caller.number, e164=read_number(caller.number, region).e164),
        name=caller.name,
        responsible=caller.responsible,
        employee=employees.view(caller.employee) if caller.employee else None,
        contact=contacts.view(caller.contact) if caller.contact else None,
        card_url=caller.card_url,
        source=caller.source,
    )


@operation(
    "GET",
    "/contacts/lookup",
    tag=TAG,
    scope=Scope.LOOKUP,
    summary="Ask who is behind a number",
    answers=Answers(
        CallerView,
        CallerView(
            number=NumberView(raw="89101234567", e164="+79101234567"),
            name=ANNA.name,
            responsible=ANNA.responsible,
            employee=IVAN,
            contact=ANNA,
            card_url=None,
            source="directory",
        ),
    ),
)
async def look_up_caller(asked: Asked, query: LookupQuery) -> Answer:
    """The address book is asked first; what it leaves open is asked of every CRM at once. The answer comes
    within the deadline for callers who wait (`lookup_deadline_ms`), with what is known by then.
    """
    caller = await asked.office.lookup.who_is(asked.account_id, query.number)
    return json_answer(view(caller, asked.region))
