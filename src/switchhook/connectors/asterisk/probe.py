"""Trying a connection: what answers, whether it lets us in, and whether the hub holds the link."""

import secrets
from collections.abc import Sequence

from switchhook.connectors.asterisk.link.ami_client import AmiClient
from switchhook.connectors.asterisk.link.ari_session import read_version, short_version
from switchhook.connectors.asterisk.link.clock import SystemClock
from switchhook.connectors.asterisk.link.requests import HttpAsker, basic
from switchhook.connectors.asterisk.link.run import PING
from switchhook.connectors.asterisk.link.together import together
from switchhook.connectors.asterisk.settings import Mode, Settings, read_settings
from switchhook.connectors.asterisk.wire import actions, rest
from switchhook.core.connector import Finding, Hub, Link
from switchhook.core.errors import HubError, PeerDown, Refused

# The oldest release whose events were seen to be as they are read here.
OLDEST = 16
PING_SECONDS = 4.0
# Actions that are needed, and what write permission of manager.conf gives each.
NEEDED_ACTIONS = {"CoreShowChannels": "reporting", "CoreSettings": "reporting"}
DIALS, PAUSES = {"Originate": "originate"}, {"QueuePause": "agent"}


async def probe(link: Link, hub: Hub) -> Sequence[Finding]:
    """Try what the settings say, without disturbing a link that works."""
    try:
        settings = read_settings(link.settings)
    except HubError as error:
        return [Finding("settings", False, error.reason)]
    match settings.mode:
        case Mode.ARI:
            return await _ari(link, hub, settings)
        case Mode.ARI_INBOUND:
            return await _inbound(link, hub, settings)
        case Mode.AMI:
            return await _ami(link, hub, settings)


async def _ari(link: Link, hub: Hub, settings: Settings) -> list[Finding]:
    asker = HttpAsker(link.http, settings.url, settings.user, settings.password)
    found, version = await _rest(asker, settings)
    if version is None:
        return found
    is_held, finding = await _held(hub)
    app = await asker.send(rest.application(settings.app))
    if is_held:
        is_served = app.status == 200
        detail = "served by this hub" if is_served else "not registered: the link is about to be opened anew"
        return [*found, finding, Finding(_name(settings), is_served, detail)]
    if app.status == 200:
        detail = f"another program serves {settings.app}: give this hub an application of its own"
        return [*found, Finding(_name(settings), False, detail)]
    found.append(await _socket(link, settings))
    detail = (
        f"nobody serves {settings.app}: the hub does not run, or is not connected yet; "
        "a dialplan with another name in Stasis() reaches nobody either"
    )
    return [*found, finding, Finding(_name(settings), False, detail)]


async def _rest(asker: HttpAsker, settings: Settings) -> tuple[list[Finding], str | None]:
    """Ask ARI who it is, and whether we may command; no version where there is no use in going on."""
    try:
        answer = await asker.send(rest.info())
    except HubError as error:
        return [Finding("address", False, error.reason)], None
    if answer.status in (401, 403):
        detail = f"ARI refuses user {settings.user} with this password: see ari.conf"
        return [Finding("address", True, settings.url), Finding("user and password", False, detail)], None
    if answer.status == 404:
        detail = (
            f"no ARI at {settings.url}: it is off in ari.conf, or http.conf has a prefix that is missing here"
        )
        return [Finding("address", False, detail)], None
    try:
        version = read_version(answer.body) if answer.is_success else ""
    except PeerDown:
        version = ""
    if not version:
        detail = f"what answers at {settings.url} is no Asterisk (status {answer.status})"
        return [Finding("address", False, detail)], None
    found = [Finding("address", True, settings.url), _version(version)]
    if not found[-1].is_ok:
        return found, None
    # Nothing is there under this name: 404 says that it might have been ended.
    ended = await asker.send(rest.hangup(f"switchhook-probe-{secrets.token_hex(4)}"))
    may_write = ended.status not in (401, 403)
    detail = "" if may_write else f"user {settings.user} may only read: set read_only = no in ari.conf"
    return [*found, Finding("user and password", may_write, detail)], version


def _version(version: str) -> Finding:
    major = version.partition(".")[0]
    if not major.isdecimal() or int(major) < OLDEST:
        return Finding("version", False, f"Asterisk {version} is too old: {OLDEST} or later is needed")
    return Finding("version", True, f"Asterisk {version}")


async def _socket(link: Link, settings: Settings) -> Finding:
    """Open a websocket under a name that nobody has, so that nobody is pushed aside."""
    url = f"{settings.url}/events?app=switchhook-probe-{secrets.token_hex(4)}"
    try:
        async with link.sockets.websocket(url, headers=basic(settings.user, settings.password)):
            return Finding("websocket", True)
    except HubError as error:
        return Finding("websocket", False, error.reason)


async def _inbound(link: Link, hub: Hub, settings: Settings) -> list[Finding]:
    is_held, finding = await _held(hub)
    found = [finding]
    if not is_held:
        uri = link.urls.get("ari", "")
        where = uri if link.public_url else f"{uri} at this hub, whose public address is not set"
        detail = f"the PBX is not connected: it has to connect to {where}, as user {settings.user}"
        found = [finding, Finding("PBX", False, detail)]
    if settings.url and settings.password:
        asker = HttpAsker(link.http, settings.url, settings.user, settings.password)
        recordings, _ = await _rest(asker, settings)
        found += [Finding(f"recordings: {one.what}", one.is_ok, one.detail) for one in recordings]
    return found


async def _held(hub: Hub) -> tuple[bool, Finding]:
    """Ask whoever holds the link whether it works."""
    try:
        await hub.ask_link(PING, {}, seconds=PING_SECONDS)
    except HubError as error:
        return False, Finding("link", False, error.reason)
    return True, Finding("link", True, "open, and Asterisk answers")


async def _ami(link: Link, hub: Hub, settings: Settings) -> list[Finding]:
    found: list[Finding] = []
    address = f"{settings.host}:{settings.port}"
    try:
        async with link.sockets.stream(settings.host, settings.port, tls=settings.is_tls) as stream:
            client = AmiClient(stream, SystemClock())
            await together(_log_in(client, settings, found), client.read())
    except Refused:
        detail = f"the manager interface refuses user {settings.user} with this password: see manager.conf"
        found += [Finding("address", True, address), Finding("user and password", False, detail)]
    except HubError as error:
        found.append(Finding("address", False, error.reason))
    if all(one.is_ok for one in found):
        _, held = await _held(hub)
        found.append(held)
    return found


async def _log_in(client: AmiClient, settings: Settings, found: list[Finding]) -> None:
    await client.login(settings.user, settings.password, events="off")
    found += [
        Finding("address", True, f"{settings.host}:{settings.port}"),
        Finding("user and password", True),
    ]
    answer = await client.ask(lambda one: actions.write_action("CoreSettings", action_id=one))
    commands = await client.ask(lambda one: actions.write_action("ListCommands", action_id=one))
    version = answer.get("AsteriskVersion")
    if version:
        found.append(_version(short_version(version)))
    needed = {**NEEDED_ACTIONS, **(DIALS if settings.context else {}), **PAUSES}
    missing = {action: right for action, right in needed.items() if not commands.raw(action)}
    rights = ", ".join(dict.fromkeys(missing.values()))
    detail = f"user {settings.user} may not {', '.join(missing)}: add {rights} to write in manager.conf"
    found.append(Finding("permissions", not missing, detail if missing else ""))


def _name(settings: Settings) -> str:
    return f"application {settings.app}"
