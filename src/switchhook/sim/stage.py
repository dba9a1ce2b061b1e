"""One played side with everything its connector asks for: a link, a hub, an address book, a way out."""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from switchhook.core.call import Call, News
from switchhook.core.connector import Book, Link, Side
from switchhook.core.directory import Availability, Caller
from switchhook.core.errors import NotFound, Unsupported
from switchhook.core.outcome import Outcome
from switchhook.flow.clock import Clock
from switchhook.sim.book import PlayedBook
from switchhook.sim.ledger import Ledger, Listener

# Takes an extension, a number and a line; gives the id of the order.
OnDial = Callable[[str, str, str | None], Awaitable[str]]
OnNews = Callable[[Sequence[News]], Awaitable[None]]


async def nobody_dials(extension: str, number: str, did: str | None) -> str:
    raise NotFound(f"no extension {extension} here")


@dataclass(frozen=True, kw_only=True)
class Question:
    """Somebody asked who is calling."""

    number: str
    call_id: str | None
    caller: Caller


@dataclass(kw_only=True)
class PlayedHub:
    """A `Hub` without a store: what is heard is folded and remembered, nothing is passed on."""

    link: Link
    clock: Clock
    people: PlayedBook
    listener: Listener
    on_dial: OnDial = nobody_dials
    questions: list[Question] = field(default_factory=list)
    presences: list[tuple[str, Availability]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.clock, self.link.id, self.listener)

    async def accept(self, news: Sequence[News]) -> None:
        for one in news:
            self.ledger.take(one)

    async def history(self, call_ids: Sequence[str]) -> Mapping[str, Call]:
        calls = self.ledger.calls
        return {call_id: calls[call_id] for call_id in call_ids if call_id in calls}

    async def who_is(self, number: str, *, call_id: str | None = None, did: str | None = None) -> Caller:
        contact = self.people.find(number)
        staff = {one.extension: one for one in self.people.staff}
        caller = Caller(number=number)
        if contact is not None:
            caller = Caller(
                number=number,
                name=contact.name,
                responsible=contact.responsible,
                contact=contact,
                employee=staff.get(contact.responsible or ""),
            )
        self.questions.append(Question(number=number, call_id=call_id, caller=caller))
        return caller

    async def dial(self, extension: str, number: str, *, did: str | None = None) -> str:
        return await self.on_dial(extension, number, did)

    async def set_presence(self, extension: str, availability: Availability) -> None:
        self.presences.append((extension, availability))

    async def ask_link(self, verb: str, body: Mapping[str, Any], *, seconds: float = 10) -> None:
        raise Unsupported("nothing played holds an open link")

    async def pair(
        self, *, settings: Mapping[str, str] | None = None, state: Mapping[str, Any] | None = None
    ) -> Link:
        self.link = dataclasses.replace(
            self.link,
            settings={**self.link.settings, **(settings or {})},
            state={**self.link.state, **(state or {})},
        )
        return self.link

    @property
    def book(self) -> Book:
        return self.people


async def tell_status(side: Side, hub: PlayedHub, extension: str, availability: Availability) -> Outcome:
    """Tell the peer that an employee's status changed."""
    if side.set_presence is None:
        raise Unsupported("this protocol has no words for an employee's status")
    return await side.set_presence(extension, availability, hub.link, hub)
