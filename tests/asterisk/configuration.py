"""The configuration of one lab PBX: the templates of etc/, filled in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TEMPLATES = Path(__file__).parent / "etc"
BLANK = re.compile(r"@([A-Z_]+)@")

OFFICES = range(1, 7)
FIRST_NAMES = ("Anna", "Boris", "Clara", "Daniel")
# Every phone: its extension and who has it. Office 1 has 101 to 104, office 2 has 201 to 204 and so on.
PHONES: Mapping[str, tuple[str, str]] = {
    f"{office}{number:02}": (f"{office}{number:02}", f"{name} Agent")
    for office in OFFICES
    for number, name in enumerate(FIRST_NAMES, start=1)
} | {"99101": ("101", "Anna Agent")}  # a second device of 101, an endpoint of its own

# Asterisk reports an error where these files are missing.
MAY_BE_EMPTY = (
    "acl", "aeap", "amd", "ccss", "chan_websocket", "cli_aliases", "codecs", "dnsmgr", "enum", "extconfig",
    "followme", "geolocation", "pjproject", "pjsip_wizard", "queuerules", "res_fax", "res_http_media_cache",
    "res_parking", "res_pgsql", "resolver_unbound", "stasis", "statsd", "stir_shaken", "udptl",
    "websocket_client",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Outbound:
    """Where the PBX connects out to, as a client of the hub (Asterisk 22 only)."""

    url: str  # ws://127.0.0.1:PORT/path
    user: str
    password: str
    app: str = "switchhook"
    reconnect_milliseconds: int = 500


def write_configuration(
    folder: Path, blanks: Mapping[str, str], *, unloadable: tuple[str, ...], outbound: Outbound | None
) -> None:
    """Write every file of etc/ into `folder`, with `@NAME@` filled in from `blanks`.

    Raises: KeyError: a template has a blank that is not in `blanks`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in MAY_BE_EMPTY:
        (folder / f"{name}.conf").write_text("[general]\n" if name != "acl" else "")
    for template in TEMPLATES.glob("*.conf"):
        (folder / template.name).write_text(_filled(template.read_text(), blanks))
    (folder / "pjsip_phones.conf").write_text(_phones())
    with (folder / "modules.conf").open("a") as modules:
        modules.writelines(f"noload = {module}\n" for module in unloadable)
    if outbound is not None:
        _write_outbound(folder, outbound)


def _filled(text: str, blanks: Mapping[str, str]) -> str:
    return BLANK.sub(lambda blank: blanks[blank[1]], text)


def _phones() -> str:
    template = (TEMPLATES / "phone.template").read_text()
    return "".join(
        _filled(template, {"PHONE": phone, "EXTENSION": extension, "NAME": name, "OFFICE": extension[0]})
        for phone, (extension, name) in PHONES.items()
    )


def _write_outbound(folder: Path, outbound: Outbound) -> None:
    with (folder / "ari.conf").open("a") as ari:
        ari.write(
            "\n[hub_out]\ntype = outbound_websocket\nwebsocket_client_id = hub_out\nlocal_ari_user = hub\n"
            f"apps = {outbound.app}\nsubscribe_all = no\n"
        )
    (folder / "websocket_client.conf").write_text(
        "[hub_out]\ntype = websocket_client\nconnection_type = persistent\nprotocols = ari\n"
        f"uri = {outbound.url}\nusername = {outbound.user}\npassword = {outbound.password}\n"
        f"reconnect_interval = {outbound.reconnect_milliseconds}\n"
    )
