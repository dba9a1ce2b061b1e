"""Tests of a module that are played side by side, each on a PBX that it has for itself meanwhile.

Most of what such a test does is waiting: for a phone that rings, for a talk that takes its second. So the
first of them plays all that were asked for; each then tells what came of itself. A module takes part by

    pytestmark = SIDE_BY_SIDE

when its tests are coroutines that take nothing but `asterisk`, `asterisk22` and parameters; a test by itself
with `@SIDE_BY_SIDE`.
"""

import asyncio
import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from tests.asterisk.server import AsteriskServer

SIDE_BY_SIDE = pytest.mark.side_by_side
# PBXs of each generation, in turn of how many tests want them.
LANES = {22: 3, 16: 2}
SECONDS = 100.0  # only what is broken takes so long
PBXS = {"asterisk": None, "asterisk22": 22, "asterisk16": 16}

Fault = BaseException | None


class SideBySide:
    """What came of the tests that were played, by their ids."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._lanes: defaultdict[int, list[AsteriskServer]] = defaultdict(list)

    def result(self, item: pytest.Function, first: Mapping[int, AsteriskServer]) -> None:
        """Raise what went wrong in a test; play it before, with all others of its module.

        `first` has the PBXs that run anyhow.
        """
        if item.nodeid not in self._faults:
            self._play([one for one in item.session.items if self._is_beside(one, item)], first)
        fault = self._faults[item.nodeid]
        if fault is not None:
            raise fault

    def close(self) -> None:
        """End the PBXs that were started for this."""
        for lane in self._lanes.values():
            while lane:
                lane.pop().close()

    def _is_beside(self, one: pytest.Item, item: pytest.Function) -> bool:
        return isinstance(one, pytest.Function) and one.module is item.module and is_side_by_side(one)

    def _play(self, items: Sequence[pytest.Item], first: Mapping[int, AsteriskServer]) -> None:
        left: defaultdict[int, list[pytest.Function]] = defaultdict(list)
        for item in reversed(items):
            assert isinstance(item, pytest.Function)
            left[generation_of(item)].append(item)
        lanes = {
            generation: [first[generation], *self._more(generation, len(wanted) - 1)]
            for generation, wanted in left.items()
        }

        async def work(pbx: AsteriskServer, mine: list[pytest.Function]) -> None:
            while mine:
                item = mine.pop()
                self._faults[item.nodeid] = await _fault_of(item, pbx)

        async def play() -> None:
            await asyncio.gather(
                *(work(pbx, left[generation]) for generation, pbxs in lanes.items() for pbx in pbxs)
            )

        with asyncio.Runner() as runner:
            runner.run(play())

    def _more(self, generation: int, wanted: int) -> Iterator[AsteriskServer]:
        lane = self._lanes[generation]
        for index in range(min(wanted, LANES[generation] - 1)):
            if index == len(lane):
                pbx = AsteriskServer(generation)
                lane.append(pbx)
                pbx.start()
            yield lane[index]


async def _fault_of(item: pytest.Function, pbx: AsteriskServer) -> Fault:
    try:
        async with asyncio.timeout(SECONDS):
            await _test_of(item)(**_arguments(item, pbx))
        return None
    except (Exception, pytest.fail.Exception) as fault:  # noqa: BLE001 - told by the test itself
        fault.add_note(f"on {pbx.installed.version} at {pbx.ports.base}:\n{pbx.end_of_log}")
        return fault
    finally:
        await asyncio.to_thread(pbx.hang_everything_up)


def is_side_by_side(item: pytest.Item) -> bool:
    return (
        isinstance(item, pytest.Function)
        and item.get_closest_marker("side_by_side") is not None
        and inspect.iscoroutinefunction(_test_of(item))
    )


def generation_of(item: pytest.Function) -> int:
    """Say which PBX a test wants; those that want none of these take one of the newer."""
    names = [one for one in PBXS if one in item.fixturenames and one in _names(item)]
    assert len(names) <= 1, names
    fixed = PBXS[names[0]] if names else 22
    return fixed if fixed is not None else int(str(item.callspec.params["asterisk"]))


def _names(item: pytest.Function) -> Sequence[str]:
    return list(inspect.signature(_test_of(item)).parameters)


def _test_of(item: pytest.Function) -> Callable[..., Any]:
    # As it is written: what pytest calls is wrapped, and no coroutine any more.
    return getattr(item.module, item.originalname)  # type: ignore[no-any-return]


def _arguments(item: pytest.Function, pbx: AsteriskServer) -> dict[str, Any]:
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return {name: pbx if name in PBXS else parameters[name] for name in _names(item)}
