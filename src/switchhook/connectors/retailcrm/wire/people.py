"""Users, their status, and shops: what a PBX asks to learn ids, and answers with people in them."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from switchhook.connectors.retailcrm.wire.answers import NOT_A_CHOICE, Missing
from switchhook.connectors.retailcrm.wire.fields import (
    Object,
    as_integer,
    as_list,
    as_object,
    boolean_of,
    choice_of,
    integer_of,
    label_of,
    text_of,
)
from switchhook.connectors.retailcrm.wire.json_text import Json
from switchhook.connectors.retailcrm.wire.parameters import Parameters
from switchhook.core.directory import Availability, Employee
from switchhook.core.errors import BadMessage

STATUSES = {
    "free": Availability.FREE,
    "busy": Availability.BUSY,
    "dinner": Availability.DINNER,
    "break": Availability.BREAK,
}
# Gone home has no word: a user who is not signed in.
STATUS_NAMES = {availability: name for name, availability in STATUSES.items()}
LIMITS = (20, 50, 100, 250)
DEFAULT_SITE = "main"


class User(Struct, frozen=True, kw_only=True):
    """What matters of an account's user."""

    id: int
    name: str
    email: str | None = None
    is_active: bool = True


class Page(Struct, frozen=True, kw_only=True):
    number: int
    limit: int
    total: int

    @property
    def count(self) -> int:
        return max(1, -(-self.total // self.limit))

    @property
    def bounds(self) -> slice:
        return slice((self.number - 1) * self.limit, self.number * self.limit)


def split_name(name: str) -> tuple[str, str]:
    """Part a display name the way it is joined again: first name, blank, the rest."""
    first, _, last = name.strip().partition(" ")
    return first, last.strip()


def joined_name(person: Object) -> str | None:
    parts = (label_of(person, "firstName"), label_of(person, "lastName"))
    return " ".join(part for part in parts if part) or None


def write_user(employee: Employee) -> dict[str, Json]:
    first, last = split_name(employee.name)
    is_online = employee.availability is not Availability.OFFLINE
    return {
        "id": employee.id,
        "isAdmin": False,
        "email": employee.email or "",
        "firstName": first,
        "lastName": last,
        "patronymic": "",
        "status": STATUS_NAMES.get(employee.availability, "break"),
        "online": is_online,
        "active": True,
        "isManager": True,
        "phone": employee.numbers[0] if employee.numbers else "",
        "groups": [],
    }


def read_users(answer: Object) -> list[User]:
    """Read one page of an account's users; those without an id are no users."""
    found = [as_object(each, field="users") for each in as_list(answer.get("users"), field="users")]
    return [
        User(
            id=as_integer(user["id"], field="id"),
            name=joined_name(user) or str(user["id"]),
            email=text_of(user, "email"),
            is_active=boolean_of(user, "active", True),
        )
        for user in found
        if user.get("id") is not None
    ]


def read_page_count(answer: Object) -> int:
    pagination = as_object(answer.get("pagination"), field="pagination")
    return integer_of(pagination, "totalPageCount") or 1


def filtered(employees: Sequence[Employee], given: Parameters) -> list[Employee]:
    """Apply the filters that mean something for our people: activity, rights, presence, e-mail."""
    kept = list(employees)
    if not (boolean_of(given, "filter[active]", True) and boolean_of(given, "filter[isManager]", True)):
        return []
    if boolean_of(given, "filter[isAdmin]"):
        return []
    if given.get("filter[online]") is not None:
        wanted = boolean_of(given, "filter[online]")
        kept = [e for e in kept if (e.availability is not Availability.OFFLINE) is wanted]
    if status := text_of(given, "filter[status]"):
        kept = [e for e in kept if STATUS_NAMES.get(e.availability) == status]
    if email := text_of(given, "filter[email]"):
        kept = [e for e in kept if (e.email or "").casefold() == email.casefold()]
    return kept


def page_of(given: Parameters, total: int) -> Page:
    """Read `page` and `limit`.

    Raises:
        BadMessage: a limit that the API does not have.
    """
    limit = integer_of(given, "limit") or LIMITS[0]
    if limit not in LIMITS:
        raise BadMessage(NOT_A_CHOICE, field="limit")
    return Page(number=max(1, integer_of(given, "page", most=10**6) or 1), limit=limit, total=total)


def write_pagination(page: Page) -> dict[str, Json]:
    return {
        "limit": page.limit,
        "totalCount": page.total,
        "currentPage": page.number,
        "totalPageCount": page.count,
    }


def read_status(given: Parameters) -> Availability:
    """Read `status`.

    Raises:
        Missing: it is not there.
        BadMessage: another word than the four.
    """
    word = choice_of(given, "status", frozenset(STATUSES))
    if word is None:
        raise Missing("status")
    return STATUSES[word]


def write_sites(sites: Mapping[str, str], *, url: str) -> dict[str, Json]:
    """Give shops as an object by code; `sites` is code to name."""
    return {
        code: {"name": name, "url": url, "code": code, "defaultForCrm": index == 0, "isDemo": False}
        for index, (code, name) in enumerate(sites.items())
    }


def read_site_codes(answer: Object) -> list[str]:
    return list(as_object(answer.get("sites"), field="sites"))
