"""Groups of extensions that ring together."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from switchhook.core.api import Scope
from switchhook.core.directory import Group, GroupKind
from switchhook.store.book_changes import change_group, get_group, page_groups, remove_group_by_id
from switchhook.store.groups import add_group
from switchhook.web.api.changes import said, taken_is_conflict
from switchhook.web.api.fields import Extension, Id, Kind, Name, Next
from switchhook.web.api.operation import Answer, Answers, Asked, created, json_answer, no_content, operation
from switchhook.web.api.paging import PageQuery, cut
from switchhook.web.api.problem import CONFLICT

TAG = "Groups"

Members = Annotated[
    tuple[Extension, ...],
    Meta(min_length=1, max_length=200, description="Its members, in their order; each counts once."),
]


class GroupView(Struct, frozen=True, kw_only=True):
    """Extensions that ring together."""

    id: Id
    name: str
    kind: Kind
    extensions: tuple[str, ...]


class GroupPage(Struct, frozen=True, kw_only=True):
    items: tuple[GroupView, ...]
    next: Next


class GroupPath(Struct, frozen=True, kw_only=True):
    group_id: Id


class NewGroup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group to be added."""

    name: Name
    kind: Kind
    extensions: Members


class GroupChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change of a group. A field left out stays."""

    name: Name | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    extensions: Members | UnsetType = UNSET


SALES = GroupView(id=1, name="sales", kind=GroupKind.RING, extensions=("101", "102"))


def view(group: Group) -> GroupView:
    return GroupView(id=group.id, name=group.name, kind=group.kind, extensions=group.extensions)


def said_once(body: NewGroup | GroupChanges) -> dict[str, Any]:
    """Give what a body says, each member once."""
    found = said(body)
    if "extensions" in found:
        found["extensions"] = tuple(dict.fromkeys(found["extensions"]))
    return found


@operation(
    "GET",
    "/groups",
    tag=TAG,
    scope=Scope.READ,
    summary="List groups",
    answers=Answers(GroupPage, GroupPage(items=(SALES,), next=None)),
)
async def list_groups(asked: Asked, query: PageQuery) -> Answer:
    """In the order in which they were added."""
    found = await asked.store.read(
        page_groups, asked.account_id, after_id=query.position or 0, limit=query.limit + 1
    )
    shown, following = cut(found, query.limit)
    return json_answer(GroupPage(items=tuple(map(view, shown)), next=following))


@operation(
    "POST",
    "/groups",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Add a group",
    answers=Answers(GroupView, SALES, status=201),
    problems=(CONFLICT,),
    body_example=NewGroup(name="sales", kind=GroupKind.RING, extensions=("101", "102")),
)
async def create_group(asked: Asked, body: NewGroup) -> Answer:
    """Two groups cannot have the same name."""
    given = said_once(body)
    with taken_is_conflict():
        made = await asked.store.write(add_group, asked.account_id, **given)
    return created(view(made), "/groups", made.id)


@operation(
    "GET",
    "/groups/{group_id}",
    tag=TAG,
    scope=Scope.READ,
    summary="Show a group",
    answers=Answers(GroupView, SALES),
)
async def show_group(asked: Asked, path: GroupPath) -> Answer:
    return json_answer(view(await asked.store.read(get_group, asked.account_id, path.group_id)))


@operation(
    "PATCH",
    "/groups/{group_id}",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Change a group",
    answers=Answers(GroupView, SALES),
    problems=(CONFLICT,),
    body_example=GroupChanges(extensions=("101", "102", "103")),
)
async def update_group(asked: Asked, path: GroupPath, body: GroupChanges) -> Answer:
    """Lines refer to groups by name: those of a renamed group have to be changed too."""
    given = said_once(body)
    with taken_is_conflict():
        changed = await asked.store.write(change_group, asked.account_id, path.group_id, given)
    return json_answer(view(changed))


@operation(
    "DELETE",
    "/groups/{group_id}",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Remove a group",
    answers=Answers(status=204),
)
async def delete_group(asked: Asked, path: GroupPath) -> Answer:
    """Its members stay."""
    await asked.store.write(remove_group_by_id, asked.account_id, path.group_id)
    return no_content()
