"""Registering at an account and keeping the map of users and extensions the same on both sides."""

from collections.abc import Mapping, Sequence

from switchhook.connectors.retailcrm.pbx.account import ask, required, tell
from switchhook.connectors.retailcrm.pbx.roster import Roster, roster_of, to_state
from switchhook.connectors.retailcrm.wire.answers import NO_METHOD, NOT_FOUND
from switchhook.connectors.retailcrm.wire.callbacks import Activity
from switchhook.connectors.retailcrm.wire.fields import as_object
from switchhook.connectors.retailcrm.wire.json_text import write_json
from switchhook.connectors.retailcrm.wire.module import (
    Module,
    SitePhone,
    UserCode,
    read_stored_module,
    write_module,
)
from switchhook.connectors.retailcrm.wire.people import User, read_page_count, read_users
from switchhook.core.connector import Hub, Link
from switchhook.core.directory import Employee, Line
from switchhook.core.errors import Misconfigured

PAGE = 100
MAX_PAGES = 50


async def pair(link: Link, hub: Hub) -> None:
    """Try the key, read the module, register what differs, read it again and compare; then learn people.

    Repeated often: users may edit extensions in the CRM, and what they edit counts.

    Raises:
        Misconfigured, Refused, PeerDown: what was wrong; it is tried again.
    """
    code = _required_settings(link)
    await try_key(link)
    old = await read_module(link, code)
    users = [user for user in await read_all_users(link) if user.is_active]
    employees, lines = await hub.book.employees(), await hub.book.lines()
    before = roster_of(link)
    if old is None and before.is_registered and before.off_because is not None:
        raise Misconfigured(
            f"module {code} was removed in the CRM; to register again remove this connection and add it anew",
            connection=link.id,
            field="code",
        )
    matched = match_users(users, employees, link.settings.get("extension_map", ""))
    wanted = wanted_module(link, code, old, matched, lines, offered=before.offered)
    stored: Module | None = old
    # The answer to the read hides clientId, so a new one is known only by our own memory.
    if old is None or differs(wanted, old) or link.state.get("client_id") != wanted.client_id:
        form = {"integrationModule": write_json(write_module(wanted, ids_as_text=False))}
        required(await tell(link, f"/api/v5/integration-modules/{code}/edit", form))
        stored = await read_module(link, code)
    # The account took the registration; what it kept of it may still differ, and is told below.
    kept = stored if stored is not None else wanted
    left_out = [user for user in matched if user not in kept.codes]
    roster = Roster(
        is_registered=True,
        activity=Activity(is_active=kept.is_active, is_frozen=kept.is_frozen),
        codes=kept.codes,
        users=tuple(left_out),
        offered=tuple(dict.fromkeys((*before.offered, *matched))),
    )
    state = {**to_state(roster), "client_id": wanted.client_id}
    if any(link.state.get(name) != value for name, value in state.items()):
        await hub.pair(state=state)
    if stored is None or differs(wanted, stored):
        raise Misconfigured(
            f"the CRM did not keep the settings of module {code}: {_difference(wanted, stored)}",
            connection=link.id,
            field="code",
        )
    await hub.book.learn_employees(learned(users, stored.codes))


async def try_key(link: Link) -> None:
    """Ask for the key's rights; an account too old to have the method is no error.

    Raises:
        Misconfigured, Refused, PeerDown.
    """
    answer = await ask(link, "/api/credentials")
    if answer.status == 404 and answer.error_text == NO_METHOD:
        return
    required(answer)


async def read_module(link: Link, code: str) -> Module | None:
    """Read the module as the account has it; None when it has none. Raises as `required`."""
    answer = await ask(link, f"/api/v5/integration-modules/{code}")
    if answer.status == 404 and answer.error_text in (NOT_FOUND, ""):
        return None
    members = required(answer)
    return read_stored_module(as_object(members.get("integrationModule"), field="integrationModule"), code)


async def read_all_users(link: Link) -> list[User]:
    users: list[User] = []
    for page in range(1, MAX_PAGES + 1):
        members = required(await ask(link, "/api/v5/users", query={"limit": str(PAGE), "page": str(page)}))
        users += read_users(members)
        if page >= read_page_count(members):
            break
    return users


def match_users(users: Sequence[User], employees: Sequence[Employee], typed: str) -> list[UserCode]:
    """Pair users with extensions: as the administrator typed it, else by e-mail or login.

    Never by name: two people may share one, and a card at the wrong desk is worse than none.
    """
    pairs = _typed_map(typed)
    taken = {pair.user_id for pair in pairs} | {pair.code for pair in pairs}
    by_email = {user.email.casefold(): user for user in users if user.email}
    for employee in employees:
        names = (employee.email or "", employee.login or "")
        user = next(
            (by_email[name.casefold()] for name in names if name and name.casefold() in by_email), None
        )
        if user is not None and user.id not in taken and employee.extension not in taken:
            pairs.append(UserCode(user_id=user.id, code=employee.extension))
            taken |= {user.id, employee.extension}
    return pairs


def wanted_module(
    link: Link,
    code: str,
    old: Module | None,
    matched: Sequence[UserCode],
    lines: Sequence[Line],
    *,
    offered: Sequence[UserCode],
) -> Module:
    """Say what the account should hold: our addresses and switches, the map as both sides know it.

    The map in the account counts first, since users may edit it there; what they removed after we
    proposed it stays removed, unless only we may edit.
    """
    allow_edit = link.is_on("allow_edit")
    kept = old.codes if old is not None else ()
    phones = old.phones if old is not None else ()
    codes = list(kept)
    for pair in matched:
        is_taken = any(pair.user_id == each.user_id or pair.code == each.code for each in codes)
        was_removed = allow_edit and old is not None and pair in offered
        if not is_taken and not was_removed:
            codes.append(pair)
    for line in lines:
        site = line.site or link.settings.get("site", "")
        if site and all(phone.phone != line.number for phone in phones):
            phones = (*phones, SitePhone(site=site, phone=line.number))
    return Module(
        code=code,
        integration_code=code,
        # A module that was switched off in the CRM stays so: registering again must not undo it.
        is_active=old.is_active if old is not None else True,
        is_frozen=old.is_frozen if old is not None else False,
        name=link.settings.get("name") or "Switchhook",
        logo=link.urls["logo"],
        client_id=link.keys["client_id"],
        base_url=link.urls["activity"].removesuffix("/activity"),
        account_url=link.urls["account"],
        actions={"activity": "/activity"},
        has_telephony=True,
        make_call_url=link.urls["make_call"],
        change_user_status_url=link.urls["change_user_status"],
        allow_edit=allow_edit,
        has_in_events=True,
        has_out_events=True,
        has_hangup_events=True,
        codes=tuple(codes),
        phones=phones,
    )


# What has to be in the account for calls to work. Names and pictures may be edited there freely.
COMPARED = ("make_call_url", "change_user_status_url", "allow_edit", "codes")


def differs(wanted: Module, stored: Module) -> bool:
    return bool(_difference(wanted, stored))


def _difference(wanted: Module, stored: Module | None) -> str:
    if stored is None:
        return "it is not there"
    return ", ".join(name for name in COMPARED if _comparable(wanted, name) != _comparable(stored, name))


def _comparable(module: Module, name: str) -> object:
    value = getattr(module, name)
    return frozenset(value) if isinstance(value, tuple) else value


def learned(users: Sequence[User], codes: Sequence[UserCode]) -> list[Employee]:
    """Give the account's users who have an extension, as people of our address book."""
    by_id: Mapping[int, User] = {user.id: user for user in users}
    return [
        Employee(id=0, name=by_id[pair.user_id].name, extension=pair.code, email=by_id[pair.user_id].email)
        for pair in codes
        if pair.user_id in by_id
    ]


def _typed_map(typed: str) -> list[UserCode]:
    """Read `17=204, 18=205`.

    Raises:
        Misconfigured: it is written otherwise.
    """
    pairs: list[UserCode] = []
    for each in typed.replace(";", ",").split(","):
        if not each.strip():
            continue
        user_id, equals, code = (part.strip() for part in each.partition("="))
        if not (user_id.isdecimal() and equals and code):
            raise Misconfigured(
                f"expected user id = extension, got {each.strip()[:40]!r}", field="extension_map"
            )
        pairs.append(UserCode(user_id=int(user_id), code=code))
    return pairs


def _required_settings(link: Link) -> str:
    for name in ("url", "api_key", "code"):
        if not link.settings.get(name, "").strip():
            raise Misconfigured(f"expected a value for {name}", connection=link.id, field=name)
    return link.settings["code"].strip()
