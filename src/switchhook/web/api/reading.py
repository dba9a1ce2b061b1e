"""What a request says, read strictly: every parameter that is wrong is named, and so is one we do not know.

Pure, but for the body that is awaited.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec import inspect as mi

from switchhook.core.errors import BadMessage
from switchhook.core.text import has_control
from switchhook.web.api.problem import WrongValue

S = TypeVar("S", bound=Struct)

MOST_PARAMETERS = 100
MOST_DEPTH = 16
WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
WORDS = {"true": True, "false": False}
# msgspec says where it was after what was wrong.
PLACE = re.compile(r" - at `\$(?P<path>.*)`\Z", re.DOTALL)


class Rule(Struct, frozen=True, kw_only=True):
    """One field of a shape."""

    name: str  # as outsiders write it
    attribute: str
    type: Any
    kind: mi.Type
    is_required: bool
    is_list: bool


@cache
def rules_of(shape: type[Struct]) -> Mapping[str, Rule]:
    """Give the fields of a shape by their outside names."""
    found = {}
    for field in msgspec.structs.fields(shape):
        kind = bare(mi.type_info(field.type))
        found[field.encode_name] = Rule(
            name=field.encode_name,
            attribute=field.name,
            type=field.type,
            kind=kind,
            is_required=field.default is NODEFAULT and field.default_factory is NODEFAULT,
            is_list=isinstance(kind, mi.VarTupleType),
        )
    return found


def bare(kind: mi.Type) -> mi.Type:
    """Give a type without what is noted on it, and without the nothing that may stand in its place."""
    if isinstance(kind, mi.Metadata):
        return bare(kind.type)
    if isinstance(kind, mi.UnionType):
        return bare(next(one for one in kind.types if not isinstance(one, mi.NoneType)))
    return kind


def read_query(query: bytes) -> Mapping[str, Sequence[str]]:
    """Read a query string, in which every name and value must be UTF-8.

    Raises: BadMessage.
    """
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
        )
    except UnicodeError:
        raise BadMessage("expected a query in UTF-8, percent-encoded", field="query") from None
    except ValueError:
        raise BadMessage(f"expected up to {MOST_PARAMETERS} parameters", field="query") from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def read_texts(
    given: Mapping[str, Sequence[str]], shape: type[S], wrong: list[WrongValue], *, only: bool = True
) -> S | None:
    """Read texts (of a path, a query or headers) into a shape; None when something is wrong with them.

    What is wrong is added to `wrong`. Without `only` names that the shape does not know are passed over.
    """
    rules = rules_of(shape)
    values: dict[str, object] = {}
    for name, texts in given.items():
        rule = rules.get(name)
        if rule is None:
            if only:
                wrong.append(WrongValue(field=name[:60], detail=unknown(rules)))
        elif len(texts) > 1 and not rule.is_list:
            wrong.append(WrongValue(field=name, detail="expected it once"))
        elif rule.is_list:
            values[name] = [of_text(text, rule.kind.item_type) for text in texts]  # type: ignore[attr-defined]
        else:
            values[name] = of_text(texts[0], rule.kind)
    return build(values, shape, wrong)


def of_text(text: str, kind: mi.Type) -> object:
    """Give what a text stands for; one that does not fit stays a text, and is refused as such."""
    match bare(kind):
        case mi.IntType():
            return int(text) if WHOLE.fullmatch(text) else text
        case mi.BoolType():
            return WORDS.get(text, text)
        case _:
            return text


def read_json(body: bytes, shape: type[S], wrong: list[WrongValue]) -> S | None:
    """Read a JSON object into a shape; None when something is wrong with its fields.

    Raises: BadMessage: it is no JSON object, or too deep.
    """
    try:
        given = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadMessage(f"expected JSON: {error}", field="body") from None
    except RecursionError:
        raise BadMessage("expected JSON of less depth", field="body") from None
    if not isinstance(given, dict):
        raise BadMessage("expected a JSON object", field="body")
    rules = rules_of(shape)
    wrong += [WrongValue(field=name[:60], detail=unknown(rules)) for name in given if name not in rules]
    return build({name: value for name, value in given.items() if name in rules}, shape, wrong)


def build(given: Mapping[str, object], shape: type[S], wrong: list[WrongValue]) -> S | None:
    """Hold values to the fields of a shape, each by itself, so that all that is wrong is named."""
    before = len(wrong)
    values: dict[str, Any] = {}
    for rule in rules_of(shape).values():
        if rule.name not in given:
            if rule.is_required:
                wrong.append(WrongValue(field=rule.name, detail="expected a value, got none"))
            continue
        value = given[rule.name]
        try:
            check_plain(value)
            values[rule.attribute] = msgspec.convert(value, rule.type)
        except msgspec.ValidationError as error:
            wrong.append(explained(error, rule))
        except BadMessage as error:
            wrong.append(WrongValue(field=rule.name, detail=error.reason))
    return shape(**values) if len(wrong) == before else None


def explained(error: msgspec.ValidationError, rule: Rule) -> WrongValue:
    """Say what msgspec says, in the words of the rest."""
    text = str(error)
    place = PLACE.search(text)
    path = place["path"] if place else ""
    text = PLACE.sub("", text).replace("`", "")
    if text.startswith("Invalid enum value") and isinstance(inner := innermost(rule.kind), mi.EnumType):
        text = f"expected one of {', '.join(one.value for one in inner.cls)}"
    return WrongValue(field=rule.name + path, detail=text[:1].lower() + text[1:])


def innermost(kind: mi.Type) -> mi.Type:
    return innermost(bare(kind.item_type)) if isinstance(kind, mi.VarTupleType) else kind


def unknown(rules: Iterable[str]) -> str:
    known = ", ".join(sorted(rules))
    return f"not known here; expected {known}" if known else "not known here; nothing is expected"


def check_plain(value: object, depth: int = 0) -> None:
    """Refuse texts with control characters or lone surrogates, and values in values without end.

    Raises: BadMessage.
    """
    if depth > MOST_DEPTH:
        raise BadMessage(f"expected up to {MOST_DEPTH} values in one another")
    match value:
        case str():
            if has_control(value) or any("\ud800" <= character <= "\udfff" for character in value):
                raise BadMessage("expected a text without control characters")
        case dict():
            for name, inner in value.items():
                check_plain(name, depth + 1)
                check_plain(inner, depth + 1)
        case list():
            for inner in value:
                check_plain(inner, depth + 1)
