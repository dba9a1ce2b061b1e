"""Who is at the phones, and who calls from outside: each a process of SIPp that plays one scenario.

    async with Actors(pbx) as sip:
        phone = await sip.answers("101", talk_seconds=30)
        caller = await sip.calls("74950000006", talk_seconds=2)
        await sip.all_as_scripted()

A phone has to be told what it does before it is called. Those who call begin at once. How long they do it is
told in seconds, FOR_EVER where the test says when: by `answers`, `hangs_up`, `goes_on`.
"""

import asyncio
import contextlib
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.asterisk import tones
from tests.asterisk.installed import ENVIRONMENT
from tests.asterisk.ports import is_bound
from tests.asterisk.scenario import SipFailed, sipp_command, why
from tests.asterisk.server import AsteriskServer
from tests.asterisk.steps import ENDS, Step, nudge, steps_of

CALLER = "79101234567"
OUTSIDE = "outside"  # stands where a phone may: the operator's switch, which takes what the PBX sends out
FOR_EVER = 60.0
# Only what is broken takes so long.
START_SECONDS = 30.0
END_SECONDS = 30.0
LOOK_SECONDS = 0.03
COMPOSED_SECONDS = 0.2
# Now and then Asterisk takes 1.1 s to tell one party that the other has hung up.
LAST_WORD_SECONDS = 3.0


class Actor:
    """One running scenario."""

    def __init__(
        self,
        name: str,
        process: asyncio.subprocess.Process,
        folder: Path,
        *,
        who: str,
        port: int,
        is_caller: bool,
    ) -> None:
        self.name = name
        self.who = who  # a phone's extension, or OUTSIDE
        self.is_caller = is_caller
        self.folder = folder
        self._process = process
        self._port = port

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_over(self) -> bool:
        return self._process.returncode is not None

    @property
    def is_in_dialogue(self) -> bool:
        last = {step.call_id: step.word for step in self.steps}
        return not self.is_over and not ENDS.issuperset(last.values())

    @property
    def said(self) -> str:
        """What its scenario has logged: who called, by P-Asserted-Identity too, ANSWERED, CANCELLED."""
        said = self.folder / "said"
        return said.read_text(errors="replace") if said.exists() else ""

    @property
    def steps(self) -> list[Step]:
        """What its scenario has logged of each dialogue, in order."""
        return steps_of(self.said)

    def times(self, word: str) -> list[float]:
        """Give when its scenario logged a word, by the clock on the wall."""
        return [one.at for one in self.steps if one.word == word]

    @property
    def talk(self) -> tuple[float, float] | None:
        """When its one talk began and ended, by the clock on the wall; None while or if there is none."""
        began, ended = self.times("ANSWERED"), self.times("HUNG UP") + self.times("LEFT")
        return (began[0], ended[0]) if began and ended else None

    async def as_scripted(self, *, within_seconds: float = END_SECONDS) -> None:
        """Wait until its dialogue is over.

        Raises: SipFailed: it went otherwise than its scenario says, or takes too long.
        """
        try:
            status = await asyncio.wait_for(self._process.wait(), within_seconds)
        except TimeoutError:
            raise SipFailed(f"{self.name} is not done after {within_seconds} s\n{why(self.folder)}") from None
        if status:
            raise SipFailed(f"{self.name} went otherwise ({status})\n{why(self.folder)}")

    async def until_said(self, word: str, *, within_seconds: float = END_SECONDS) -> None:
        """Wait until its scenario logs a word, such as ANSWERED.

        Raises: SipFailed: it never does.
        """
        until = asyncio.get_running_loop().time() + within_seconds
        while word not in self.said:
            if self.is_over or asyncio.get_running_loop().time() > until:
                raise SipFailed(f"{self.name} never said {word}\n{why(self.folder)}")
            await asyncio.sleep(LOOK_SECONDS)

    async def goes_on(self, after: str) -> None:
        """Let it do the next thing now: a phone answers or refuses, who talks hangs up, a caller gives up.

        `after` is what it has logged before: RINGS, INVITE or ANSWERED.

        Raises: SipFailed: that was never logged.
        """
        await self.until_said(f" {after} ")
        step = next(one for one in reversed(self.steps) if one.word == after)
        # Right after a word SIPp does something else yet, and does not wait for us.
        await asyncio.sleep(max(0.0, step.at + COMPOSED_SECONDS - time.time()))
        nudge(self._port, step.call_id)

    async def answers(self) -> None:
        """Let a phone that only rings answer now, and wait until it talks."""
        await self.goes_on("INVITE")
        await self.until_said(" ANSWERED ")

    async def hangs_up(self) -> None:
        """Let whoever talks hang up now, and wait until that is done."""
        await self.goes_on("ANSWERED")
        await self.as_scripted()

    async def stop(self) -> None:
        """End it in the middle of whatever it does, without a word to the PBX."""
        if self.is_over:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()


class Actors:
    """Starts actors around one PBX, and ends those that are left."""

    def __init__(self, pbx: AsteriskServer) -> None:
        self._pbx = pbx
        self._actors: list[Actor] = []
        self._folder = Path(tempfile.mkdtemp(prefix="actors-", dir=pbx.folder))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, SipFailed):
            error.add_note("\n".join(f"{one.name}: {one.said}" for one in self._actors))
        await self.close()

    def __iter__(self) -> Iterator[Actor]:
        return iter(self._actors)

    async def close(self) -> None:
        """Stop all of them; phones may answer first that a call is over.

        What is left unanswered the PBX says again, and the next who listens there takes it for a call.
        """
        until = asyncio.get_running_loop().time() + LAST_WORD_SECONDS
        callers = [actor for actor in self._actors if actor.is_caller]
        while all(caller.is_over for caller in callers) and any(one.is_in_dialogue for one in self._actors):
            if asyncio.get_running_loop().time() > until:
                break
            await asyncio.sleep(LOOK_SECONDS)
        for actor in self._actors:
            await actor.stop()
        self._actors.clear()

    async def all_as_scripted(self, *, within_seconds: float = END_SECONDS) -> None:
        """Wait until every actor's dialogue is over.

        Raises: SipFailed: one went otherwise than its scenario says, or takes too long.
        """
        for actor in self._actors:
            await actor.as_scripted(within_seconds=within_seconds)

    async def answers(
        self, phone: str, *, ring_seconds: float = 0.4, talk_seconds: float = FOR_EVER, calls: int = 1
    ) -> Actor:
        """A phone, or OUTSIDE, rings, answers, sends a tone, and hangs up if the other does not before."""
        return await self._called(
            phone,
            "callee",
            calls,
            NAME=phone,
            RING_MS=_milliseconds(ring_seconds),
            TALK_MS=_milliseconds(talk_seconds),
            TONE=self._tone(tones.OUTSIDE if phone == OUTSIDE else tones.PHONE),
        )

    async def only_rings(self, phone: str, *, calls: int = 1) -> Actor:
        """A phone rings until it is told that nobody waits for it any more."""
        return await self.answers(phone, ring_seconds=FOR_EVER, calls=calls)

    async def refuses(
        self,
        phone: str,
        *,
        code: int = 486,
        reason: str = "Busy Here",
        after_seconds: float = 0.2,
        calls: int = 1,
    ) -> Actor:
        """A phone, or OUTSIDE, is busy, or says no with another code of SIP: 603 declines, 480 is away."""
        ring = _milliseconds(after_seconds)
        return await self._called(phone, "refuse", calls, NAME=phone, CODE=code, REASON=reason, RING_MS=ring)

    async def passes_on(self, phone: str, to: str, *, talk_seconds: float = 1.0) -> Actor:
        """A phone answers and sends the caller to another extension with REFER, without asking there."""
        return await self._called(
            phone,
            "refer",
            1,
            NAME=phone,
            TARGET=to,
            TALK_MS=_milliseconds(talk_seconds),
            TONE=self._tone(tones.PHONE),
        )

    async def calls(
        self, number: str, *, caller: str = CALLER, name: str = "", talk_seconds: float = 2.0
    ) -> Actor:
        """Somebody outside calls, sends a tone when answered, and hangs up if the other does not before."""
        options = ["-s", number, "-key", "from", caller, "-key", "cnam", name]
        return await self._calling(
            f"{caller} calls {number}",
            "caller",
            options,
            NAME=caller,
            TALK_MS=_milliseconds(talk_seconds),
            TONE=self._tone(tones.OUTSIDE),
        )

    async def calls_often(
        self,
        number: str,
        *,
        calls: int,
        per_second: float,
        callers: str = "7920",
        talk_seconds: float = 0.5,
    ) -> Actor:
        """Many call from outside, one after the other and without sound: `callers`1, `callers`2 and so on."""
        options = ["-s", number, "-key", "from", callers, "-r", f"{per_second:g}", "-l", str(calls)]
        return await self._calling(
            f"{calls} calls of {number}", "often", options, calls, TALK_MS=_milliseconds(talk_seconds)
        )

    async def gives_up(self, number: str, *, caller: str = CALLER, ring_seconds: float = 1.0) -> Actor:
        """Somebody outside calls, hears it ring, and hangs up before anyone answers."""
        options = ["-s", number, "-key", "from", caller, "-key", "cnam", ""]
        ring = _milliseconds(ring_seconds)
        return await self._calling(
            f"{caller} gives up {number}", "abandon", options, NAME=caller, RING_MS=ring
        )

    async def dials(self, phone: str, number: str, *, talk_seconds: float = 1.6) -> Actor:
        """A phone calls a number or another extension."""
        options = ["-s", number, "-key", "ext", phone, "-au", phone, "-ap", self._pbx.secret]
        return await self._calling(
            f"{phone} dials {number}",
            "dialer",
            options,
            who=phone,
            NAME=phone,
            TALK_MS=_milliseconds(talk_seconds),
            TONE=self._tone(tones.PHONE),
        )

    async def _called(self, phone: str, scenario: str, calls: int, **blanks: object) -> Actor:
        ports = self._pbx.ports
        port = ports.outside if phone == OUTSIDE else ports.phone(phone)
        actor = await self._start(phone, scenario, port, blanks, who=phone, calls=calls)
        until = asyncio.get_running_loop().time() + START_SECONDS
        while not is_bound(port):
            if actor.is_over or asyncio.get_running_loop().time() > until:
                raise SipFailed(f"{phone} does not listen\n{why(actor.folder)}")
            await asyncio.sleep(LOOK_SECONDS / 2)
        return actor

    async def _calling(
        self,
        name: str,
        scenario: str,
        options: list[str],
        calls: int = 1,
        *,
        who: str = OUTSIDE,
        **blanks: object,
    ) -> Actor:
        port = self._pbx.ports.actor()
        return await self._start(
            name, scenario, port, blanks, who=who, options=options, calls=calls, is_caller=True
        )

    async def _start(
        self,
        name: str,
        scenario: str,
        port: int,
        blanks: Mapping[str, object],
        *,
        who: str,
        options: Sequence[str] = (),
        calls: int = 1,
        is_caller: bool = False,
    ) -> Actor:
        folder = Path(tempfile.mkdtemp(prefix=f"{scenario}-", dir=self._folder))
        command = sipp_command(
            self._pbx.installed,
            scenario,
            pbx=self._pbx.sip_address,
            port=port,
            folder=folder,
            blanks=blanks,
            options=options,
            calls=calls,
            media=self._pbx.ports.media(calls=calls),
        )
        with (folder / "printed").open("wb") as printed:
            process = await asyncio.create_subprocess_exec(
                *command, env=ENVIRONMENT, stdin=asyncio.subprocess.DEVNULL, stdout=printed, stderr=printed
            )
        actor = Actor(name, process, folder, who=who, port=port, is_caller=is_caller)
        self._actors.append(actor)
        return actor

    def _tone(self, hertz: int) -> str:
        path = self._pbx.folder / f"tone{hertz}.alaw"
        if not path.exists():
            path.write_bytes(tones.tone_in_alaw(hertz))
        return str(path)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
