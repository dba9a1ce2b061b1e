"""Changes of a call as the events of this protocol: `in`, `out`, `hangup`."""

from collections.abc import Sequence

from msgspec.structs import replace

from switchhook.connectors.retailcrm.pbx.roster import Roster
from switchhook.connectors.retailcrm.wire.event import HANGUP, HANGUP_STATUSES, TYPES, write_event
from switchhook.connectors.retailcrm.wire.json_text import Json
from switchhook.core.call import Call, Change, ChangeKind, Disposition, Phase

HEARD = frozenset(
    {
        ChangeKind.LEG_RINGING,
        ChangeKind.LEG_ENDED,
        ChangeKind.CALL_ENDED,
        ChangeKind.CALL_FINAL,
        ChangeKind.CORRECTED,
    }
)


def hears(change: Change) -> bool:
    """An answer has no word in this protocol; a recording goes with the record."""
    return change.kind in HEARD


def merge(changes: Sequence[Change], call: Call) -> Sequence[Change]:
    """Join what one step of a call makes true into as few events as the protocol needs.

    All phones that begin to ring are one event with every code. Phones that merely stop are one
    hang-up. When the step ends the call, that end carries all codes of the step; an end that was
    said with its leg before is not said again.
    """
    ringing = [change for change in changes if change.kind is ChangeKind.LEG_RINGING]
    ended = [change for change in changes if change.kind is ChangeKind.LEG_ENDED and _rang(change, call)]
    stopped = [change for change in ended if change.disposition is Disposition.CANCELLED]
    has_call_ended = any(change.kind is ChangeKind.CALL_ENDED for change in changes)
    merged: list[Change] = []
    for change in changes:
        match change.kind:
            case ChangeKind.LEG_RINGING:
                if change is ringing[0]:
                    merged.append(_joined(change, ringing))
            case ChangeKind.LEG_ENDED:
                is_first = change is stopped[0] if change in stopped else change in ended
                if is_first and not has_call_ended:
                    merged.append(_joined(change, stopped) if change in stopped else change)
            case ChangeKind.CALL_ENDED:
                if ended:
                    merged.append(_joined(change, ended))
                elif not change.was_said:
                    rang = tuple(leg.extension for leg in call.legs if leg.ringing_at is not None)
                    merged.append(replace(change, extensions=tuple(dict.fromkeys(rang))))
            case _:
                merged.append(change)
    return merged


def event_of(
    change: Change, call: Call, codes: tuple[str, ...], *, phone: str, site: str | None
) -> dict[str, Json]:
    """Give the `event` object for a change that this protocol can carry."""
    is_ringing = change.kind is ChangeKind.LEG_RINGING
    return write_event(
        type=TYPES[call.direction] if is_ringing else HANGUP,
        phone=phone,
        codes=codes,
        external_id=call.shared_id,
        hangup_status=None if is_ringing else hangup_status(change, call),
        external_phone=call.did,
        site=site,
        custom=call.custom if is_ringing else None,
    )


def hangup_status(change: Change, call: Call) -> str | None:
    """A phone that stops while the call goes on has no status: it only closes its card."""
    if change.kind is ChangeKind.CALL_ENDED:
        return HANGUP_STATUSES.get(call.disposition or Disposition.UNKNOWN)
    disposition = change.disposition or Disposition.UNKNOWN
    if call.phase is Phase.OPEN and disposition is not Disposition.ANSWERED:
        return None
    return HANGUP_STATUSES.get(disposition)


def nobody_because(change: Change, roster: Roster) -> str:
    named = ", ".join(extension for extension in change.extensions if extension)
    if not named:
        return "no extension is known yet, and a card needs one"
    return f"the account does not know extension {named}: set it in the settings of the module"


def _rang(change: Change, call: Call) -> bool:
    """A call that was only reported afterwards has opened no card that could be closed."""
    leg = next(
        (leg for leg in call.legs if (leg.extension, leg.attempt) == (change.extension, change.attempt)), None
    )
    return leg is None or leg.ringing_at is not None


def _joined(change: Change, others: Sequence[Change]) -> Change:
    extensions = dict.fromkeys(extension for other in others for extension in other.extensions)
    return replace(change, extensions=tuple(extensions))
