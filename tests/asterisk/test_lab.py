"""The lab is what the other suites think it is: real calls, real sound, on both generations."""

import asyncio
import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from switchhook.core.call import Call, Phase
from tests.asterisk import tones
from tests.asterisk.actors import OUTSIDE, Actors
from tests.asterisk.configuration import Outbound
from tests.asterisk.ears import AmiEar
from tests.asterisk.installed import AsteriskMissing, find_installed
from tests.asterisk.scenario import SipFailed
from tests.asterisk.server import AsteriskServer
from tests.asterisk.side_by_side import SIDE_BY_SIDE
from tests.connectors.asterisk.recordings import outcome, told

CLIENT = "79997776655"


def the_call(ear: AmiEar) -> Call:
    return told(ear.moments, sweeps=True).the_call


def legs(call: Call) -> list[tuple[str, str]]:
    return list(outcome(call)["legs"])


@SIDE_BY_SIDE
async def test_a_call_from_outside_rings_two_phones_and_one_answers(asterisk: AsteriskServer) -> None:
    async with Actors(asterisk) as sip, AmiEar(asterisk) as ear:
        await sip.answers("101", ring_seconds=0.7)
        await sip.only_rings("102")
        caller = await sip.calls("74950000002", talk_seconds=2)
        await sip.all_as_scripted()
        await ear.until_over()

        call = the_call(ear)
        assert "ANSWERED" in caller.said

    assert legs(call) == [("101", "answered"), ("102", "cancelled")]
    assert (call.number, call.did, call.extension) == ("79101234567", "74950000002", "101")
    assert call.talk_seconds == 2


@SIDE_BY_SIDE
async def test_without_the_hub_the_dialplan_goes_on_by_itself(asterisk: AsteriskServer) -> None:
    async with Actors(asterisk) as sip, AmiEar(asterisk) as ear:
        await sip.answers("101")
        await sip.calls("74950000001", talk_seconds=1)
        await sip.all_as_scripted()
        await ear.until_over()

        call = the_call(ear)

    assert legs(call) == [("101", "answered")]
    assert call.did == "74950000001"


@SIDE_BY_SIDE
async def test_a_phone_calls_the_outside(asterisk: AsteriskServer) -> None:
    async with Actors(asterisk) as sip, AmiEar(asterisk) as ear:
        client = await sip.answers(OUTSIDE)
        await sip.dials("101", CLIENT)
        await sip.all_as_scripted()
        await ear.until_over()

        call = the_call(ear)
        # The operator sees the company's number and not the extension.
        assert "sip:74950000001@" in client.said

    assert (call.direction.value, call.number, legs(call)) == ("outbound", CLIENT, [("101", "answered")])


@SIDE_BY_SIDE
async def test_a_recording_holds_what_both_sides_said(asterisk: AsteriskServer) -> None:
    async with Actors(asterisk) as sip, AmiEar(asterisk) as ear:
        await sip.answers("101", ring_seconds=0.3)
        await sip.only_rings("102")
        await sip.calls("74950000002", talk_seconds=2)
        await sip.all_as_scripted()
        await ear.until_over()
        (recording,) = told(ear.moments, sweeps=True).recordings

    samples = tones.read_wav(Path(recording.name))
    assert asterisk.monitor in Path(recording.name).parents
    assert len(samples) > tones.SAMPLES_PER_SECOND
    assert tones.are_both_heard(samples)
    assert not tones.is_heard(samples, 660)
    assert tones.loudness(samples, 660) < tones.AMPLITUDE / 100


@SIDE_BY_SIDE
async def test_many_calls_at_once_are_told_apart(asterisk22: AsteriskServer) -> None:
    count = 40
    async with Actors(asterisk22) as sip, AmiEar(asterisk22) as ear:
        await sip.answers("101", ring_seconds=0.1, calls=count)
        await sip.calls_often("74950000006", calls=count, per_second=20)
        await sip.all_as_scripted()
        await ear.until_over()

        heard = told(ear.moments, sweeps=True)

    assert sorted(call.number for call in heard.calls.values()) == sorted(
        f"7920{n}" for n in range(1, count + 1)
    )
    assert {(tuple(legs(call)), call.phase) for call in heard.calls.values()} == {
        ((("101", "answered"),), Phase.FINAL)
    }


@SIDE_BY_SIDE
async def test_an_actor_that_is_treated_otherwise_says_so(asterisk22: AsteriskServer) -> None:
    async with Actors(asterisk22) as sip:
        await sip.refuses("101")
        await sip.gives_up("74950000006", ring_seconds=5)

        with pytest.raises(SipFailed, match="gives up 74950000006 went otherwise"):
            await sip.all_as_scripted()


@SIDE_BY_SIDE
async def test_actors_that_are_left_end_with_their_test(asterisk22: AsteriskServer) -> None:
    async with Actors(asterisk22) as sip:
        phone = await sip.only_rings("103")

    with pytest.raises(ProcessLookupError):
        os.kill(phone.pid, 0)


def test_an_asterisk_that_was_killed_starts_again_and_knows_its_phones() -> None:
    with own(22) as pbx:
        pid = pbx.pid
        assert pid is not None
        pbx.kill()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        pbx.start()

        assert "sip:101@127.0.0.1" in pbx.cli("pjsip show contacts")


async def test_two_run_side_by_side(asterisk22: AsteriskServer) -> None:
    with own(22) as other:
        assert other.ports.base != asterisk22.ports.base
        async with Actors(other) as sip, AmiEar(other) as ear, AmiEar(asterisk22) as elsewhere:
            await sip.answers("101")
            await sip.calls("74950000006", talk_seconds=0.5)
            await sip.all_as_scripted()
            await ear.until_over()

            assert elsewhere.moments == []


async def test_a_frozen_one_says_nothing_until_it_thaws() -> None:
    with own(22) as pbx:
        pbx.freeze()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(AmiEar(pbx).__aenter__(), 0.5)
        pbx.thaw()
        async with AmiEar(pbx):
            assert "0 active channels" in pbx.cli("core show channels count")


async def test_connects_out_to_a_hub_and_comes_back(free_port: Callable[[], int]) -> None:
    came = asyncio.Queue[tuple[str, str]]()

    async def hub(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("ari",))
        await socket.prepare(request)
        who = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        await came.put((who, json.loads(await socket.receive_str())["type"]))
        await socket.close()
        return socket

    port = free_port()
    app = web.Application()
    app.router.add_get("/link/7", hub)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    outbound = Outbound(url=f"ws://127.0.0.1:{port}/link/7", user="pbx", password="said-by-the-hub")
    try:
        with own(22, outbound=outbound):
            seen = [await asyncio.wait_for(came.get(), 10) for _ in range(2)]
    finally:
        await runner.cleanup()

    assert seen == [("pbx:said-by-the-hub", "ApplicationRegistered")] * 2


async def test_an_extension_may_have_several_devices(asterisk22: AsteriskServer) -> None:
    """One is an endpoint of its own, another a second contact of the same."""
    asterisk22.register("104", port_of="99101")
    try:
        devices = [contacts(asterisk22, "104"), contacts(asterisk22, "99101")]
    finally:
        asterisk22.register("104", port_of="99101", expires_seconds=0)

    assert devices == [2, 1]
    assert contacts(asterisk22, "104") == 1


def contacts(pbx: AsteriskServer, phone: str) -> int:
    return pbx.cli("pjsip show contacts").count(f" {phone}/sip:")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_dies_with_a_killed_parent() -> None:
    own(22).close()
    program = (
        "from tests.asterisk.server import AsteriskServer\n"
        "server = AsteriskServer(22).__enter__()\n"
        "print(server.pid, server.folder, flush=True)\n"
        "input()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    pid, folder = parent.stdout.readline().split()
    parent.kill()
    parent.communicate()

    assert gone(int(pid))
    shutil.rmtree(folder)


def gone(pid: int) -> bool:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    return False


def own(generation: int, *, outbound: Outbound | None = None) -> AsteriskServer:
    try:
        return AsteriskServer(generation, outbound=outbound)
    except AsteriskMissing as missing:
        pytest.skip(str(missing))


def test_says_how_to_get_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SWITCHHOOK_LAB", str(tmp_path))

    with pytest.raises(AsteriskMissing, match=r"Asterisk 16 .* run tests/asterisk/install\.sh bullseye"):
        find_installed(16)
