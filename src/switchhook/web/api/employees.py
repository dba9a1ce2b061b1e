"""Employees, by extension, and whether calls may be given to them."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from switchhook.core.api import Scope
from switchhook.core.directory import Availability, Employee
from switchhook.store.book_changes import change_employee, page_employees
from switchhook.store.employees import add_employee, get_employee, remove_employee
from switchhook.web.api.changes import said, taken_is_conflict
from switchhook.web.api.fields import Email, Extension, Id, Name, Next, Phone, Status, Word
from switchhook.web.api.operation import Answer, Answers, Asked, created, json_answer, no_content, operation
from switchhook.web.api.paging import PageQuery, cut
from switchhook.web.api.problem import CONFLICT

TAG = "Employees"

OwnNumbers = Annotated[
    tuple[Phone, ...],
    Meta(max_length=20, description="Their own outside numbers; kept in E.164 where they can be read."),
]
Login = Annotated[Word, Meta(description="Their name in the CRM, where it asks for one.", examples=["anna"])]


class EmployeeView(Struct, frozen=True, kw_only=True):
    """Somebody who works here."""

    id: Id
    extension: str
    name: str
    login: str | None
    email: str | None
    availability: Status
    numbers: tuple[str, ...]


class EmployeePage(Struct, frozen=True, kw_only=True):
    items: tuple[EmployeeView, ...]
    next: Next


class EmployeePath(Struct, frozen=True, kw_only=True):
    extension: Extension


class NewEmployee(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An employee to be added."""

    name: Name
    extension: Extension
    login: Login | None = None
    email: Email | None = None
    numbers: OwnNumbers = ()


class EmployeeChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change of an employee. A field left out stays; null takes it away."""

    name: Name | UnsetType = UNSET
    extension: Extension | UnsetType = UNSET
    login: Login | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET
    numbers: OwnNumbers | UnsetType = UNSET


class Presence(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether calls may be given to an employee."""

    availability: Status


IVAN = EmployeeView(
    id=1,
    extension="101",
    name="Ivan Orlov",
    login="ivan",
    email="ivan@example.com",
    availability=Availability.FREE,
    numbers=("+79161112233",),
)


def view(employee: Employee) -> EmployeeView:
    return EmployeeView(
        id=employee.id,
        extension=employee.extension,
        name=employee.name,
        login=employee.login,
        email=employee.email,
        availability=employee.availability,
        numbers=employee.numbers,
    )


@operation(
    "GET",
    "/employees",
    tag=TAG,
    scope=Scope.READ,
    summary="List employees",
    answers=Answers(EmployeePage, EmployeePage(items=(IVAN,), next=None)),
)
async def list_employees(asked: Asked, query: PageQuery) -> Answer:
    """In the order in which they were added."""
    found = await asked.store.read(
        page_employees, asked.account_id, after_id=query.position or 0, limit=query.limit + 1
    )
    shown, following = cut(found, query.limit)
    return json_answer(EmployeePage(items=tuple(map(view, shown)), next=following))


@operation(
    "POST",
    "/employees",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Add an employee",
    answers=Answers(EmployeeView, IVAN, status=201),
    problems=(CONFLICT,),
    body_example=NewEmployee(name="Ivan Orlov", extension="101", login="ivan", numbers=("8 916 111-22-33",)),
)
async def create_employee(asked: Asked, body: NewEmployee) -> Answer:
    """Two employees cannot have the same extension."""
    given = said(body)
    with taken_is_conflict():
        made = await asked.store.write(add_employee, asked.account_id, **given, region=asked.region)
    return created(view(made), "/employees", made.extension)


@operation(
    "GET",
    "/employees/{extension}",
    tag=TAG,
    scope=Scope.READ,
    summary="Show an employee",
    answers=Answers(EmployeeView, IVAN),
)
async def show_employee(asked: Asked, path: EmployeePath) -> Answer:
    return json_answer(view(await asked.store.read(get_employee, asked.account_id, path.extension)))


@operation(
    "PATCH",
    "/employees/{extension}",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Change an employee",
    answers=Answers(EmployeeView, IVAN),
    problems=(CONFLICT,),
    body_example=EmployeeChanges(email="ivan@example.com"),
)
async def update_employee(asked: Asked, path: EmployeePath, body: EmployeeChanges) -> Answer:
    """Their availability is not changed here: see their presence."""
    given = said(body)
    with taken_is_conflict():
        changed = await asked.store.write(
            change_employee, asked.account_id, path.extension, given, region=asked.region
        )
    return json_answer(view(changed))


@operation(
    "DELETE",
    "/employees/{extension}",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Remove an employee",
    answers=Answers(status=204),
)
async def delete_employee(asked: Asked, path: EmployeePath) -> Answer:
    """Their calls stay."""
    await asked.store.write(remove_employee, asked.account_id, path.extension)
    return no_content()


@operation(
    "PUT",
    "/employees/{extension}/presence",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Say whether an employee is available",
    answers=Answers(EmployeeView, IVAN),
    body_example=Presence(availability=Availability.DINNER),
)
async def set_presence(asked: Asked, path: EmployeePath, body: Presence) -> Answer:
    """Every connection that takes a status is told."""
    await asked.store.read(get_employee, asked.account_id, path.extension)
    await asked.office.presence.set_presence(asked.account_id, path.extension, body.availability)
    return await show_employee.run(asked, path)
