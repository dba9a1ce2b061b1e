"""`switchhook sim` from the command line's side: what it says, and when it fails."""

import asyncio

import pytest

from switchhook.core.errors import HubError, Misconfigured
from switchhook.sim.play import play
from tests.servers.ports import free_port

KEY = "0123456789abcdef"


async def test_a_played_pbx_and_a_played_crm_say_what_they_did(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    crm = asyncio.create_task(
        play(
            "crm",
            "planfix",
            settings={"planfix_token": KEY},
            calls=2,
            speed=40,
            listen=f"127.0.0.1:{port}",
        )
    )
    await play(
        "pbx",
        "planfix",
        url=f"http://127.0.0.1:{port}/tel/api",
        settings={"planfix_token": KEY},
        scenario="outbound_busy",
        calls=2,
        rate=2,
        speed=40,
    )
    await crm
    said = capsys.readouterr().out

    assert f"listening on http://127.0.0.1:{port}\n" in said
    assert "2 calls played: 4 taken" in said
    assert "2 calls heard" in said


async def test_a_run_that_was_refused_fails(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    listen = f"127.0.0.1:{port}"
    crm = asyncio.create_task(play("crm", "retailcrm", settings={"api_key": KEY}, listen=listen))
    url = f"http://127.0.0.1:{port}"

    with pytest.raises(HubError, match="apiKey"):
        await play("pbx", "retailcrm", url=url, settings={"api_key": "wrong"}, speed=40)
    crm.cancel()
    await asyncio.gather(crm, return_exceptions=True)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"scenario": "nothing"}, "scenario"), ({"listen": "here"}, "listen"), ({"calls": 0}, None)],
)
async def test_a_wrong_order_is_refused_before_anything_is_played(
    wrong: dict[str, object], field: str | None
) -> None:
    with pytest.raises(Misconfigured) as caught:
        await play("pbx", "planfix", url="http://127.0.0.1:9/tel/api", **wrong)  # type: ignore[arg-type]

    assert caught.value.field == field
