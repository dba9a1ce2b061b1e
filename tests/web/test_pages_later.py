"""The framework of the pages is loaded when somebody wants a page, and not for a hub that stops before."""

import sys

from switchhook.app.pages import TURN_SECONDS, short_turns
from tests.web.hubs import TestHub


async def test_a_page_is_there_for_whoever_asks_at_once(hub: TestHub) -> None:
    response = await hub.get("/")

    assert response.status == 401
    assert "switchhook login" in await response.text()


async def test_threads_give_way_sooner_only_while_the_pages_are_built() -> None:
    before = sys.getswitchinterval()
    with short_turns():
        meanwhile = sys.getswitchinterval()

    assert abs(meanwhile - TURN_SECONDS) < 1e-6
    assert sys.getswitchinterval() == before
