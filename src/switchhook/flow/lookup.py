"""Who is calling: our own address book, then every CRM at once, under a deadline that always holds."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from msgspec import Struct
from msgspec.structs import replace

from switchhook.core.connector import Role
from switchhook.core.directory import Caller
from switchhook.core.errors import HubError
from switchhook.core.number import Number, international_digits, read_number
from switchhook.flow.clock import Clock, SystemClock
from switchhook.flow.crm_answers import CrmAnswers, is_fresh, is_useful
from switchhook.flow.registry import Attached, Registry
from switchhook.store import Store
from switchhook.store.answers import CachedAnswer, answers_about
from switchhook.store.callers import Known, know_caller
from switchhook.store.employees import find_employee

log = structlog.get_logger(__name__)

DEADLINE_SECONDS = 0.7
SHORTEST_DEADLINE_SECONDS, LONGEST_DEADLINE_SECONDS = 0.1, 3.0

DIRECTORY = "directory"
NOBODY = Known()


class Question(Struct, frozen=True, kw_only=True):
    """Who asked about which number, and during which call of theirs."""

    account_id: int
    number: str
    asker: str | None = None  # id of a connection
    call_id: str | None = None  # the peer's


Listener = Callable[[Question, Caller], Awaitable[None]]
"""Told the name once it is known, in time or later; for the open card of the call."""


class Lookup:
    """One for the process."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        on_named: Listener | None = None,
        clock: Clock | None = None,
        region: str = "RU",
    ) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock or SystemClock()
        self._deadline_seconds = min(
            max(deadline_seconds, SHORTEST_DEADLINE_SECONDS), LONGEST_DEADLINE_SECONDS
        )
        self._on_named = on_named
        self._region = region
        self._answers = CrmAnswers(store, self._clock)
        self._telling: set[asyncio.Task[None]] = set()

    async def who_is(
        self, account_id: int, number: str, *, asker: str | None = None, call_id: str | None = None
    ) -> Caller:
        """Say who is calling, within the deadline and without ever raising for a silent CRM or store.

        `asker` is the connection that asks and is not asked itself. The address book comes first, and
        alone when it names the responsible; CRMs fill what it leaves open. With every CRM silent their
        last answers are used, however old.
        """
        ends_at = asyncio.get_running_loop().time() + self._deadline_seconds
        question = Question(account_id=account_id, number=number, asker=asker, call_id=call_id)
        read = read_number(number, self._region)
        if read.is_withheld:
            return Caller(number=number)
        known = await self._known(question, ends_at)
        caller = _of_directory(number, known)
        if caller.responsible is None and read.e164 is not None:
            caller = await self._ask_crms(question, read, caller, ends_at)
        self._tell(question, caller)
        return caller

    async def close(self) -> None:
        """Stop asking and telling."""
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)
        await self._answers.close()

    async def _known(self, question: Question, ends_at: float) -> Known:
        try:
            async with asyncio.timeout_at(ends_at):
                return await self._store.glance(
                    know_caller, question.account_id, question.number, region=self._region
                )
        except (HubError, TimeoutError) as error:
            log.warning("address book cannot be asked", reason=str(error) or "no answer in time")
            return NOBODY

    async def _ask_crms(self, question: Question, read: Number, caller: Caller, ends_at: float) -> Caller:
        crms = [
            crm
            for crm in self._registry.active(question.account_id, Role.CRM)
            if crm.side.who_is is not None and crm.id != question.asker
        ]
        if not crms:
            return caller
        key = question.account_id, international_digits(read)
        now = self._clock.now()
        before = await self._before(key, ends_at)
        fresh = {crm.id: before[crm.id] for crm in crms if crm.id in before and is_fresh(before[crm.id], now)}
        useful = _first_useful(crms, fresh)
        if useful is None:
            asked = [crm for crm in crms if crm.id not in fresh]
            tasks = self._answers.ask(key, question.number, asked)
            useful = await _wait_for_useful(tasks, ends_at)
            if useful is None:
                self._tell_later(question, caller, [task for task in tasks if not task.done()])
                # Who has answered now has nothing: only the silent are taken at their old word.
                silent = [crm for crm, task in zip(asked, tasks, strict=True) if _is_silent(task)]
                useful = _first_useful(silent, before)
        return await self._with_answer(question.account_id, caller, useful, ends_at)

    async def _before(self, key: tuple[int, str], ends_at: float) -> Mapping[str, CachedAnswer]:
        """Give what CRMs said earlier, from memory or from the store."""
        remembered = self._answers.remembered(key)
        if remembered is not None:
            return dict(remembered)
        try:
            async with asyncio.timeout_at(ends_at):
                stored = await self._store.glance(answers_about, *key)
        except (HubError, TimeoutError):
            return {}
        return dict(self._answers.remember(key, stored))

    async def _with_answer(
        self, account_id: int, caller: Caller, cached: CachedAnswer | None, ends_at: float
    ) -> Caller:
        """Fill what the address book leaves open."""
        if cached is None or cached.answer is None:
            return caller
        answer = cached.answer
        responsible = caller.responsible or answer.responsible
        employee = caller.employee
        if employee is None and responsible is not None:
            try:
                async with asyncio.timeout_at(ends_at + SHORTEST_DEADLINE_SECONDS):
                    employee = await self._store.glance(find_employee, account_id, responsible)
            except (HubError, TimeoutError):
                employee = None
        return replace(
            caller,
            name=caller.name or answer.name,
            responsible=responsible,
            employee=employee,
            card_url=answer.card_url,
            source=caller.source or cached.connection_id,
            asked_at=cached.asked_at,
        )

    def _tell_later(
        self, question: Question, caller: Caller, tasks: Sequence["asyncio.Task[CachedAnswer | None]"]
    ) -> None:
        if tasks and self._on_named is not None and question.call_id:
            self._start(self._tell_when_answered(question, caller, tasks))

    async def _tell_when_answered(
        self, question: Question, caller: Caller, tasks: Sequence["asyncio.Task[CachedAnswer | None]"]
    ) -> None:
        useful = await _wait_for_useful(tasks, None)
        if useful is not None:
            ends_at = asyncio.get_running_loop().time() + self._deadline_seconds
            late = await self._with_answer(question.account_id, caller, useful, ends_at)
            await self._tell_now(question, late)

    def _tell(self, question: Question, caller: Caller) -> None:
        if self._on_named is not None and question.call_id and caller.name:
            self._start(self._tell_now(question, caller))

    async def _tell_now(self, question: Question, caller: Caller) -> None:
        assert self._on_named is not None
        try:
            await self._on_named(question, caller)
        except HubError as error:
            log.warning("name of a caller cannot be noted", reason=error.reason)

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)


def _of_directory(number: str, known: Known) -> Caller:
    if known.contact is None:
        name = known.colleague.name if known.colleague else None
        return Caller(number=number, name=name, source=DIRECTORY if name else None)
    return Caller(
        number=number,
        name=known.contact.name or None,
        responsible=known.contact.responsible,
        contact=known.contact,
        employee=known.responsible,
        source=DIRECTORY,
    )


def _first_useful(crms: Sequence[Attached], answers: Mapping[str, CachedAnswer]) -> CachedAnswer | None:
    found = (answers.get(crm.id) for crm in crms)
    return next((answer for answer in found if answer is not None and is_useful(answer.answer)), None)


async def _wait_for_useful(
    tasks: Sequence["asyncio.Task[CachedAnswer | None]"], ends_at: float | None
) -> CachedAnswer | None:
    """Give the first useful answer; the others go on. None: there was none by then."""
    loop = asyncio.get_running_loop()
    waiting = set(tasks)
    while waiting:
        seconds = None if ends_at is None else max(ends_at - loop.time(), 0)
        done, waiting = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            return None
        answers = [task.result() for task in done if not task.cancelled()]
        useful = [answer for answer in answers if answer is not None and is_useful(answer.answer)]
        if useful:
            return useful[0]
    return None


def _is_silent(task: "asyncio.Task[CachedAnswer | None]") -> bool:
    return not task.done() or task.cancelled() or task.result() is None
