"""How a played side answers when it is having a bad day."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from switchhook.core.edge import Reply, Request
from switchhook.core.errors import Refused

Serve = Callable[[Request], Awaitable[Reply]]
Sorry = Callable[[Exception], Reply]

FAILED = Reply(status=500, body=b'{"error":"played trouble"}')


@dataclass(frozen=True, kw_only=True)
class Mood:
    """How often it goes wrong (0 to 1), and how."""

    text: str
    fails: float = 0.0  # answered 500, nothing taken
    forgets: float = 0.0  # taken, and answered 500 all the same
    slow: float = 0.0
    slow_seconds: float = 3.0
    is_locked: bool = False  # refuses every key
    clicks: bool = False  # people click to call


MOODS: Mapping[str, Mood] = {
    "steady": Mood(text="Takes everything at once."),
    "failing": Mood(text="Every third message is answered 500 and not taken.", fails=0.33),
    "slow": Mood(text="Every message is answered after three seconds.", slow=1.0),
    "locked": Mood(text="Refuses the key.", is_locked=True),
    "sloppy": Mood(
        text="Some 500s, some of them after the message was taken; some answers after three seconds.",
        fails=0.1,
        forgets=0.1,
        slow=0.05,
    ),
    "click_to_call": Mood(text="People click to call.", clicks=True),
}


@dataclass(kw_only=True)
class Trouble:
    """Plays a mood around each request. Real seconds: whoever asks has a real clock."""

    mood: Mood = MOODS["steady"]
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    played: dict[str, int] = field(default_factory=dict)

    async def around(self, request: Request, serve: Serve, sorry: Sorry) -> Reply:
        """Answer a request, or play the trouble that it meets."""
        if self.mood.is_locked:
            self._note("refused key")
            return sorry(Refused("played trouble"))
        if self._happens(self.mood.slow):
            self._note("slow answer")
            await asyncio.sleep(self.mood.slow_seconds)
        if self._happens(self.mood.fails):
            self._note("500, not taken")
            return FAILED
        reply = await serve(request)
        if self._happens(self.mood.forgets):
            self._note("500, taken")
            return FAILED
        return reply

    def _happens(self, chance: float) -> bool:
        return chance > 0 and self.rng.random() < chance

    def _note(self, what: str) -> None:
        self.played[what] = self.played.get(what, 0) + 1
