"""What a play is to come to, in the words of tests.connectors.asterisk.recordings.outcome."""

from typing import Any

from tests.asterisk.plays import NUMBERS, Play

OURS = "74950000001"


def expected(play: Play, name: str, office: int, *, first: str) -> dict[str, Any]:
    """`first` is the phone that was told to ring first, which counts where phones ring together in vain."""
    is_by_chance = play.disposition != "answered" and len(turns(play.legs, office)[0]) > 1
    dids = {"inbound": f"7495000{office - 1}00{play.did}", "outbound": OURS}
    return {
        "direction": play.direction,
        "number": NUMBERS[name] if play.direction != "internal" else f"{office}02",
        "did": dids.get(play.direction) if play.did is not None else None,
        "name": play.name,
        "group": play.group,
        "disposition": play.disposition,
        "extension": first if is_by_chance else phone(play.extension or "", office),
    }


def phone(letter: str, office: int) -> str:
    return f"{office}{'abcd'.index(letter) + 1:02}" if letter else ""


Leg = tuple[str, str]


def turns(text: str, office: int) -> list[set[Leg]]:
    """Read legs as they are written in a play: sets that come one after the other."""
    return [{_leg(one, office) for one in turn.split(", ")} for turn in text.split(" > ")]


def _leg(text: str, office: int) -> Leg:
    letter, disposition = text.split()
    return phone(letter.strip("-"), office), disposition


def in_turns(legs: list[Leg], text: str, office: int) -> list[set[Leg]]:
    """Cut legs, as they were told, into turns as long as the written ones; what is left makes a last one."""
    left = list(legs)
    cut = []
    for turn in turns(text, office):
        cut.append(set(left[: len(turn)]))
        left = left[len(turn) :]
    return [*cut, set(left)] if left else cut
