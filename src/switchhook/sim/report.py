"""What a run of the simulator tells the person who started it: a line per call, and the sum."""

from collections import Counter
from collections.abc import Callable, Iterable

from switchhook.core.call import Call, Disposition
from switchhook.core.outcome import Delivered, GiveUp, Locked, NotSent, TryAgain
from switchhook.sim.pbx import Played

Say = Callable[[str], None]

WORDS = {
    Delivered: "taken",
    NotSent: "not sent on purpose",
    TryAgain: "failed",
    GiveUp: "refused",
    Locked: "refused for the key",
}


def line_of(call: Call) -> str:
    """Say a finished call in one line."""
    arrow = "→" if call.direction != "outbound" else "←"
    who = call.extension or ", ".join(call.rung) or "nobody"
    talk = f" {call.talk_seconds} s" if call.disposition is Disposition.ANSWERED else ""
    recording = ", recorded" if call.recordings else ""
    return f"{call.number} {arrow} {who}: {call.disposition or 'unknown'}{talk}{recording}"


def say_played(played: Played, say: Say) -> None:
    answer = played.answer
    known = f" ({answer.name})" if answer is not None and answer.name else ""
    say(f"{played.scenario}{known}: {line_of(played.call)}; {sum_of(played)}")
    for failure in played.failures:
        say(f"  {failure}")


def sum_of(*calls: Played) -> str:
    """Count what became of all messages."""
    return counted(WORDS[type(one.outcome)] for played in calls for one in played.sent)


def counted(words: Iterable[str]) -> str:
    counts = Counter(words)
    return ", ".join(f"{count} {word}" for word, count in counts.most_common()) or "nothing sent"
