"""`makeCall`: click to call."""

from collections.abc import Mapping
from dataclasses import dataclass

from switchhook.connectors.planfix.wire.form import required
from switchhook.core.errors import BadMessage
from switchhook.core.number import DIALABLE


@dataclass(frozen=True, kw_only=True)
class Click:
    """Ring this extension, then dial this number."""

    extension: str
    number: str


def parse_make_call(form: Mapping[str, str]) -> Click:
    """Read a `makeCall`.

    Raises:
        BadMessage: `from` or `to` is missing or holds anything but digits, `*`, `#` and a leading
            plus. Refused and never stripped: a line break would reach a PBX's manager interface.
    """
    return Click(extension=_dialable(form, "from"), number=_dialable(form, "to"))


def render_make_call(click: Click) -> dict[str, str]:
    """Write a `makeCall`."""
    return {"cmd": "makeCall", "from": click.extension, "to": click.number}


def _dialable(form: Mapping[str, str], name: str) -> str:
    text = required(form, name)
    if not DIALABLE.fullmatch(text):
        raise BadMessage(f"expected digits, * and #, got {text[:40]!r}", field=name)
    return text
