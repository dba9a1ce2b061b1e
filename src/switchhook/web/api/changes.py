"""What a body says of a thing: names made visible, fields that are to change, and what is taken already."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from msgspec import UNSET, Struct
from msgspec.structs import asdict

from switchhook.core.errors import BadMessage
from switchhook.core.text import clean_name
from switchhook.web.api.problem import Conflict, WrongValue, WrongValues


def said(body: Struct) -> dict[str, Any]:
    """Give the fields that a body has, by name, with what cannot be seen taken out of names.

    Raises: BadMessage: nothing of a name can be seen.
    """
    found = {name: value for name, value in asdict(body).items() if value is not UNSET}
    if "name" in found:
        found["name"] = visible(found["name"])
    return found


def visible(name: str) -> str:
    """Raises: BadMessage: nothing of it can be seen."""
    cleaned = clean_name(name)
    if not cleaned:
        raise WrongValues([WrongValue(field="name", detail="expected visible characters")])
    return cleaned


@contextmanager
def taken_is_conflict() -> Iterator[None]:
    """Have the store's "there is one already" said with the status that clients know it by.

    Raises: Conflict.
    """
    try:
        yield
    except BadMessage as error:
        raise Conflict(error.reason, field=error.field) from error
