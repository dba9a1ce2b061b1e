"""Contacts: whom we know, by page and one by one."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from switchhook.core.api import Scope
from switchhook.core.directory import Contact
from switchhook.store.book_changes import change_contact
from switchhook.store.contacts import add_contact, get_contact, list_contacts, remove_contact
from switchhook.web.api.changes import said
from switchhook.web.api.fields import Email, Extension, Id, Name, Next, Phones, Search
from switchhook.web.api.operation import Answer, Answers, Asked, created, json_answer, no_content, operation
from switchhook.web.api.paging import PageQuery, cut

TAG = "Contacts"


class ContactView(Struct, frozen=True, kw_only=True):
    """Somebody who calls us or is called."""

    id: Id
    name: str
    phones: Annotated[tuple[str, ...], Meta(description="As written.")]
    responsible: Annotated[str | None, Meta(description="Extension of the employee whose client they are.")]
    email: str | None


class ContactPage(Struct, frozen=True, kw_only=True):
    items: tuple[ContactView, ...]
    next: Next


class ContactPath(Struct, frozen=True, kw_only=True):
    contact_id: Id


class ContactsQuery(PageQuery, frozen=True, kw_only=True):
    search: Annotated[Search, Meta(description="A part of the name, or the end of a number.")] = ""


class NewContact(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A contact to be added."""

    name: Name
    phones: Phones = ()
    responsible: Extension | None = None
    email: Email | None = None


class ContactChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change of a contact. A field left out stays; null takes it away."""

    name: Name | UnsetType = UNSET
    phones: Phones | UnsetType = UNSET
    responsible: Extension | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET


ANNA = ContactView(
    id=1,
    name="Anna Petrova",
    phones=("+7 910 123-45-67",),
    responsible="101",
    email="anna@example.com",
)


def view(contact: Contact) -> ContactView:
    return ContactView(
        id=contact.id,
        name=contact.name,
        phones=contact.phones,
        responsible=contact.responsible,
        email=contact.email,
    )


@operation(
    "GET",
    "/contacts",
    tag=TAG,
    scope=Scope.READ,
    summary="List contacts",
    answers=Answers(ContactPage, ContactPage(items=(ANNA,), next=None)),
)
async def list_all_contacts(asked: Asked, query: ContactsQuery) -> Answer:
    """In the order in which they were added."""
    found = await asked.store.read(
        list_contacts,
        asked.account_id,
        after_id=query.position or 0,
        limit=query.limit + 1,
        search=query.search,
    )
    shown, following = cut(found, query.limit)
    return json_answer(ContactPage(items=tuple(map(view, shown)), next=following))


@operation(
    "POST",
    "/contacts",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Add a contact",
    answers=Answers(ContactView, ANNA, status=201),
    body_example=NewContact(
        name="Anna Petrova", phones=("+7 910 123-45-67",), responsible="101", email="anna@example.com"
    ),
)
async def create_contact(asked: Asked, body: NewContact) -> Answer:
    """A number may belong to several contacts; the one that was added first is shown when it calls."""
    made = await asked.store.write(add_contact, asked.account_id, **said(body), region=asked.region)
    return created(view(made), "/contacts", made.id)


@operation(
    "GET",
    "/contacts/{contact_id}",
    tag=TAG,
    scope=Scope.READ,
    summary="Show a contact",
    answers=Answers(ContactView, ANNA),
)
async def show_contact(asked: Asked, path: ContactPath) -> Answer:
    return json_answer(view(await asked.store.read(get_contact, asked.account_id, path.contact_id)))


@operation(
    "PATCH",
    "/contacts/{contact_id}",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Change a contact",
    answers=Answers(ContactView, ANNA),
    body_example=ContactChanges(responsible="102"),
)
async def update_contact(asked: Asked, path: ContactPath, body: ContactChanges) -> Answer:
    changed = await asked.store.write(
        change_contact, asked.account_id, path.contact_id, said(body), region=asked.region
    )
    return json_answer(view(changed))


@operation(
    "DELETE",
    "/contacts/{contact_id}",
    tag=TAG,
    scope=Scope.WRITE,
    summary="Remove a contact",
    answers=Answers(status=204),
)
async def delete_contact(asked: Asked, path: ContactPath) -> Answer:
    """Their calls stay."""
    await asked.store.write(remove_contact, asked.account_id, path.contact_id)
    return no_content()
