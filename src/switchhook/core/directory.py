"""The address book as values: who works here, who calls us, on which lines."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class Availability(StrEnum):
    """retailCRM's four words, which every desk understands, and gone home."""

    FREE = "free"
    BUSY = "busy"
    DINNER = "dinner"
    BREAK = "break"
    OFFLINE = "offline"


class GroupKind(StrEnum):
    RING = "ring"  # all at once
    HUNT = "hunt"  # one after another
    QUEUE = "queue"


class Employee(Struct, frozen=True, kw_only=True):
    id: int  # unique in the account; given out where a protocol wants a number
    name: str
    extension: str
    login: str | None = None
    email: str | None = None
    availability: Availability = Availability.FREE
    numbers: tuple[str, ...] = ()  # their own outside numbers, E.164 where it could be read


class Contact(Struct, frozen=True, kw_only=True):
    id: int
    name: str
    phones: tuple[str, ...] = ()  # as written
    responsible: str | None = None  # extension
    email: str | None = None


class Line(Struct, frozen=True, kw_only=True):
    """One of our outside numbers."""

    id: int
    number: str
    name: str
    site: str | None = None  # shop code where a CRM has several shops
    group: str | None = None  # name of the group that answers it


class Group(Struct, frozen=True, kw_only=True):
    id: int
    name: str
    kind: GroupKind
    extensions: tuple[str, ...]


class Caller(Struct, frozen=True, kw_only=True):
    """Who is calling, as far as anyone knows. All empty for a stranger."""

    number: str
    name: str | None = None
    responsible: str | None = None  # extension
    contact: Contact | None = None  # when our own address book knows them
    employee: Employee | None = None  # the responsible, when their extension is one of ours
    card_url: str | None = None
    source: str | None = None  # "directory" or the id of the connection that knew
    asked_at: datetime | None = None  # age of a cached answer


class CallerAnswer(Struct, frozen=True, kw_only=True):
    """What one CRM says about a number; None for what it does not know."""

    name: str | None = None
    responsible: str | None = None
    card_url: str | None = None
