"""What CRMs say about callers: asked once at a time, remembered with its age."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog
from msgspec.structs import replace

from switchhook.core.directory import CallerAnswer
from switchhook.core.errors import BadMessage, HubError
from switchhook.core.number import extension_of
from switchhook.core.text import clean_name, has_control
from switchhook.flow.clock import Clock
from switchhook.flow.registry import Attached
from switchhook.store import Store
from switchhook.store.answers import CachedAnswer, keep_answer

log = structlog.get_logger(__name__)

# An answer this young is as good as asking again.
FRESH = timedelta(minutes=5)
# A stranger may be made a client while they talk: soon asked about again.
FRESH_STRANGER = timedelta(seconds=30)
# A CRM that answers too late for the phone still answers for the card and for the next call.
ASK_SECONDS = 10.0
# Numbers remembered in memory; the store remembers the rest.
REMEMBERED = 20_000
LONGEST_CARD_URL = 2000

Key = tuple[int, str]
"""Account and the digits of a number."""


class CrmAnswers:
    """Asks CRMs, and remembers in memory and in the store what they said."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._remembered: OrderedDict[Key, dict[str, CachedAnswer]] = OrderedDict()
        self._asking: dict[tuple[Key, str], asyncio.Task[CachedAnswer | None]] = {}

    def remembered(self, key: Key) -> Mapping[str, CachedAnswer] | None:
        """Give what is in memory about a number by connection; None: the store may know."""
        found = self._remembered.get(key)
        if found is not None:
            self._remembered.move_to_end(key)
        return found

    def remember(self, key: Key, answers: Sequence[CachedAnswer]) -> Mapping[str, CachedAnswer]:
        """Take what the store knew; what is in memory is newer."""
        of_number = self._remembered.setdefault(key, {})
        for answer in answers:
            of_number.setdefault(answer.connection_id, answer)
        while len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
        return of_number

    def ask(
        self, key: Key, number: str, crms: Collection[Attached]
    ) -> Sequence["asyncio.Task[CachedAnswer | None]"]:
        """Ask these CRMs at once, each only once at a time; None comes from one that could not say.

        They go on after the caller has lost patience, and what they say is remembered.
        """
        return [self._ask(key, number, crm) for crm in crms]

    async def close(self) -> None:
        """Stop asking."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    def _ask(self, key: Key, number: str, crm: Attached) -> "asyncio.Task[CachedAnswer | None]":
        task = self._asking.get((key, crm.id))
        if task is None:
            task = asyncio.create_task(self._one_answer(key, number, crm))
            self._asking[key, crm.id] = task
            task.add_done_callback(lambda _: self._asking.pop((key, crm.id), None))
        return task

    async def _one_answer(self, key: Key, number: str, crm: Attached) -> CachedAnswer | None:
        assert crm.side.who_is is not None
        try:
            async with asyncio.timeout(ASK_SECONDS):
                said = await crm.side.who_is(number, crm.link)
        except (HubError, TimeoutError) as error:
            log.info(
                "crm cannot say who is calling", connection=crm.id, reason=str(error) or "no answer in time"
            )
            return None
        except Exception:
            log.exception("connector failed to ask who is calling", connection=crm.id)
            return None
        at = self._clock.now()
        answer = CachedAnswer(connection_id=crm.id, answer=sanitised(said), asked_at=at)
        self.remember(key, ())
        self._remembered[key][crm.id] = answer
        try:
            await self._store.write(keep_answer, key[0], crm.id, key[1], answer.answer, at=at)
        except HubError as error:  # it is in memory, and worth telling
            log.warning("answer of a crm cannot be kept", connection=crm.id, reason=error.reason)
        return answer


def is_fresh(answer: CachedAnswer, now: datetime) -> bool:
    """Say whether asking again would be a waste."""
    return now - answer.asked_at <= (FRESH if answer.answer is not None else FRESH_STRANGER)


def sanitised(said: CallerAnswer | None) -> CallerAnswer | None:
    """Keep of an answer what may be shown and dialled; None when nothing is left of it.

    A CRM is as much a stranger as any peer: its name goes to a display, its responsible into a
    dialplan, its address behind a link.
    """
    if said is None:
        return None
    kept = CallerAnswer(
        name=clean_name(said.name or "") or None,
        responsible=_extension(said.responsible),
        card_url=_card_url(said.card_url),
    )
    return None if kept == CallerAnswer() else kept


def is_useful(answer: CallerAnswer | None) -> bool:
    """A link alone neither names nor routes."""
    return answer is not None and replace(answer, card_url=None) != CallerAnswer()


def _extension(text: str | None) -> str | None:
    try:
        extension = extension_of(text or "")
    except BadMessage:
        return None
    return None if extension.startswith("+") else extension


def _card_url(url: str | None) -> str | None:
    if not url or len(url) > LONGEST_CARD_URL or has_control(url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.netloc else None
