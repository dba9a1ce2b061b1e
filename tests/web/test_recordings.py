"""Links of recordings work before the file is here, and give nothing to who guesses."""

from switchhook.store.calls import open_calls
from tests.web.hubs import TestHub, planfix_event


async def recording_path(hub: TestHub) -> str:
    """Give the permanent link of a call that has just come in."""
    pbx = await hub.connect("planfix", "pbx")
    await hub.post("/tel/api", data=planfix_event(pbx, "INCOMING", "1"))
    store, account_id = hub.now.desk.store, hub.now.desk.account_id
    (call,) = await store.read(open_calls, account_id)
    return call.recording_path()


async def test_a_recording_that_may_still_come_is_asked_for_later(hub: TestHub) -> None:
    path = await recording_path(hub)

    response = await hub.get(path + ".mp3")

    assert response.status == 404
    assert int(response.headers["Retry-After"]) > 0


async def test_a_guessed_link_leads_nowhere(hub: TestHub) -> None:
    response = await hub.get("/r/guessed")

    assert (response.status, await response.read()) == (404, b"")
    assert "Retry-After" not in response.headers


async def test_only_reading_is_allowed(hub: TestHub) -> None:
    response = await hub.post("/r/guessed", data={})

    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


async def test_paths_that_are_no_links_are_not_found(hub: TestHub) -> None:
    statuses = [(await hub.get(path)).status for path in ("/r/", "/r/a/0", "/r/a/b", "/r/a.mp3/2", "/r/%0a")]

    assert statuses == [404] * 5
