"""What a played side is set up with: the words of `connection add`, seen from the other end."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from switchhook.connectors import discover, fields_of
from switchhook.core.api import Api
from switchhook.core.connector import Connector, FieldKind, HttpPort, Key, Link, Role, Side
from switchhook.core.errors import Misconfigured

# What opens the API of a played PBX, where its protocol has one.
API_KEY = Key(name="api_key", label="Key of the API")
# Whom we play is the opposite of what our peer is.
OPPOSITE = {Role.PBX: Role.CRM, Role.CRM: Role.PBX}


@dataclass(frozen=True, kw_only=True)
class Part:
    """The part that we play, before there is a link."""

    connector: Connector
    side: Side
    role: Role  # what we are
    settings: Mapping[str, str]
    keys: Mapping[str, str]
    made_keys: frozenset[str]  # those that nobody gave us

    @property
    def api(self) -> Api | None:
        """What is answered to whoever holds `api_key`: PBXs alone have it."""
        return self.connector.api if self.role is Role.PBX else None

    def link(self, listens_on: str, http: HttpPort, *, name: str = "played") -> Link:
        """Make the link to the peer; `listens_on` is our own address."""
        return Link(
            id=f"{name}-{self.connector.key}-{self.role.value}",
            account_id=1,
            kind=self.connector.key,
            role=self.side.role,
            name=name,
            settings=self.settings,
            keys=self.keys,
            urls={name: listens_on + path for name, path in self.side.urls.items()},
            public_url=listens_on,
            state={},
            http=http,
        )


def part_of(role: str, kind: str, *, url: str | None, given: Mapping[str, str]) -> Part:
    """Choose whom to play and read its settings. `url` goes into the one address that the part needs.

    Raises:
        Misconfigured: there is nobody of that kind and role, or a setting is unknown.
    """
    connector = discover().get(kind)
    played = {"pbx": Role.PBX, "crm": Role.CRM}.get(role)
    if connector is None or played is None or OPPOSITE[played] not in connector.sides:
        known = sorted(
            f"{OPPOSITE[peer].value} {key}" for key, one in discover().items() for peer in one.sides
        )
        raise Misconfigured(f"expected one of {', '.join(known)}; got {role[:20]} {kind[:20]}", field="kind")
    side = connector.sides[OPPOSITE[played]]
    if played is Role.PBX and side.deliver is None:
        raise Misconfigured(f"a {kind} PBX tells nothing that could be played", field="kind")
    settings = {one.name: one.default for one in fields_of(side)}
    settings["allow_private"] = "true"  # whoever is played has the hub next door
    keys: dict[str, str] = {}
    address = next((one.name for one in side.fields if one.kind is FieldKind.URL), None)
    if url and address is not None:
        settings[address] = url
    ours = side.keys + ((API_KEY,) if played is Role.PBX and connector.api is not None else ())
    for name, value in given.items():
        place, known_as = _place_of(name, settings, [key.name for key in ours])
        (keys if place == "key" else settings)[known_as] = value
    missing = [key for key in ours if key.name not in keys]
    keys |= {key.name: secrets.token_hex(key.bytes) for key in missing}
    for one in side.fields:
        if one.is_required and not settings[one.name]:
            settings[one.name] = f"sim-{role}" if one.name == "code" else ""
        if one.is_required and not settings[one.name]:
            raise Misconfigured(f"expected --set {one.name}=…", field=one.name)
    return Part(
        connector=connector,
        side=side,
        role=played,
        settings=settings,
        keys=keys,
        made_keys=frozenset(key.name for key in missing),
    )


def _place_of(name: str, settings: Mapping[str, str], keys: Sequence[str]) -> tuple[str, str]:
    """Find a setting or key by our word for it, or by the peer's: `pbx_token` there is `token` here."""
    for place, names in (("setting", list(settings)), ("key", keys)):
        if name in names:
            return place, name
    for place, names in (("setting", list(settings)), ("key", keys)):
        for ours in names:
            if ours.endswith(f"_{name}") or name.endswith(f"_{ours}"):
                return place, ours
    known = ", ".join(sorted({*settings, *keys}))
    raise Misconfigured(f"expected one of {known}, got {name[:40]!r}", field=name)
