"""A hub in a process of its own, and commands beside it."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import command, environment, serving

SOON_SECONDS = 30


def post(url: str, **form: str) -> int:
    """Post a form as a PBX does; give the status."""
    try:
        with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


def soon_taken(made: dict[str, Any], **form: str) -> bool:
    """Post until the hub knows the connection."""
    until = time.monotonic() + SOON_SECONDS
    while time.monotonic() < until:
        if post(made["urls"]["api"], planfix_token=made["keys"]["planfix_token"], **form) == 200:
            return True
        time.sleep(0.05)
    return False


EVENT = {"cmd": "event", "type": "in", "phone": "79101234567", "ext": "101", "callid": "1"}


def test_commands_beside_a_running_hub_are_taken_up(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data) as (url, _):
        new = ("planfix", "--role", "pbx", "--name", "PBX")
        made = command("connection", "add", *new, "--json", data=data, afresh=True).json
        is_taken = soon_taken(made, event="INCOMING", **EVENT)
        (listed,) = command("call", "list", "--json", data=data, afresh=True).json
        shown = command("call", "show", listed["id"], "--json", data=data, afresh=True).json
        link = command("login", "--json", data=data, afresh=True).json["url"]

    assert is_taken
    assert made["urls"]["api"].startswith(f"{url}/x/")
    assert [leg["extension"] for leg in shown["legs"]] == ["101"]
    assert [event["kind"] for event in shown["events"]] == ["ringing"]
    assert shown["deliveries"] == []
    assert link.startswith(f"{url}/login/")


def test_what_the_hub_took_is_there_without_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    made = command("connection", "add", "planfix", "--role", "pbx", "--name", "PBX", "--json", data=data).json
    with serving(data) as (url, _):
        made["urls"]["api"] = f"{url}/tel/api"
        is_taken = soon_taken(made, event="INCOMING", **EVENT)

    assert is_taken
    assert len(command("call", "list", "--json", data=data).json) == 1


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_hub_that_is_told_to_stop_says_one_line_in_all(tmp_path: Path, by: signal.Signals) -> None:
    with serving(tmp_path / "data") as (url, process):
        process.send_signal(by)
        rest = process.stdout.read()
        status = process.wait(SOON_SECONDS)

    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
    assert (rest, status) == (b"", 0)


def test_the_command_itself_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    words = ("-m", "switchhook", "serve", "--port", "0", "--data", str(tmp_path / "data"))
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, *words], stdout=subprocess.PIPE, stderr=log, env=environment()
        ) as hub,
    ):
        assert hub.stdout is not None
        line = hub.stdout.readline()
        hub.send_signal(signal.SIGTERM)
        rest = hub.stdout.read()

    assert line.startswith(b"listening on http://127.0.0.1:")
    assert (rest, hub.returncode) == (b"", 0)


def test_the_link_to_the_page_is_beside_the_log(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as (url, _):
        pass

    log = (tmp_path / "data.log").read_text()
    assert re.search(re.escape(url) + r"/login/\S+", log)
    assert "Traceback" not in log


def test_the_public_address_is_what_peers_are_told(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data, "--public-url", "https://hub.example/") as (url, _):
        made = command(
            "connection", "add", "planfix", "--role", "pbx", "--name", "PBX", "--json", data=data
        ).json

    assert made["urls"]["api"].startswith("https://hub.example/x/")
    assert not url.startswith("https://hub.example")


def test_a_port_that_is_taken_is_refused_in_one_line(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as (url, _):
        second = command("serve", "--port", url.rpartition(":")[2], data=tmp_path / "other")

    assert (second.status, second.out) == (1, "")
    assert "cannot listen on 127.0.0.1 port" in second.err


def test_an_event_that_was_answered_survives_a_kill(tmp_path: Path) -> None:
    data = tmp_path / "data"
    made = command("connection", "add", "planfix", "--role", "pbx", "--name", "PBX", "--json", data=data).json
    with serving(data) as (url, process):
        made["urls"]["api"] = f"{url}/tel/api"
        is_taken = soon_taken(made, event="INCOMING", **EVENT)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(SOON_SECONDS)

    assert is_taken
    assert len(command("call", "list", "--json", data=data).json) == 1


# Seconds of a start, or megabytes at rest, and needed later, elsewhere or by few.
LOADED_LATER = (
    *("alembic", "asyncpg", "av", "jinja2", "litestar"),
    *("numpy", "prometheus_client", "sqlalchemy.orm"),
)
START = """
import asyncio, pathlib, sys
import switchhook.cli.serve
from switchhook.app.hub import open_hub
from switchhook.settings import read_place

async def start():
    async with open_hub(read_place(pathlib.Path(sys.argv[1]), given={"port": 0})):
        print("loaded:", *(name for name in sys.argv[2:] if name in sys.modules), file=sys.stderr)

asyncio.run(start())
"""


def test_a_hub_listens_before_it_loads_what_it_can_do_without(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", START, str(tmp_path / "data"), *LOADED_LATER],
        capture_output=True,
        text=True,
        timeout=SOON_SECONDS,
        env=environment(),
        check=False,
    )

    assert "loaded:\n" in ran.stderr
