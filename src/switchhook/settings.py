"""How the process is set up: one TOML file in the data folder and the environment, read once.

What a command is told wins over the environment, the environment over the file, the file over the
default. docs/configuration.md lists every setting.
"""

import os
import tomllib
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from switchhook.core.errors import Misconfigured

FILE_NAME = "switchhook.toml"
PREFIX = "SWITCHHOOK_"
MIB = 1024 * 1024
DEFAULT_PORT = 8420

IPNetwork = IPv4Network | IPv6Network


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting of the process, with its default."""

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = DEFAULT_PORT
    public_url: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    trusted_proxies: tuple[str, ...] = ()
    proxy_header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"
    database_url: str = ""
    recordings_url: str = ""
    max_recording_bytes: Annotated[int, msgspec.Meta(ge=1024)] = 200 * MIB
    lookup_deadline_ms: Annotated[int, msgspec.Meta(ge=100, le=3000)] = 700
    region: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")] = "RU"
    egress_proxy: str = ""
    metrics: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "console"

    def __repr__(self) -> str:
        # A database address holds a password, and what is printed ends up in logs.
        return "Settings(…)"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """The data folder and what is set for it."""

    folder: Path
    settings: Settings

    @property
    def store(self) -> str | Path:
        """Where the store is: a database's address, or a file."""
        return self.settings.database_url or self.folder / "switchhook.sqlite3"

    @property
    def recordings_folder(self) -> Path:
        """Where recordings are written, and kept unless a bucket is set."""
        return self.folder / "recordings"

    @property
    def tls_files(self) -> tuple[Path | None, Path | None]:
        """The certificate and its key; relative paths are meant from the data folder."""
        given = (self.settings.tls_cert, self.settings.tls_key)
        cert, key = (self.folder / Path(path).expanduser() if path else None for path in given)
        return cert, key

    @property
    def trusted_networks(self) -> tuple[IPNetwork, ...]:
        return tuple(ip_network(text) for text in self.settings.trusted_proxies)


def default_folder() -> Path:
    """Give the data folder when none is named: the user's own."""
    from platformdirs import user_data_path  # not needed by whoever names a folder

    return user_data_path("switchhook", appauthor=False)


def read_place(
    folder: Path | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    given: Mapping[str, object] | None = None,
) -> Place:
    """Read the settings of a data folder. `given` is what the command was told; None stands for nothing.

    Raises:
        Misconfigured: names the setting and says where it was set.
    """
    if folder is None:
        named = environ.get(PREFIX + "DATA", "")
        folder = Path(named).expanduser() if named else default_folder()
    path = folder / FILE_NAME
    values: dict[str, object] = {}
    for source, layer in (
        (str(path), read_file(path)),
        ("the environment", read_environment(environ)),
        ("the command line", {name: value for name, value in (given or {}).items() if value is not None}),
    ):
        check(layer, source)
        values |= layer
    settings = msgspec.convert(values, Settings, strict=False)
    return Place(folder=folder, settings=settings)


def read_file(path: Path) -> dict[str, Any]:
    """Read the TOML file; no file is an empty one.

    Raises:
        Misconfigured: not readable, or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"cannot read {path}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"expected TOML in {path}: {error}") from error


def read_environment(environ: Mapping[str, str]) -> dict[str, object]:
    """Read `SWITCHHOOK_PORT` and its kin; lists are separated by commas. Empty ones count as not set."""
    found: dict[str, object] = {}
    for field in msgspec.structs.fields(Settings):
        text = environ.get(PREFIX + field.name.upper(), "").strip()
        if text:
            is_list = isinstance(field.default, tuple)
            found[field.name] = [part.strip() for part in text.split(",")] if is_list else text
    return found


def check(values: Mapping[str, object], source: str) -> None:
    """Judge one layer of settings by itself, so that the text can say where the mistake is.

    Raises:
        Misconfigured: names the setting.
    """
    known = {field.name for field in msgspec.structs.fields(Settings)}
    for name in values:
        if name not in known:
            raise Misconfigured(f"{source}: there is no setting {name!r}", field=name)
    for name, value in values.items():
        try:
            msgspec.convert({name: value}, Settings, strict=False)
            further = FURTHER_CHECKS.get(name)
            if further and value:
                further(value)
        except (msgspec.ValidationError, ValueError) as error:
            reason = str(error).partition(" - at ")[0]
            raise Misconfigured(f"{source}: {name}: {reason}", field=name) from error


def _check_url(value: object, *schemes: str) -> None:
    parts = urlsplit(str(value))
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"expected a URL that starts with {' or '.join(f'{s}://' for s in schemes)}")


def _check_networks(value: object) -> None:
    for text in value if isinstance(value, list | tuple) else [value]:
        ip_network(str(text))


FURTHER_CHECKS = {
    "public_url": lambda value: _check_url(value, "https", "http"),
    "egress_proxy": lambda value: _check_url(value, "https", "http"),
    "database_url": lambda value: _check_url(value, "postgresql", "postgres"),
    "trusted_proxies": _check_networks,
}
