"""`setup` and `ping`: how both sides come to know each other's address and key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from switchhook.connectors.planfix.wire.answer import read_object, text_in
from switchhook.connectors.planfix.wire.form import is_web_link, required
from switchhook.core.errors import BadMessage


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Where the PBX is to send its calls from now on, and with which key."""

    planfix_url: str
    planfix_token: str = field(repr=False)

    @property
    def is_https(self) -> bool:
        return self.planfix_url.lower().startswith("https:")

    @property
    def host(self) -> str:
        return host_of(self.planfix_url)


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """What the account has stored of its PBX. None: nothing."""

    pbx_token: str | None = field(repr=False)
    pbx_url: str | None


def parse_setup(form: Mapping[str, str]) -> Setup:
    """Read a `setup`.

    Raises:
        BadMessage: `planfix_token` or `planfix_url` is missing, or the latter is no http(s) address.
    """
    setup = Setup(planfix_token=required(form, "planfix_token"), planfix_url=required(form, "planfix_url"))
    if not is_web_link(setup.planfix_url) or not setup.host:
        raise BadMessage("expected an http or https address", field="planfix_url")
    return setup


def render_setup(setup: Setup) -> dict[str, str]:
    """Write a `setup`."""
    return {"cmd": "setup", "planfix_token": setup.planfix_token, "planfix_url": setup.planfix_url}


def render_ping() -> dict[str, str]:
    """Write a `ping`."""
    return {"cmd": "ping"}


def render_ping_answer(wiring: Wiring) -> bytes:
    """Write the answer to a `ping`. It holds a key: keep it out of logs."""
    return msgspec.json.encode({"pbxToken": wiring.pbx_token or "", "pbxUrl": wiring.pbx_url or ""})


def parse_ping_answer(body: bytes) -> Wiring:
    """Read the answer to a `ping`.

    Raises:
        BadMessage: not a JSON object.
    """
    answer = read_object(body)
    return Wiring(pbx_token=text_in(answer, "pbxToken"), pbx_url=text_in(answer, "pbxUrl"))


def host_of(url: str) -> str:
    """Give host and port of an address, "" when it cannot be read."""
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""
