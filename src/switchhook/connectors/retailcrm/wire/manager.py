"""`telephony/manager`: who is responsible for a number, and who it is."""

from collections.abc import Mapping
from urllib.parse import quote

from msgspec import Struct

from switchhook.connectors.retailcrm.wire.answers import Missing
from switchhook.connectors.retailcrm.wire.fields import (
    LONGEST_CODE,
    Object,
    as_object,
    boolean_of,
    phone_of,
    text_of,
    url_of,
)
from switchhook.connectors.retailcrm.wire.json_text import Json, present
from switchhook.connectors.retailcrm.wire.parameters import Parameters
from switchhook.connectors.retailcrm.wire.people import joined_name, split_name
from switchhook.core.directory import Caller, CallerAnswer, Employee
from switchhook.core.errors import BadMessage


class Question(Struct, frozen=True, kw_only=True):
    phone: str
    has_details: bool = False
    ignores_status: bool = False


def read_question(given: Parameters) -> Question:
    """Read the question. Python's client writes its booleans `True` and `False`.

    Raises:
        Missing: no phone.
    """
    phone = phone_of(given, "phone")
    if phone is None:
        raise Missing("phone")
    return Question(
        phone=phone,
        has_details=boolean_of(given, "details"),
        ignores_status=boolean_of(given, "ignoreStatus"),
    )


def write_question(phone: str) -> dict[str, str]:
    return {"phone": phone, "details": "1", "ignoreStatus": "1"}


def write_manager(*, user_id: int | None, code: str, employee: Employee | None) -> dict[str, Json]:
    """Give the manager. Whom only the PBX's map knows has an id and an extension, but no name."""
    first, last = split_name(employee.name) if employee is not None else ("", "")
    members: dict[str, Json] = {
        "id": user_id,
        "firstName": first,
        "lastName": last,
        "patronymic": "",
        "email": (employee.email if employee is not None else None) or "",
        "code": code,
    }
    return present(members)


def write_customer(caller: Caller) -> dict[str, Json] | None:
    """Give the customer; None for a stranger. One that another system knows has no id of ours."""
    contact = caller.contact
    name = caller.name or (contact.name if contact is not None else None)
    if not name and contact is None:
        return None
    first, last = split_name(name or "")
    phones = contact.phones if contact is not None and contact.phones else (caller.number,)
    members: dict[str, Json] = {
        "id": contact.id if contact is not None else None,
        "firstName": first,
        "lastName": last,
        "email": (contact.email if contact is not None else None) or "",
        "phones": [{"number": phone} for phone in phones],
    }
    return present(members)


def write_links(caller: Caller, *, hub_url: str, phone: str) -> dict[str, Json]:
    """Give the links that a PBX may open. The hub keeps no orders: its page of the caller stands in."""
    page = f"{hub_url}/?phone={quote(phone, safe='')}"
    who = "customerLink" if caller.contact is not None or caller.card_url else "newCustomerLink"
    return {"newOrderLink": page, who: caller.card_url or page}


def read_answer(answer: Object) -> CallerAnswer | None:
    """Read what an account says about a number; None when it knows neither caller nor manager.

    Links are there for strangers too, so a link alone is no knowledge.

    Raises:
        BadMessage: a value that its field cannot have.
    """
    manager = as_object(answer.get("manager"), field="manager")
    customer = as_object(answer.get("customer"), field="customer")
    if not manager and not customer:
        return None
    return CallerAnswer(
        name=joined_name(customer),
        responsible=text_of(manager, "code", longest=LONGEST_CODE),
        card_url=_link(as_object(answer.get("links"), field="links")),
    )


def _link(links: Mapping[str, Json]) -> str | None:
    """A fixture shows `newCustomerLink` beside a known customer, so either will do."""
    for name in ("customerLink", "newCustomerLink"):
        try:
            if link := url_of(links, name):
                return link
        except BadMessage:
            continue
    return None
