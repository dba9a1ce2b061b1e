"""Who is connected with whom: parties in one bridge, or in several that Local channels join. Pure.

That a channel is up says nothing of it: a caller in a queue is up from the start, and of two phones that
pick up at once one is dropped.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec.structs import replace

from switchhook.connectors.asterisk.listen.sight import State
from switchhook.connectors.asterisk.listen.tracked import Channel, Tracked


def with_talks(call: Tracked, at: datetime, *, is_cut: bool = False) -> Tracked:
    """Note of every party that is now connected with another one that it talks since `at`, or before."""
    silent = [one for one in call.channels.values() if one.bridge and one.is_party and one.outside_at is None]
    if not silent:
        return call
    changed: dict[str, Channel] = {}
    for group in _connected(call.channels.values()):
        outside = {one.id for one in group if one.extension is None}
        for one in group:
            is_outside = bool(outside - {one.id})
            if one.talked_at is not None and not (is_outside and one.outside_at is None):
                continue
            changed[one.id] = replace(
                one,
                talked_at=one.talked_at or at,
                outside_at=one.outside_at or (at if is_outside else None),
                is_talk_cut=one.is_talk_cut or is_cut,
            )
    return replace(call, channels={**call.channels, **changed}) if changed else call


def _connected(channels: Iterable[Channel]) -> Iterator[list[Channel]]:
    """Give the groups of at least two parties that hear each other."""
    live = [one for one in channels if one.bridge and not one.is_gone]
    joined: dict[str, set[str]] = defaultdict(set)  # bridges, and the pairs of Local halves between them
    for one in live:
        if one.pair:
            joined[one.bridge].add(one.pair)
            joined[one.pair].add(one.bridge)
    seen: set[str] = set()
    for start in dict.fromkeys(one.bridge for one in live):
        if start in seen:
            continue
        reached, edge = {start}, [start]
        while edge:
            new = joined[edge.pop()] - reached
            reached |= new
            edge += new
        seen |= reached
        group = [one for one in live if one.bridge in reached and one.is_party and one.state is State.UP]
        if len(group) > 1:
            yield group
