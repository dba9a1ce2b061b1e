"""`record`: the link to a recording, sent after the call's end."""

from collections.abc import Mapping

from switchhook.connectors.planfix.wire.form import is_set, is_web_link, required, without_keys
from switchhook.core.call import CallEvent, Happening
from switchhook.core.errors import BadMessage


def parse_record(form: Mapping[str, str]) -> CallEvent:
    """Read a `record`. It names no extension: a recording belongs to the call.

    Raises:
        BadMessage: `callid` or `record_link` missing, or the link is not http(s); names it.
    """
    link = required(form, "record_link").strip()
    if not is_web_link(link):
        raise BadMessage("expected an http or https link", field="record_link")
    return CallEvent(
        call_id=required(form, "callid"),
        happening=Happening.RECORDED,
        is_recorded=True,
        recording_url=link,
        recording_is_temp=is_set(form, "is_temp"),
        as_sent=without_keys(form),
    )


def render_record(call_id: str, link: str, *, is_temp: bool = False) -> dict[str, str]:
    """Write a `record`."""
    return {"cmd": "record", "callid": call_id, "record_link": link, "is_temp": "1" if is_temp else "0"}
