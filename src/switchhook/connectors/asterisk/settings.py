"""The settings of one connection, read and judged. Pure."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from urllib.parse import urlsplit

from msgspec import Struct

from switchhook.connectors.asterisk.drive.settings import DriveSettings
from switchhook.connectors.asterisk.listen.plan import Plan, read_phones
from switchhook.connectors.asterisk.wire import values
from switchhook.core.errors import BadMessage, Misconfigured

EXTENSION, NUMBER = "{extension}", "{number}"
TECH = re.compile(r"[A-Za-z][A-Za-z0-9]{0,19}")
# What stands around the placeholder of a dial string: a prefix or suffix, and the endpoint or context.
AROUND = re.compile(r"[A-Za-z0-9_.+*#-]*(?:@[A-Za-z0-9_.+-]{1,79})?")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")
MEDIA = re.compile(r"(?:sound|recording):[A-Za-z0-9_./-]{1,120}")
USER = re.compile(r"[A-Za-z0-9_.@+-]{1,80}")
FOLDER = re.compile(r"/[^\x00-\x1f]{0,400}")


SECONDS = {"ring_seconds": (5, 300), "hunt_seconds": (3, 300), "queue_seconds": (5, 7200)}


class Mode(StrEnum):
    """How one connects."""

    ARI = "ari"  # we open a websocket to the PBX
    ARI_INBOUND = "ari-inbound"  # the PBX opens one to us
    AMI = "ami"  # we open a TCP connection to the PBX


class Settings(Struct, frozen=True, kw_only=True):
    """What the link needs to know. Never shown: it has the password."""

    mode: Mode
    url: str = ""  # of ARI, with `/ari` at its end; "" where it is not known
    host: str = ""
    port: int = 5038
    is_tls: bool = False
    user: str = ""
    password: str = ""
    app: str = "switchhook"
    plan: Plan
    phone: str = "PJSIP/{extension}"
    trunk: str = ""
    context: str = ""
    caller_id: str = ""
    fallback: str = ""
    ring_seconds: int = 25
    recordings_url: str = ""  # of the dialplan's own recordings, without a slash at its end
    recordings_folder: str = ""  # where that is on the PBX
    recordings_user: str = ""
    recordings_password: str = ""
    is_phone_state_told: bool = False
    drive: DriveSettings = DriveSettings()

    @property
    def here_variable(self) -> str:
        """Name the global variable that tells the dialplan of our application, see `link/here`."""
        return "".join(sign if sign.isalnum() else "_" for sign in self.app).upper() + "_HERE_UNTIL"

    def phone_of(self, extension: str) -> str:
        """Give what is dialled to ring an employee. Raises: BadMessage: no extension."""
        return self.phone.replace(EXTENSION, values.dialled(extension, field="extension"))


def read_settings(settings: Mapping[str, str]) -> Settings:
    """Read the settings of a connection, defaults filled in.

    Raises: Misconfigured: names the field that is missing or wrong.
    """
    mode = Mode(settings["mode"])
    read = Settings(
        mode=mode,
        url=_ari_url(settings["url"]),
        host=settings["host"].strip(),
        port=_port(settings["port"]),
        is_tls=settings["tls"] == "true",
        user=settings["user"],
        password=settings["password"],
        app=settings["app"],
        plan=_plan(settings, fetches=bool(settings["recordings_url" if mode is Mode.AMI else "url"])),
        phone=settings["phone"],
        trunk=settings["trunk"],
        context=settings["context"],
        caller_id=settings["caller_id"],
        fallback=settings["fallback"],
        ring_seconds=_seconds(settings, "ring_seconds"),
        recordings_url=settings["recordings_url"].rstrip("/"),
        recordings_folder=settings["recordings_folder"].rstrip("/"),
        recordings_user=settings["recordings_user"],
        recordings_password=settings["recordings_password"],
        is_phone_state_told=settings["phone_state"] == "true",
        drive=_drive(settings),
    )
    for name in _NEEDS[mode]:
        if not settings[name].strip():
            raise Misconfigured(f"expected a value for {name} with mode {mode.value}, got none", field=name)
    return read


def check_dial_string(placeholder: str) -> Callable[[str], None]:
    """Give the check of a dial string such as `PJSIP/{number}@trunk`, with that placeholder in it once."""

    def check(text: str) -> None:
        tech, slash, resource = text.partition("/")
        before, found, after = resource.partition(placeholder)
        is_right = slash and found and TECH.fullmatch(tech) and AROUND.fullmatch(before + after)
        if not is_right or "@" in before:
            raise BadMessage(f"expected TECH/… with {placeholder} in it once, got {text[:40]!r}")

    return check


def check_app(text: str) -> None:
    """Raises: BadMessage: no name of an application."""
    values.name(text, field="app")


def check_user(text: str) -> None:
    """Raises: BadMessage: no name that a configuration file and Basic authentication can carry."""
    if USER.fullmatch(text) is None:
        raise BadMessage("expected a user name of letters, digits and . _ @ + -")


def check_context(text: str) -> None:
    """Raises: BadMessage: no name of a context."""
    values.name(text, field="context")


def check_number(text: str) -> None:
    """Raises: BadMessage: no number that may be shown."""
    values.dialled(text, field="caller_id")


def check_extension(text: str) -> None:
    """Raises: BadMessage: no extension."""
    values.dialled(text, field="fallback")


def check_phones(text: str) -> None:
    """Raises: BadMessage: an entry that is no phone."""
    read_phones(text)


def check_variable(text: str) -> None:
    """Raises: BadMessage: no name of a variable."""
    if VARIABLE.fullmatch(text) is None:
        raise BadMessage(f"expected the name of a variable, got {text[:40]!r}")


def check_music(text: str) -> None:
    """Raises: BadMessage: no name of a class of music."""
    values.name(text, field="music")


def check_media(text: str) -> None:
    """Raises: BadMessage: nothing that ARI plays."""
    if MEDIA.fullmatch(text) is None:
        raise BadMessage(f"expected media such as sound:queue-thankyou, got {text[:40]!r}")


def check_folder(text: str) -> None:
    """Raises: BadMessage: no absolute path."""
    if FOLDER.fullmatch(text) is None or ".." in text.split("/"):
        raise BadMessage(f"expected an absolute path, got {text[:40]!r}")


def check_host(text: str) -> None:
    """Raises: BadMessage: more than a host."""
    if not re.fullmatch(r"[A-Za-z0-9_.:\[\]-]{1,253}", text) or "://" in text:
        raise BadMessage(f"expected a host name or an address, got {text[:40]!r}")


def _plan(settings: Mapping[str, str], *, fetches: bool) -> Plan:
    try:
        phones = read_phones(settings["phones"])
    except BadMessage as error:
        raise Misconfigured(f"phones: {error.reason}", field="phones") from error
    return Plan(phones=phones, did_variable=settings["did_variable"], fetches_recordings=fetches)


def _ari_url(text: str) -> str:
    """Give the address of ARI: what was entered, with `/ari` where that was left out."""
    if not text:
        return ""
    url = re.sub(r"\Aws(s?)://", r"http\1://", text.strip()).partition("?")[0].rstrip("/")
    url = url.removesuffix("/events")
    return url if urlsplit(url).path.endswith("/ari") else f"{url}/ari"


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise Misconfigured(f"expected a port from 1 to 65535, got {text[:20]!r}", field="port")
    return int(text)


def _drive(settings: Mapping[str, str]) -> DriveSettings:
    return DriveSettings(
        app=settings["app"],
        phone=settings["phone"],
        devices=_devices(settings),
        trunk=settings["trunk"],
        caller_id=settings["caller_id"],
        fallback=settings["fallback"],
        ring_seconds=_seconds(settings, "ring_seconds"),
        hunt_seconds=_seconds(settings, "hunt_seconds"),
        queue_seconds=_seconds(settings, "queue_seconds"),
        records=settings["record"] == "true",
        rings_talking=settings["ring_talking"] == "true",
        continues_after_talk=settings["continue_after_talk"] == "true",
        music=settings["music"],
        announcement=settings["announcement"],
        tells_position=settings["position"] == "true",
    )


def _devices(settings: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Give the endpoints of each extension that the list of phones names, patterns left out."""
    tech = settings["phone"].partition("/")[0]
    devices: dict[str, tuple[str, ...]] = {}
    for entry in settings["phones"].replace(",", " ").split():
        name, has_extension, extension = entry.partition("=")
        if has_extension and not set(name) & set("*?"):
            devices[extension] = (*devices.get(extension, ()), f"{tech}/{name}")
    return devices


def _seconds(settings: Mapping[str, str], name: str) -> int:
    text, (least, most) = settings[name], SECONDS[name]
    if not re.fullmatch(r"[0-9]{1,5}", text) or not least <= int(text) <= most:
        raise Misconfigured(f"expected {name} from {least} to {most}, got {text[:20]!r}", field=name)
    return int(text)


_NEEDS: Mapping[Mode, tuple[str, ...]] = {
    Mode.ARI: ("url", "user", "password"),
    Mode.ARI_INBOUND: ("user",),
    Mode.AMI: ("host", "user", "password"),
}
