"""What the pages show of a call, as plain values. Pure: no templates, no store, no words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import phonenumbers
from msgspec import Struct, field

from switchhook.core.call import Call, Direction, Disposition, LegState, Phase, Recording
from switchhook.core.number import read_number

# What makes a row red: somebody may have to call back, or the call did not come about.
BAD = frozenset(Disposition) - {Disposition.ANSWERED, Disposition.UNKNOWN}


class Names(Struct, frozen=True, kw_only=True):
    """The names of an account's things, so that no page shows a bare id."""

    employees: Mapping[str, str] = field(default_factory=dict)  # by extension
    lines: Mapping[str, str] = field(default_factory=dict)  # by number, as written and in E.164
    connections: Mapping[str, str] = field(default_factory=dict)  # by id
    contacts: Mapping[str, str] = field(default_factory=dict)  # by number as the call has it
    region: str = "RU"

    def line(self, did: str | None) -> str:
        """Give the name of one of our numbers, or the number as people read it."""
        if not did:
            return ""
        named = self.lines.get(did) or self.lines.get(read_number(did, self.region).e164 or "")
        return named or shown_number(did, self.region)

    def contact(self, call: Call) -> str:
        return call.contact_name or self.contacts.get(call.number, "")


class Person(Struct, frozen=True, kw_only=True):
    """An employee, or an extension that nobody is known by."""

    extension: str
    name: str = ""


class Phone(Struct, frozen=True, kw_only=True):
    """One extension on a card, in the state of its newest attempt."""

    extension: str
    name: str
    state: LegState


class Card(Struct, frozen=True, kw_only=True):
    """A call that goes on."""

    id: str
    direction: str
    name: str
    number: str  # as people read it; "" when withheld
    line: str
    phones: tuple[Phone, ...]
    is_talking: bool
    since_ms: int  # the timer counts from here


class Sound(Struct, frozen=True, kw_only=True):
    """One recording: ours to play, or a link to the peer, or still on its way (no `href`)."""

    href: str
    is_ours: bool


class Chip(Struct, frozen=True, kw_only=True):
    """How far one connection got to know of a call."""

    connection: str
    state: str
    reason: str = ""


class Row(Struct, frozen=True, kw_only=True):
    """A call of the history."""

    id: str
    direction: str
    name: str
    number: str
    line: str
    people: tuple[Person, ...]
    result: str
    is_bad: bool
    started_at: datetime
    ring_seconds: int | None
    talk_seconds: int | None
    sounds: tuple[Sound, ...]
    is_sound_expected: bool
    chips: tuple[Chip, ...] = ()


def card_of(call: Call, names: Names) -> Card:
    """Show a call that goes on."""
    newest = {leg.extension: leg for leg in call.legs}
    # A phone that stopped ringing is not worth a look while others still do.
    phones = tuple(
        Phone(extension=leg.extension, name=names.employees.get(leg.extension, ""), state=leg.state)
        for leg in newest.values()
        if leg.is_open
    )
    answered = [leg.answered_at for leg in newest.values() if leg.state is LegState.TALKING]
    is_talking = bool(answered)
    since = min((at for at in answered if at), default=call.answered_at) if is_talking else None
    return Card(
        id=call.id,
        direction=direction_word(call.direction),
        name=names.contact(call),
        number=shown_number(call.number, names.region),
        line=names.line(call.did),
        phones=phones,
        is_talking=is_talking,
        since_ms=int((since or call.started_at).timestamp() * 1000),
    )


def row_of(call: Call, names: Names, chips: Sequence[Chip] = ()) -> Row:
    """Show a call of the history."""
    sounds = tuple(sound_of(call, index, sound) for index, sound in enumerate(call.recordings))
    result = call.disposition or likely_result(call)
    # docs/connectors/planfix.md, decision 18: some PBXs promise a recording of every call, answered or not.
    is_expected = call.is_recorded and not sounds and result is Disposition.ANSWERED
    return Row(
        id=call.id,
        direction=direction_word(call.direction),
        name=names.contact(call),
        number=shown_number(call.number, names.region),
        line=names.line(call.did),
        people=people(call, names),
        result=result.value if result else "in_progress",
        is_bad=result in BAD,
        started_at=call.started_at,
        ring_seconds=call.ring_seconds,
        talk_seconds=call.talk_seconds or sum(leg.talk_seconds or 0 for leg in call.legs) or None,
        sounds=sounds,
        is_sound_expected=is_expected,
        chips=tuple(chips),
    )


def likely_result(call: Call) -> Disposition | None:
    """Say what the outcome will be unless more is heard: nobody waits for a clock to know it."""
    if any(leg.has_talked for leg in call.legs):
        return Disposition.ANSWERED
    ended = [leg.disposition for leg in call.legs if leg.disposition is not None]
    return ended[-1] if ended else None


def people(call: Call, names: Names) -> tuple[Person, ...]:
    """Give who had to do with the call: who talked, else everyone whose phone rang."""
    talked = tuple(dict.fromkeys(leg.extension for leg in call.legs if leg.has_talked and leg.extension))
    extensions = talked or call.rung or ((call.extension,) if call.extension else ())
    return tuple(Person(extension=one, name=names.employees.get(one, "")) for one in extensions)


def person(extension: str, names: Names) -> str:
    """Write an employee in one line."""
    name = names.employees.get(extension)
    return f"{name} · {extension}" if name else extension


def sound_of(call: Call, index: int, recording: Recording) -> Sound:
    if recording.is_kept:
        return Sound(href=call.recording_path(index), is_ours=True)
    # Only what a browser may open by a click: the link comes from the peer.
    is_link = recording.is_ready and recording.url.startswith(("https://", "http://"))
    return Sound(href=recording.url if is_link else "", is_ours=False)


def direction_word(direction: Direction) -> str:
    return "direction_unknown" if direction is Direction.UNKNOWN else direction.value


def is_live(call: Call) -> bool:
    """Tell whether a call belongs on the board: somebody rings or talks."""
    return call.phase is Phase.OPEN and any(leg.is_open for leg in call.legs)


@lru_cache(maxsize=8192)
def shown_number(raw: str, region: str) -> str:
    """Write a number the way people read it; what cannot be read stays as sent, a withheld one is empty."""
    number = read_number(raw, region)
    if number.is_withheld:
        return ""
    if number.e164 is None:
        return raw
    parsed = phonenumbers.parse(number.e164)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def clock(seconds: int | None) -> str:
    """Write a length as people do: 0:07, 12:30, 1:02:03. Nothing for an unknown one."""
    if seconds is None:
        return ""
    minutes, rest = divmod(max(seconds, 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
