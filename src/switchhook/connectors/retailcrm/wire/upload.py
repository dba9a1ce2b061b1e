"""`telephony/calls/upload`: finished calls, 1 to 50 at once, told apart by `externalId`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo

from msgspec import Struct

from switchhook.connectors.retailcrm.wire.answers import NOT_A_CHOICE, BadRows, Missing
from switchhook.connectors.retailcrm.wire.campaign import read_source, write_source
from switchhook.connectors.retailcrm.wire.dates import read_date, write_date
from switchhook.connectors.retailcrm.wire.event import DIRECTIONS, as_sent, unanswered
from switchhook.connectors.retailcrm.wire.fields import (
    LONGEST_CODE,
    Object,
    integer_of,
    phone_of,
    required_of,
    text_of,
    url_of,
)
from switchhook.connectors.retailcrm.wire.json_text import Json, present
from switchhook.core.call import CallReport, Disposition
from switchhook.core.errors import BadMessage

MAX_CALLS = 50
LONGEST_CALL_SECONDS = 7 * 24 * 3600

# `no answer` depends on who called: see `unanswered`.
RESULTS: Mapping[str, Disposition | None] = {
    "answered": Disposition.ANSWERED,
    "busy": Disposition.BUSY,
    "failed": Disposition.FAILED,
    "no answer": None,
    "not allowed": Disposition.FORBIDDEN,
    "unknown": Disposition.UNKNOWN,
}
RESULT_NAMES = {
    Disposition.ANSWERED: "answered",
    Disposition.MISSED: "no answer",
    Disposition.NO_ANSWER: "no answer",
    Disposition.ABANDONED: "no answer",
    Disposition.CANCELLED: "no answer",
    Disposition.BUSY: "busy",
    Disposition.UNREACHABLE: "failed",
    Disposition.FAILED: "failed",
    Disposition.FORBIDDEN: "not allowed",
    Disposition.UNKNOWN: "unknown",
}


def read_calls(
    given: Json, zone: tzinfo, *, extension_of: Callable[[int], str | None], site: str | None = None
) -> list[CallReport]:
    """Read the value of the `calls` parameter: all rows or none, so that a repaired batch can be repeated.

    `site` is the one beside it, for clients that write it there.

    Raises:
        Missing: no `calls`.
        BadMessage: not an array of 1 to 50.
        BadRows: rows that cannot be read, by index.
    """
    if given is None:
        raise Missing("calls")
    if not isinstance(given, list):
        raise BadMessage("expected an array of calls", field="calls")
    if not 1 <= len(given) <= MAX_CALLS:
        raise BadMessage(f"expected 1 to {MAX_CALLS} calls, got {len(given)}", field="calls")
    taken: list[CallReport] = []
    wrong: dict[int, str] = {}
    for index, row in enumerate(given):
        try:
            taken.append(_read_call(row, zone, extension_of, site))
        except Missing as error:
            wrong[index] = error.reason
        except BadMessage as error:
            wrong[index] = f"{error.field}: {error.reason}"
    if wrong:
        raise BadRows(wrong)
    return taken


def _read_call(
    row: Json, zone: tzinfo, extension_of: Callable[[int], str | None], site: str | None
) -> CallReport:
    if not isinstance(row, dict):
        raise BadMessage("expected an object", field="calls")
    kind = required_of(row, "type", within="calls")
    result = required_of(row, "result", within="calls")
    if kind not in DIRECTIONS:
        raise BadMessage(NOT_A_CHOICE, field="type")
    if result not in RESULTS:
        raise BadMessage(NOT_A_CHOICE, field="result")
    phone = phone_of(row, "phone")
    if row.get("phone") is None:
        raise Missing("phone", within="calls")
    direction = DIRECTIONS[kind]
    user_id = integer_of(row, "userId")
    code = text_of(row, "code", longest=LONGEST_CODE)
    return CallReport(
        call_id=required_of(row, "externalId", within="calls"),
        direction=direction,
        number=phone or "",
        started_at=read_date(required_of(row, "date", within="calls"), zone, field="date"),
        disposition=RESULTS[result] or unanswered(direction),
        disposition_as_sent=result,
        extension=code or (extension_of(user_id) if user_id is not None else None),
        did=phone_of(row, "externalPhone"),
        site=text_of(row, "site") or site,
        talk_seconds=integer_of(row, "duration", most=LONGEST_CALL_SECONDS),
        ring_seconds=integer_of(row, "durationWaiting", most=LONGEST_CALL_SECONDS),
        recording_url=url_of(row, "recordUrl"),
        custom=read_source(row),
        # Events of older integrations carry no id, or not this one (api-client-php, pull request 88).
        may_match_loosely=True,
        as_sent=as_sent(row),
    )


def write_call(
    *,
    date: datetime,
    zone: tzinfo,
    type: str,
    phone: str,
    result: str,
    external_id: str,
    code: str | None = None,
    user_id: int | None = None,
    duration: int | None = None,
    duration_waiting: int | None = None,
    record_url: str | None = None,
    external_phone: str | None = None,
    site: str | None = None,
    custom: Mapping[str, str] | None = None,
) -> dict[str, Json]:
    """Give one row for the `calls` parameter; what is None is left out."""
    members: dict[str, Json] = {
        "date": write_date(date, zone),
        "type": type,
        "phone": phone,
        "code": code,
        "userId": user_id,
        "result": result,
        "duration": duration,
        "durationWaiting": duration_waiting,
        "externalId": external_id,
        "recordUrl": record_url,
        "externalPhone": external_phone,
        "site": site,
    }
    return present(members) | write_source(custom or {})


class UploadAnswer(Struct, frozen=True, kw_only=True):
    processed: int
    duplicates: tuple[str, ...] = ()


def write_answer(answer: UploadAnswer) -> dict[str, Json]:
    members: dict[str, Json] = {"processedCallsCount": answer.processed}
    if answer.duplicates:
        members["duplicateCalls"] = list(answer.duplicates)
    return members


def duplicates_in(answer: Object) -> frozenset[str]:
    """Read which ids the account had already; numbers count as their digits."""
    listed = answer.get("duplicateCalls")
    return frozenset(str(each) for each in listed) if isinstance(listed, list) else frozenset()


def without_repeats(
    reports: Sequence[CallReport], is_known: Callable[[str], bool]
) -> tuple[list[CallReport], list[str]]:
    """Part new calls from those taken before, in this batch or an earlier one."""
    fresh: dict[str, CallReport] = {}
    repeated: list[str] = []
    for report in reports:
        if report.call_id in fresh or is_known(report.call_id):
            repeated.append(report.call_id)
        else:
            fresh[report.call_id] = report
    return list(fresh.values()), list(dict.fromkeys(repeated))
