"""What the account asks of the PBX: start a call, know a user's status. Nothing here is ever repeated."""

from collections.abc import Sequence

from switchhook.connectors.retailcrm.crm.registry import active_modules, modules_of, staff_of
from switchhook.connectors.retailcrm.wire.callbacks import (
    with_query,
    write_call_request,
    write_status_notice,
)
from switchhook.connectors.retailcrm.wire.module import Module
from switchhook.core.connector import DialOrder, Finding, Hub, Link
from switchhook.core.directory import Availability
from switchhook.core.errors import ForbiddenTarget, Misconfigured, PeerDown, Unsupported
from switchhook.core.outcome import Delivered, NotSent, Outcome, TryAgain


async def dial(order: DialOrder, link: Link, hub: Hub) -> None:
    """GET makeCallUrl. Exactly 200 means that the call was started; 201 does not.

    Raises:
        Unsupported: the PBX registered no makeCallUrl, or nothing at all.
        Misconfigured: the PBX refuses our clientId, or has no such address.
        PeerDown: no answer, or any other status.
    """
    module = _module_for(order.extension, link)
    if module is None or module.make_call_url is None:
        raise Unsupported("the PBX has not registered an address to start calls (makeCallUrl)")
    staff = await staff_of(link, hub)
    query = write_call_request(
        client_id=module.client_id or "",
        code=order.extension,
        phone=order.number,
        user_id=staff.user_of(order.extension),
        external_phone=order.did,
    )
    answer = await link.http.send("GET", with_query(module.make_call_url, query))
    if answer.status in (401, 403):
        raise Misconfigured(
            f"the PBX refuses its own clientId ({answer.status}): register it again", connection=link.id
        )
    if answer.status != 200:
        raise PeerDown(f"the PBX did not start the call: expected status 200, got {answer.status}")


async def set_presence(extension: str, availability: Availability, link: Link, hub: Hub) -> Outcome:
    """GET changeUserStatusUrl; the answer's status and body mean nothing in this protocol."""
    module = _module_for(extension, link)
    if module is None or module.change_user_status_url is None:
        return NotSent("the PBX has not registered an address for statuses (changeUserStatusUrl)")
    if module.codes and module.user_of(extension) is None:
        return NotSent(f"extension {extension} is not in the PBX's map")
    staff = await staff_of(link, hub)
    query = write_status_notice(
        client_id=module.client_id or "",
        code=extension,
        user_id=staff.user_of(extension),
        availability=availability,
    )
    if query is None:
        return NotSent(f"retailCRM has no word for {availability}")
    try:
        answer = await link.http.send("GET", with_query(module.change_user_status_url, query))
    except PeerDown as error:
        return TryAgain(error.reason)
    except ForbiddenTarget as error:
        return NotSent(error.reason)
    return Delivered(status=answer.status, answer=answer.body)


def extensions(link: Link) -> Sequence[str]:
    """Give what the PBX mapped itself; none when it left the map to us."""
    return [pair.code for module in active_modules(link) for pair in module.codes]


async def probe(link: Link, hub: Hub) -> Sequence[Finding]:
    """Judge what the PBX has registered. Its addresses are not called: that would start a call."""
    is_https = link.public_url.startswith("https://")
    findings = [
        Finding(
            "the hub's address",
            is_https,
            "" if is_https else "retailCRM clients for PHP, .NET and Ruby insist on https; give --public-url",
        )
    ]
    modules = modules_of(link)
    if not modules:
        return [
            *findings,
            Finding("registration", False, "no PBX has registered yet: give it address and key"),
        ]
    user_ids = {employee.id for employee in await hub.book.employees()}
    for module in modules.values():
        strangers = [str(pair.user_id) for pair in module.codes if pair.user_id not in user_ids]
        findings += [
            Finding(
                f"module {module.code}",
                module.is_active and module.has_telephony,
                f"{len(module.codes)} extensions" if module.is_active else "switched off by the PBX",
            ),
            Finding(
                "click to call", module.make_call_url is not None, module.make_call_url or "no makeCallUrl"
            ),
            Finding(
                "status to the PBX",
                module.change_user_status_url is not None,
                module.change_user_status_url or "no changeUserStatusUrl",
            ),
            Finding(
                "the PBX's map of users",
                not strangers,
                f"not in our address book: user ids {', '.join(strangers)}" if strangers else "",
            ),
        ]
    return findings


def _module_for(extension: str, link: Link) -> Module | None:
    """Take the module that maps the extension, else one that can dial."""
    modules = active_modules(link)
    mapped = [module for module in modules if module.user_of(extension) is not None]
    able = [module for module in modules if module.make_call_url is not None]
    return next(iter((*mapped, *able, *modules)), None)
