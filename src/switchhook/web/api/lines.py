"""Lines: our outside numbers."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from switchhook.core.api import Scope
from switchhook.core.directory import Line
from switchhook.store.book_changes import change_line, get_line, page_lines, remove_line_by_id
from switchhook.store.lines import add_line
from switchhook.web.api.changes import said, taken_is_conflict
from switchhook.web.api.fields import Dialable, Id, Name, Next, Word
from switchhook.web.api.operation import Answer, Answers, Asked, created, json_answer, no_content, operation
from switchhook.web.api.paging import PageQuery, cut
from switchhook.web.api.problem import CONFLICT

TAG = "Lines"

Site = Annotated[Word, Meta(description="Code of the shop, where a CRM has several.", examples=["msk"])]
GroupName = Annotated[Word, Meta(description="Name of the group that answers it.", examples=["sales"])]


class LineView(Struct, frozen=True, kw_only=True):
    """One of our outside numbers."""

    id: Id
    number: str
    name: str
    site: str | None
    group: str | None


class LinePage(Struct, frozen=True, kw_only=True):
    items: tuple[LineView, ...]
    next: Next


class LinePath(Struct, frozen=True, kw_only=True):
    line_id: Id


class NewLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line to be added."""

    number: Dialable
    name: Name
    site: Site | None = None
    group: GroupName | None = None


class LineChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change of a line. A field left out stays; null takes it away."""

    number: Dialable | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    site: Site | UnsetType | None = UNSET
    group: GroupName | UnsetType | None = UNSET


MAIN = LineView(id=1, number="+74951234567", name="Main office", site=None, group="sales")


def view(line: Line) -> LineView:
    return LineView(id=line.id, number=line.number, name=line.name, site=line.site, group=line.group)


@operation(
    "GET",
    "/lines",
    tag=TAG,
    scope=Scope.READ,
    summary="List lines",
    answers=Answers(LinePage, LinePage(items=(MAIN,), next=None)),
)
async def list_lines(asked: Asked, query: PageQuery) -> Answer:
    """In the order in which they were added."""
    found = await asked.store.read(
        page_lines, asked.account_id, after_id=query.position or 0, limit=query.limit + 1
    )
    shown, following = cut(found, query.limit)
    return json_answer(LinePage(items=tuple(map(view, shown)), next=following))


@operation(
    "POST",
    "/lines",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Add a line",
    answers=Answers(LineView, MAIN, status=201),
    problems=(CONFLICT,),
    body_example=NewLine(number="+74951234567", name="Main office", group="sales"),
)
async def create_line(asked: Asked, body: NewLine) -> Answer:
    """A number is one line, however it is spelt."""
    given = said(body)
    with taken_is_conflict():
        made = await asked.store.write(add_line, asked.account_id, **given, region=asked.region)
    return created(view(made), "/lines", made.id)


@operation(
    "GET",
    "/lines/{line_id}",
    tag=TAG,
    scope=Scope.READ,
    summary="Show a line",
    answers=Answers(LineView, MAIN),
)
async def show_line(asked: Asked, path: LinePath) -> Answer:
    return json_answer(view(await asked.store.read(get_line, asked.account_id, path.line_id)))


@operation(
    "PATCH",
    "/lines/{line_id}",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Change a line",
    answers=Answers(LineView, MAIN),
    problems=(CONFLICT,),
    body_example=LineChanges(name="Warehouse"),
)
async def update_line(asked: Asked, path: LinePath, body: LineChanges) -> Answer:
    given = said(body)
    with taken_is_conflict():
        changed = await asked.store.write(
            change_line, asked.account_id, path.line_id, given, region=asked.region
        )
    return json_answer(view(changed))


@operation(
    "DELETE",
    "/lines/{line_id}",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Remove a line",
    answers=Answers(status=204),
)
async def delete_line(asked: Asked, path: LinePath) -> Answer:
    """Its calls stay."""
    await asked.store.write(remove_line_by_id, asked.account_id, path.line_id)
    return no_content()
