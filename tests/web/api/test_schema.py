"""The API is as its OpenAPI document says, whatever it is asked: an outside tester asks it thousands."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from switchhook.web.api.openapi import document
from tests.net.peers import listening
from tests.store.kept_calls import ended, keep
from tests.web.api.client import Client, client_of
from tests.web.hubs import planfix_event, running_hub

HOOKS = Path(__file__).with_name("schema_hooks.py")
KEPT = Path(__file__).parents[3] / ".hypothesis"
IS_LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
EXAMPLES, SECONDS = (200, 1000) if IS_LONG else (3, 11)
# A busy machine does not get to the last operation by then: once more, and for longer.
SECONDS_WHEN_BUSY = 6 * SECONDS
# What follows links from answer to answer comes last, when there is time for it.
PHASES = "examples,coverage,fuzzing" + (",stateful" if IS_LONG else "")
SETTINGS_FILE = "schemathesis.toml"
# Whatever fits the document of these is refused only for what JSON Schema cannot say: the settings that a
# kind of connection has, and what a file holds.
SETTINGS = """
[auth.openapi.key]
bearer = "{key}"

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "404", "405", "409", "413", "415", "429"]

[parameters]
call_id = "kept"
delivery_id = {delivery_id}

[[operations]]
include-name = [
    "POST /api/v1/connections",
    "PATCH /api/v1/connections/{{connection_id}}",
    "POST /api/v1/connections/{{connection_id}}/rotate",
    "POST /api/v1/contacts/import",
]
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "404", "409", "413", "429"]
"""


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """A client of an account that has something of everything."""
    given = {"trusted_proxies": ("127.0.0.1/32",)}
    async with running_hub(tmp_path / "hub", given=given) as hub, listening() as peer:
        client = await client_of(hub)
        pbx = await hub.connect("planfix", "pbx", pbx_url=peer.url, pbx_token="secret", allow_private="true")
        await hub.connect("planfix", "crm")
        await hub.post("/tel/api", data=planfix_event(pbx, "INCOMING", "1"))
        await hub.now.desk.store.write(keep, client.key.account_id, [ended("kept", "101", recordings=1)])
        yield client


async def test_nothing_is_answered_but_what_the_document_says(client: Client, tmp_path: Path) -> None:
    (delivery,) = (await client.get("/deliveries")).json["items"]
    settings = SETTINGS.format(key=client.secret, delivery_id=delivery["id"])
    (tmp_path / SETTINGS_FILE).write_text(settings)
    for seconds in (SECONDS, SECONDS_WHEN_BUSY):
        status, lines = await ask_everything(client, tmp_path, seconds=seconds)
        assert status == 0, "\n".join(lines[:150])
        is_whole = any(line.startswith(f"  Tested: {operations() - 1}") for line in lines)
        if is_whole:
            break

    assert is_whole


async def ask_everything(client: Client, folder: Path, *, seconds: int) -> tuple[int | None, list[str]]:
    """Let the tester ask for so long; give its exit status and what it says."""
    # The stream does not end; it is looked at in test_live.py.
    command = (
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / SETTINGS_FILE), "run"),
        f"{client.hub.now.url}/api/v1/openapi.json",
        *("--checks", "all", "--phases", PHASES),
        *("--max-examples", str(EXAMPLES), "--max-time", str(seconds)),
        *("--exclude-path", "/api/v1/live", "--seed", "1", "--no-color", "--warnings", "off"),
        *("--generation-database", "none"),
    )
    tester = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": str(HOOKS),
            "COLUMNS": "120",
            # What it knows of Unicode takes a second to find out.
            "HYPOTHESIS_STORAGE_DIRECTORY": os.environ.get("HYPOTHESIS_STORAGE_DIRECTORY", str(KEPT)),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await tester.communicate())[0].decode()
    return tester.returncode, [line[:400] for line in said.splitlines()]


def operations() -> int:
    return sum(len(methods) for methods in document()["paths"].values())


async def test_the_document_is_for_everybody_and_whole(client: Client) -> None:
    async with client.hub.http.get(client.hub.now.url + "/api/v1/openapi.json") as response:
        told = await response.json()

    assert response.status == 200
    assert told == json.loads(json.dumps(document()))
    assert told["openapi"] == "3.1.0"


def test_every_operation_has_an_example_of_what_it_reads_and_answers() -> None:
    lacking = [
        operation["operationId"]
        for methods in document()["paths"].values()
        for operation in methods.values()
        for content in (
            *operation.get("requestBody", {}).get("content", {}).values(),
            *(
                content
                for answer in operation["responses"].values()
                for content in answer.get("content", {}).values()
            ),
        )
        if not content.get("examples")
    ]

    assert lacking == []


def test_every_parameter_says_what_it_is() -> None:
    silent = [
        (operation["operationId"], parameter["name"])
        for methods in document()["paths"].values()
        for operation in methods.values()
        for parameter in operation["parameters"]
        if parameter["in"] != "path" and not parameter.get("description")
    ]

    assert silent == []
