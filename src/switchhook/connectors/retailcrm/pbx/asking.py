"""What the hub asks of an account: who is calling, note a status; and trying the connection."""

from collections.abc import Awaitable, Sequence

from switchhook.connectors.retailcrm.pbx.account import AccountAnswer, ask, base_url, outcome_of, tell
from switchhook.connectors.retailcrm.pbx.history import sendable
from switchhook.connectors.retailcrm.pbx.registration import read_all_users, read_module, try_key
from switchhook.connectors.retailcrm.pbx.roster import roster_of
from switchhook.connectors.retailcrm.wire.manager import read_answer, write_question
from switchhook.connectors.retailcrm.wire.people import STATUS_NAMES, read_site_codes
from switchhook.connectors.retailcrm.zone import zone_of
from switchhook.core.connector import Finding, Hub, Link
from switchhook.core.directory import Availability, CallerAnswer
from switchhook.core.errors import BadMessage, ForbiddenTarget, HubError, Misconfigured, PeerDown
from switchhook.core.outcome import Locked, NotSent, Outcome, TryAgain

MANAGER = "/api/v5/telephony/manager"
# Any number will do: only whether the method may be used is of interest.
PROBE_NUMBER = "+70000000000"


async def who_is(number: str, link: Link) -> CallerAnswer | None:
    """Ask for the responsible and the customer, whether or not the manager is free: routing decides that.

    Raises:
        PeerDown: the account cannot say.
        ForbiddenTarget, Misconfigured: its address cannot be asked.
    """
    phone = sendable(number, link)
    if phone is None:
        return None
    answer = await _manager(link, phone.removeprefix("+") if link.is_on("strip_plus") else phone)
    if not answer.is_success:
        raise PeerDown(answer.reason)
    try:
        return read_answer(answer.members)
    except BadMessage as error:
        raise PeerDown(f"the CRM's answer cannot be read: {error.field}: {error.reason}") from None


async def set_presence(extension: str, availability: Availability, link: Link, hub: Hub) -> Outcome:
    """Set the status of the extension's user."""
    roster = roster_of(link)
    user_id = roster.user_of(extension)
    if roster.off_because is not None:
        return NotSent(roster.off_because)
    if user_id is None:
        return NotSent(f"the account has no user with extension {extension}")
    if availability not in STATUS_NAMES:
        return NotSent(f"retailCRM has no word for {availability}")
    try:
        path = f"/api/v5/users/{user_id}/status"
        return outcome_of(await tell(link, path, {"status": STATUS_NAMES[availability]}))
    except PeerDown as error:
        return TryAgain(error.reason)
    except (ForbiddenTarget, Misconfigured) as error:
        return Locked(error.reason)


async def probe(link: Link, hub: Hub) -> Sequence[Finding]:
    """Try everything that calls will need; nothing is changed in the account."""
    findings = [_public_address(link)]
    try:
        zone_of(link)
        await try_key(link)
    except HubError as error:
        return [*findings, Finding("address and key", False, error.reason)]
    findings.append(Finding("address and key", True, base_url(link)))
    findings.append(await _finding("module", _module(link)))
    findings.append(await _finding("users", _users(link)))
    findings.append(await _finding("shops", _shops(link)))
    findings.append(await _finding("who is calling", _who(link)))
    return findings


async def _manager(link: Link, phone: str) -> AccountAnswer:
    return await ask(link, MANAGER, query=write_question(phone), total_seconds=3)


async def _finding(what: str, trial: Awaitable[str]) -> Finding:
    try:
        return Finding(what, True, await trial)
    except HubError as error:
        return Finding(what, False, error.reason)


def _public_address(link: Link) -> Finding:
    """Judge our address by the account's own: only an account on https cannot use a hub that is not."""
    if link.public_url.startswith("https://"):
        return Finding("the hub's address", True)
    is_plain_account = base_url(link).startswith("http://")
    detail = "recordings and click to call need an https address: give --public-url"
    return Finding("the hub's address", is_plain_account, detail)


async def _module(link: Link) -> str:
    module = await read_module(link, link.settings["code"].strip())
    if module is None:
        raise Misconfigured("not registered yet; that is done when the connection is saved")
    if not module.is_active or module.is_frozen:
        raise Misconfigured("switched off in the CRM" if not module.is_active else "frozen in the CRM")
    return f"{len(module.codes)} users with an extension"


async def _users(link: Link) -> str:
    users = await read_all_users(link)
    return f"{len(users)} users"


async def _shops(link: Link) -> str:
    answer = await ask(link, "/api/v5/reference/sites")
    if not answer.is_success:
        raise PeerDown(answer.reason)
    codes = read_site_codes(answer.members)
    site = link.settings.get("site", "")
    if site and site not in codes:
        raise Misconfigured(f"no shop has the code {site}; there are {', '.join(codes[:20])}", field="site")
    return ", ".join(codes[:20])


async def _who(link: Link) -> str:
    answer = await _manager(link, PROBE_NUMBER)
    if not answer.is_success:
        raise PeerDown(answer.reason)
    return ""
