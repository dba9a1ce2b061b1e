"""What is left of a call after it went through a protocol: what the vendor has no word for degrades, once."""

from dataclasses import dataclass

from switchhook.core.call import Call, CallReport, Direction, Disposition
from switchhook.core.number import read_number
from tests.loopback.evening import Evening

# From docs/connectors: the nearest true word. What is not listed arrives as it is.
LOSSES = {
    ("planfix", Direction.INBOUND): {
        Disposition.BUSY: Disposition.MISSED,
        Disposition.ABANDONED: Disposition.MISSED,
        Disposition.FAILED: Disposition.MISSED,
    },
    ("planfix", Direction.OUTBOUND): {Disposition.FAILED: Disposition.NO_ANSWER},
    ("voipcloud", Direction.INBOUND): {
        Disposition.BUSY: Disposition.MISSED,
        Disposition.ABANDONED: Disposition.MISSED,
        Disposition.FAILED: Disposition.MISSED,
    },
    ("voipcloud", Direction.OUTBOUND): {
        Disposition.BUSY: Disposition.NO_ANSWER,
        Disposition.UNREACHABLE: Disposition.NO_ANSWER,
        Disposition.FORBIDDEN: Disposition.NO_ANSWER,
        Disposition.FAILED: Disposition.NO_ANSWER,
    },
    ("retailcrm", Direction.INBOUND): {},
    ("retailcrm", Direction.OUTBOUND): {Disposition.UNREACHABLE: Disposition.FAILED},
}
# An upload's result is narrower than an event's hangupStatus: both are "no answer" there.
UPLOAD_LOSSES = {Direction.INBOUND: {Disposition.ABANDONED: Disposition.MISSED}, Direction.OUTBOUND: {}}


@dataclass(frozen=True, kw_only=True)
class Record:
    """A call as a history shows it."""

    number: str | None
    direction: Direction
    disposition: Disposition | None
    extension: str | None
    talk_seconds: int | None
    did: str | None
    custom: dict[str, str]


def played(call: Call, *, pbx: str, crm: str) -> Record:
    """Say what a CRM may expect to have in its history of a call that a PBX played."""
    assert call.disposition is not None
    disposition = LOSSES[pbx, call.direction].get(call.disposition, call.disposition)
    disposition = LOSSES[crm, call.direction].get(disposition, disposition)
    if crm == "retailcrm":
        disposition = UPLOAD_LOSSES[call.direction].get(disposition, disposition)
    carries_custom = "voipcloud" not in (pbx, crm)
    return _record(call, disposition, custom=call.custom if carries_custom else {})


def heard(evening: Evening, crm: str, call: Call) -> Record:
    """Give what a CRM has in its history of a call that was played.

    retailCRM takes the upload; the others make it of the events.
    """
    if crm != "retailcrm":
        has = evening.call_at(crm, call)
        return _record(has, has.disposition, custom=has.custom)
    (row,) = [news for news in evening.news_at(crm, call) if isinstance(news, CallReport)]
    return _record(row, row.disposition, custom=row.custom)


def _record(call: Call | CallReport, disposition: Disposition | None, *, custom: dict[str, str]) -> Record:
    return Record(
        number=read_number(call.number).e164,
        direction=call.direction,
        disposition=disposition,
        extension=call.extension,
        talk_seconds=call.talk_seconds,
        did=read_number(call.did or "").e164,
        custom=custom,
    )
