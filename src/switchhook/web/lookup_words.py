"""What is asked of the lookup hook, and how it answers: parameters in, replies out. Pure.

mod_cidlookup of FreeSWITCH shows whatever body it gets as the name, whatever the status: where text is
asked for, an error has no body, and is told in a header.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from switchhook.core.directory import Caller
from switchhook.core.edge import Reply, reply_json
from switchhook.core.errors import BadMessage, Refused, StoreDown, TooLarge, TooMany
from switchhook.core.number import LONGEST_READABLE, read_number
from switchhook.core.routing import Route
from switchhook.core.text import LONGEST_NAME, clean_name, refuse_control

# In which formats each may be asked for, the first when nothing is said.
FORMATS: Mapping[str, tuple[str, ...]] = {
    "name": ("text",),
    "caller": ("json",),
    "route": ("json", "text"),
}

PLAIN_TEXT = "text/plain; charset=utf-8"
ERROR_HEADER = "X-Error"

# The first class that fits speaks. None: the error's own text, which is about the request alone.
ERRORS: tuple[tuple[type[Exception], int, str | None], ...] = (
    (TooLarge, 413, None),
    (BadMessage, 400, None),
    (Refused, 401, "Not authorised"),
    (TooMany, 429, "Too many requests"),
    (StoreDown, 503, "Temporarily unavailable"),
)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked, once the key was judged and the parameters were read."""

    account_id: int
    number: str
    did: str | None
    longest: int  # characters of a name
    is_text: bool


def read_question(query: Mapping[str, str], what: str, account_id: int) -> Question:
    """Read the parameters. `number=` is a withheld number; without a `number` nothing is asked.

    Raises: BadMessage: names the field.
    """
    if "number" not in query:
        raise BadMessage("expected a number", field="number")
    form = query.get("format", FORMATS[what][0])
    if form not in FORMATS[what]:
        raise BadMessage(f"expected {' or '.join(FORMATS[what])}", field="format")
    did = query.get("did")
    return Question(
        account_id=account_id,
        number=_checked_number(query["number"], "number"),
        did=None if did is None else _checked_number(did, "did"),
        longest=_checked_longest(query.get("max")),
        is_text=form == "text",
    )


def _checked_number(text: str, field: str) -> str:
    if len(text) > LONGEST_READABLE:
        raise BadMessage(f"expected up to {LONGEST_READABLE} characters", field=field)
    return refuse_control(text, field=field)


def _checked_longest(text: str | None) -> int:
    if text is None:
        return LONGEST_NAME
    is_number = text.isascii() and text.isdigit() and len(text) <= 3
    if not is_number or not 1 <= int(text) <= LONGEST_NAME:
        raise BadMessage(f"expected 1 to {LONGEST_NAME} characters", field="max")
    return int(text)


def sorry(error: Exception, *, is_text: bool) -> Reply:
    """Say what is wrong; nothing of what is wrong with us."""
    status, said = 500, "Internal error"
    for kind, its_status, text in ERRORS:
        if isinstance(error, kind):
            status, said = its_status, text or _in_words(error)
            break
    return text_error(status, said) if is_text else reply_json(status, {"error": said})


def _in_words(error: Exception) -> str:
    if not isinstance(error, BadMessage):
        return str(error)
    return f"{error.field}: {error.reason}" if error.field else error.reason


def name_reply(caller: Caller, question: Question) -> Reply:
    """Give the name and nothing else: one line without its end, nothing of a stranger."""
    return text_reply(_name_of(caller, question))


def caller_reply(caller: Caller, question: Question, *, region: str = "RU") -> Reply:
    """Give all that is known; null for what is not. The number is in E.164 when it can be read."""
    employee = caller.employee
    responsible = {
        "extension": caller.responsible,
        "name": employee.name if employee is not None else None,
    }
    return reply_json(
        200,
        {
            "number": read_number(question.number, region).e164 or question.number.strip(),
            "name": _name_of(caller, question) or None,
            "responsible": responsible if caller.responsible else None,
            "contact_id": caller.contact.id if caller.contact is not None else None,
            "card_url": caller.card_url,
            "source": caller.source,
        },
    )


def route_reply(route: Route, question: Question) -> Reply:
    """Give the extensions to ring together, and why; as text only them, joined like in a dialplan."""
    if question.is_text:
        return text_reply("&".join(route.extensions))
    return reply_json(200, {"extensions": route.extensions, "because": route.because})


def _name_of(caller: Caller, question: Question) -> str:
    return clean_name(caller.name or "", longest=question.longest)


def text_reply(text: str) -> Reply:
    body = text.encode()
    # An empty body would go without its type.
    return Reply(body=body, content_type=PLAIN_TEXT, headers={} if body else {"Content-Type": PLAIN_TEXT})


def text_error(status: int, said: str) -> Reply:
    return Reply(status=status, headers={"Content-Type": PLAIN_TEXT, ERROR_HEADER: said})
