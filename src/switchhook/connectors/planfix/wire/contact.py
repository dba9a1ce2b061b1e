"""`contact`: who is calling, and whose client it is."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from switchhook.connectors.planfix.wire.answer import read_object, text_in
from switchhook.connectors.planfix.wire.form import optional, required
from switchhook.core.directory import CallerAnswer
from switchhook.core.text import clean_name

# A JSON number of more digits is no longer exact in every reader.
LONGEST_EXACT_NUMBER = 15
LONGEST_EXTENSION = 64


@dataclass(frozen=True, kw_only=True)
class Question:
    """Who calls from this number? `call_id` is optional in the API and mostly left out."""

    number: str
    call_id: str | None = None


def parse_question(form: Mapping[str, str]) -> Question:
    """Read a `contact`.

    Raises:
        BadMessage: `phone` is missing.
    """
    return Question(number=required(form, "phone"), call_id=optional(form, "callid"))


def render_question(question: Question) -> dict[str, str]:
    """Write a `contact`."""
    form = {"cmd": "contact", "phone": question.number}
    return form | {"callid": question.call_id} if question.call_id else form


def render_contact(name: str | None, responsible: str | None) -> bytes:
    """Write the answer: `{}` for a stranger, since a blank name would wipe the phone's display.

    UTF-8 as it is and not in escapes: dialplan scripts cut the name out with plain tools.
    """
    answer: dict[str, str | int] = {}
    if name and (shown := clean_name(name)):
        answer["contact_name"] = shown
    if responsible:
        answer["responsible"] = _short_number(responsible)
    return msgspec.json.encode(answer)


def _short_number(extension: str) -> str | int:
    """Write a JSON number, as the vendor does, unless it would lose a leading zero or digits."""
    is_digits = extension.isascii() and extension.isdecimal()
    is_safe = not extension.startswith("0") and len(extension) <= LONGEST_EXACT_NUMBER
    return int(extension) if is_digits and is_safe else extension


def parse_contact_answer(body: bytes) -> CallerAnswer | None:
    """Read the answer; None for a stranger. The short number may be a number or a text.

    Raises:
        BadMessage: not a JSON object.
    """
    answer = read_object(body)
    name = clean_name(text_in(answer, "contact_name") or "") or None
    responsible = (text_in(answer, "responsible") or "").strip()[:LONGEST_EXTENSION] or None
    if name is None and responsible is None:
        return None
    return CallerAnswer(name=name, responsible=responsible)
