"""Where events go and which of them: the settings of a connection, read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from switchhook.connectors.voipcloud.wire.notice import Kind
from switchhook.core.connector import Link
from switchhook.core.errors import BadMessage, Misconfigured

ALL = "all"
URL, EVENTS_FIELD, OWN_URLS_FIELD = "url", "events", "event_urls"
EVENTS = tuple(kind for kind in Kind if kind is not Kind.OTHER)
NAMES = frozenset(kind.value for kind in EVENTS)
# Addresses hold commas, but nothing that looks like the next `type=`.
NEXT_PAIR = re.compile(r"[\s,]+(?=[a-z_]+=)")


@dataclass(frozen=True, kw_only=True)
class Targets:
    """Which events are ticked, and where each goes."""

    url: str
    ticked: frozenset[Kind]
    own_urls: Mapping[Kind, str]

    def url_of(self, kind: Kind) -> str:
        return self.own_urls.get(kind, self.url)

    @property
    def urls(self) -> tuple[str, ...]:
        """Every address that is used, each once."""
        return tuple(dict.fromkeys(self.url_of(kind) for kind in EVENTS if kind in self.ticked))


def targets_of(link: Link) -> Targets:
    """Read the settings.

    Raises:
        Misconfigured: an event that there is not, or no address; names the field.
    """
    url = link.settings.get(URL, "").strip()
    if not url:
        raise Misconfigured("expected the address for the events", connection=link.id, field=URL)
    try:
        ticked = read_events(link.settings.get(EVENTS_FIELD, ""))
        own_urls = read_own_urls(link.settings.get(OWN_URLS_FIELD, ""))
    except BadMessage as error:
        raise Misconfigured(error.reason, connection=link.id, field=error.field) from error
    return Targets(url=url, ticked=ticked, own_urls=own_urls)


def read_events(text: str) -> frozenset[Kind]:
    """Read names of events, separated by commas or blanks; `all`, or nothing, is every one.

    Raises:
        BadMessage: there is no such event.
    """
    named = [name for name in re.split(r"[\s,]+", text.strip().lower()) if name]
    if named in ([], [ALL]):
        return frozenset(EVENTS)
    return frozenset(_event(name, EVENTS_FIELD) for name in named)


def read_own_urls(text: str) -> dict[Kind, str]:
    """Read `queue_call=https://…, voicemail=https://…`.

    Raises:
        BadMessage: there is no such event, or no web address behind its name.
    """
    own: dict[Kind, str] = {}
    for pair in NEXT_PAIR.split(text.strip()) if text.strip() else ():
        name, _, url = pair.partition("=")
        url = url.strip().rstrip(",")
        if not url.lower().startswith(("https://", "http://")):
            raise BadMessage("expected event=https://…, separated by commas", field=OWN_URLS_FIELD)
        own[_event(name.strip(), OWN_URLS_FIELD)] = url
    return own


def check_events(text: str) -> None:
    """Raises: BadMessage: there is no such event."""
    read_events(text)


def check_own_urls(text: str) -> None:
    """Raises: BadMessage: as `read_own_urls`."""
    read_own_urls(text)


def _event(name: str, field: str) -> Kind:
    if name not in NAMES:
        known = ", ".join(kind.value for kind in EVENTS)
        raise BadMessage(f"expected some of {known}, got {name[:40]!r}", field=field)
    return Kind(name)
