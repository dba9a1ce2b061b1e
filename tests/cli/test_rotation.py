"""`switchhook connection rotate`, and a webhook connection at the command line."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from standardwebhooks import Webhook

from switchhook.cli import run

URL = "https://program.example/hooks"


class Shell:
    """Runs commands in this process: fast, and the same as a script sees."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._data = data
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        status = run([*words, "--data", str(self._data)])
        captured = self._capsys.readouterr()
        return status, captured.out, captured.err

    def json(self, *words: str) -> Any:
        status, out, err = self(*words, "--json")
        assert (status, err) == (0, "")
        return msgspec.json.decode(out)

    def add(self, *settings: str, kind: str = "webhook", role: str = "crm") -> Any:
        words = [word for one in settings for word in ("--set", one)]
        return self.json("connection", "add", kind, "--role", role, "--name", "Program", *words)


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], own_logging: None) -> Shell:
    return Shell(tmp_path / "data", capsys)


def test_a_webhook_is_given_a_signing_secret(shell: Shell) -> None:
    made = shell.add(f"url={URL}", "events=call.final, recording.*")

    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", made["keys"]["secret"])
    assert made["urls"] == {}


def test_rotating_shows_the_new_secret_and_until_when_the_old_one_holds(shell: Shell) -> None:
    made = shell.add(f"url={URL}")
    rotated = shell.json("connection", "rotate", made["id"])
    shown = shell.json("connection", "show", made["id"], "--keys")
    until = datetime.fromisoformat(rotated["old_key_until"])

    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", rotated["keys"]["secret"])
    assert rotated["keys"]["secret"] != made["keys"]["secret"]
    assert abs(until - datetime.now(UTC) - timedelta(hours=24)) < timedelta(minutes=1)
    assert shown["keys"] == rotated["keys"]
    assert shown["old_keys_until"] == {"secret": rotated["old_key_until"]}


def test_rotating_for_people_shows_the_new_secret_once(shell: Shell) -> None:
    made = shell.add(f"url={URL}")
    status, out, err = shell("connection", "rotate", made["id"], "--key", "secret", "--overlap-hours", "1.5")
    shown = shell("connection", "show", made["id"])[1]
    secret = re.findall(r"whsec_\S+", out)

    assert (status, err, len(secret)) == (0, "", 1)
    assert "the one before holds until" in out
    assert made["keys"]["secret"] not in out
    assert "old key secret" in shown
    assert secret[0] not in shown


def test_an_old_key_may_end_at_once(shell: Shell) -> None:
    made = shell.add(f"url={URL}")
    rotated = shell.json("connection", "rotate", made["id"], "--overlap-hours", "0")
    shown = shell.json("connection", "show", made["id"])

    assert (rotated["old_key_until"], shown["old_keys_until"]) == (None, {})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--overlap-hours", "-1"], "0 to 720 hours"),
        (["--overlap-hours", "1000"], "0 to 720 hours"),
        (["--key", "token"], "expected --key as one of secret, got 'token'"),
    ],
)
def test_what_cannot_be_rotated_is_refused_in_a_line(shell: Shell, words: list[str], said: str) -> None:
    made = shell.add(f"url={URL}")
    status, out, err = shell("connection", "rotate", made["id"], *words)
    shown = shell.json("connection", "show", made["id"], "--keys")

    assert (status, out, err.count("\n")) == (1, "", 1)
    assert said in err
    assert shown["keys"] == made["keys"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ([], "url"),
        (["url=program.example"], "url"),
        ([f"url={URL}", "events=call.finished"], "call.ringing, call.answered, call.leg_ended"),
        ([f"url={URL}", "secret=whsec_canary"], "24 to 64 bytes"),
    ],
)
def test_a_wrong_webhook_is_refused_in_a_line(shell: Shell, settings: list[str], said: str) -> None:
    words = [word for one in settings for word in ("--set", one)]
    status, out, err = shell("connection", "add", "webhook", "--role", "crm", "--name", "x", *words)

    assert (status, out, err.count("\n")) == (1, "", 1)
    assert said in err
    assert "canary" not in err
    assert shell.json("connection", "list") == []


def test_trying_a_webhook_sends_a_signed_event_and_says_what_came_back(shell: Shell) -> None:
    with receiving([204, 410]) as (url, got):
        made = shell.add(f"url={url}", "allow_private=true")
        secret = made["keys"]["secret"]
        right = shell("connection", "try", made["id"])
        gone = shell("connection", "try", made["id"])
        events = [Webhook(secret).verify(body, headers) for headers, body in got]

    assert [event["type"] for event in events] == ["test", "test"]
    assert (right[0], gone[0]) == (0, 1)
    assert "204" in right[1]
    assert "says that it is gone (410)" in gone[1]
    assert secret.removeprefix("whsec_") not in "".join(map(str, (*right, *gone)))


@contextmanager
def receiving(statuses: list[int]) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A receiver in a thread of its own: commands run loops of theirs."""
    got: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append((dict(self.headers.items()), body))
            self.send_response(statuses[len(got) - 1])
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hooks", got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
